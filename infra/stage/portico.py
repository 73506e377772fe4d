"""Portico itself in the demo: built, configured, filled with the demo's two vendors by its own commands, and served."""
import hashlib
import json
import pathlib
import shlex

from .https import Visitor
from .processes import Failed, run, wait_until

TOP = pathlib.Path(__file__).resolve().parents[2]
BASE = "portico.localhost"
CUSTOM_DOMAIN = "success.brightwater.example"
TECHFLOW, LUMEN = f"techflow.{BASE}", f"lumen.{BASE}"

# Everything the demo's world consists of, as words of the command `portico`. Each may run twice.
SEEDS = [
    "tenant create --slug techflow --name 'TechFlow Industries' --brand techflow --time-zone America/Chicago --modules orders,invoices,account",
    "tenant create --slug lumen --name 'Lumen Notes' --brand lumen",
    "staff add techflow --email astrid.lund@techflow.example --name 'Astrid Lund' --role cs_admin",
    "staff add techflow --email casey.park@techflow.example --name 'Casey Park' --role csm",
    "staff add techflow --email ari.novak@techflow.example --name 'Ari Novak' --role agent",
    "staff add lumen --email lena.ode@lumen.example --name 'Lena Ode' --role csm",
    "customer create --tenant techflow --name 'Brightwater Utilities' --external-key BRW-1042",
    "contact create --tenant techflow --customer BRW-1042 --email maya.okafor@brightwater.example --name 'Maya Okafor' --role admin",
    "contact create --tenant techflow --customer BRW-1042 --email tomas.reyes@brightwater.example --name 'Tomás Reyes' --role user",
    "customer create --tenant techflow --name 'Halvorsen Marine' --external-key HAL-2210",
    "contact create --tenant techflow --customer HAL-2210 --email ingrid.halvorsen@halvorsen.example --name 'Ingrid Halvorsen' --role admin",
    "customer create --tenant lumen --name 'Fern & Field Studio' --external-key FERN",
    "contact create --tenant lumen --customer FERN --email noor.haddad@fernfield.example --name 'Noor Haddad' --role admin",
    "connector add --tenant techflow --kind orderflow --name OrderFlow --mapping infra/orderflow/mapping.toml --url {erp} "
    "--documents {documents}",
    "connector dry-run --tenant techflow --name OrderFlow",
    # answered by the link of the mail, in the demo's outbox
    "door set --tenant techflow --kind reorder --form mail --to orders@techflow.example --attach csv",
    "request rules --tenant techflow --purchase-order-required true",
]
MAYA, TOMAS = "maya.okafor@brightwater.example", "tomas.reyes@brightwater.example"
ASTRID, CASEY = "astrid.lund@techflow.example", "casey.park@techflow.example"
INGRID, NOOR = "ingrid.halvorsen@halvorsen.example", "noor.haddad@fernfield.example"


class Portico:
    def __init__(self, folder, logs, programs, ports):
        self.folder, self.logs, self.programs = folder, logs, programs
        self.http = ports.take(8080)
        self.https = ports.take(8443)
        self.smtp = ports.take()
        self.config = folder / "portico.toml"
        self.binary = None
        self.server = None

    def build(self, release=False):
        command = ["cargo", "build", "--locked", "-p", "platform-server", "--bin", "portico", *(["--release"] if release else [])]
        run("cargo build", command, show=True)
        metadata = json.loads(run("cargo metadata", ["cargo", "metadata", "--no-deps", "--format-version", "1", "--offline"]))
        self.binary = pathlib.Path(metadata["target_directory"]) / ("release" if release else "debug") / "portico"

    def configure(self, data, pebble):
        self.config.write_text(f'''# Written by infra/demo at each start.
[platform]
base_domain = "{BASE}"
data_dir = "{data}"
demo = true

[http]
listen = "127.0.0.1:{self.http}"

[https]
listen = "127.0.0.1:{self.https}"
public_port = {self.https}

[secrets]
key_file = "{self.folder / 'portico.key'}"

[acme]
directory = "{pebble.directory}"
contact = "mailto:demo@{BASE}"
ca_file = "{pebble.https_ca}"

[dns]
servers = ["127.0.0.1:{pebble.dns}"]

[smtp]
url = "smtp://127.0.0.1:{self.smtp}"
from = "portal@{BASE}"
''')

    def command(self, *words):
        """Runs `portico WORDS --config ..` and gives what it printed."""
        return run("portico " + " ".join(words[:2]), [self.binary, *words, "--config", self.config], log=self.logs / "commands.log")

    def seed(self, erp):
        """Fills the database, unless this list has been run over it already."""
        done = self.folder / "seeded"
        words = hashlib.sha256(json.dumps(SEEDS).encode() + self.mapping_digest()).hexdigest()
        mark = f"{words} {erp.port}"
        if done.exists() and done.read_text() == mark:
            return False
        for line in SEEDS:
            self.command(*[word.format(erp=erp.reader_url, documents=erp.documents) for word in shlex.split(line)])
        done.write_text(mark)
        return True

    @staticmethod
    def mapping_digest():
        mapping = TOP / "infra/orderflow/mapping.toml"
        return hashlib.sha256(mapping.read_bytes()).digest() if mapping.exists() else b""

    def claim(self, tenant, host):
        """Claims a domain; gives the CNAME target that its owner has to set."""
        answer = json.loads(self.command("domain", "claim", "--tenant", tenant, host, "--json"))
        for name in ("target", "cname_target", "cname"):
            if isinstance(answer.get(name), str):
                return answer[name]
        raise Failed(f"portico domain claim --json names no CNAME target: {answer}")

    def serve(self):
        self.server = self.programs.start("portico", [self.binary, "serve", "--config", self.config], cwd=TOP)

    def kill(self):
        """Kills Portico and nothing else: its database notices and shuts down in order, while Portico starts again."""
        self.programs.forget(self.server)
        self.server.process.kill()
        self.server.process.wait()

    def wait_until_served(self, host, ca, seconds):
        visitor = Visitor(host, self.https, ca)

        def answers():
            status = visitor.get("/").status
            if status != 200:
                raise Failed(f"it answers {status}")
            return True

        wait_until(f"https://{host}:{self.https}", answers, seconds, self.programs, 0.1)
