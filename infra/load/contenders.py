"""Who is measured: each can be started, and driven for some seconds by the same client over the same certificate."""
import json
import time

from stage.https import Connection
from stage.ports import answers
from stage.processes import Failed, run, wait_until

from .figures import cpu_seconds, resident_megabytes

BASE = "portico.localhost"
PATH = "/orders"
CONNECTIONS = 8


class Contender:
    """A server on a TLS port; `visitors` is a file of hosts and cookies. A turn is what the client saw (`per_second`,
    `p50_us`, `p99_us`, `body_bytes`) and `cpu_us`: CPU time an answer took of the server and of what stands behind it."""

    def __init__(self, name, port, client, files, visitors, programs):
        self.name, self.port, self.client, self.files, self.visitors = name, port, client, files, visitors
        self.programs = programs

    def cpu(self):
        raise NotImplementedError

    def drive(self, seconds, *options):
        before = self.cpu()
        out = run("the client", [
            self.client, "drive", "--connect", f"127.0.0.1:{self.port}", "--host", f"v1.{BASE}", "--path", PATH, "--ca",
            self.files.ca, "--visitors", self.visitors, "--connections", CONNECTIONS, "--seconds", seconds, *options])
        seen = json.loads(out)
        return {**seen, "cpu_us": (self.cpu() - before) * 1e6 / seen["requests"]}

    def wait(self):
        wait_until(self.name, lambda: answers(self.port), 60, self.programs, 0.02)


class Portico(Contender):
    """Portico's edge over a database of some number of tenants, a few hundred of which are visited."""

    def __init__(self, tenants, folder, binaries, database, ports, files, programs):
        self.tenants, self.folder, self.binary, self.database = tenants, folder / f"portico-{tenants}", binaries.portico, database
        super().__init__(f"page_{tenants}", ports.take(), binaries.yardstick, files, self.folder / "visitors",
                         programs)
        self.http, self.db = ports.take(), f"portico_{tenants}"
        self.config = self.folder / "portico.toml"
        self.server = self.first_page = self.resident = None

    def seed(self, sessions, accounts, seed):
        self.folder.mkdir()
        self.database.psql("postgres", "-c", f"create database {self.db}")
        self._configure()
        self.command("migrate")
        self.database.psql("postgres", "-c", "alter role portico_app login; alter role portico_operator login")
        self.command("tenant", "create", "--slug", "first", "--name", "First Vendor", "--brand", "techflow", "--modules", "orders")
        self.command("certificate", "import", "--chain", self.files.chain, "--key", self.files.key)
        words = {"tenants": self.tenants, "visited": min(self.tenants, accounts), "visitors": sessions, "accounts": accounts,
                 "idle_orders": 5, "out": self.visitors}
        self.database.psql(self.db, *[part for name, value in words.items() for part in ("-v", f"{name}={value}")], "-f", seed)

    def start(self):
        """Until the first page; notes how long that took, and the memory after it."""
        began = time.monotonic()
        self.server = self.programs.start(self.db, [self.binary, "serve", "--http", "--https", "--config", self.config])
        self.wait()
        if self.page(self.some_visitors(1)[0]) != 200:
            raise Failed(f"the first page over {self.tenants} tenants is not there: see {self.server.log}")
        self.first_page = time.monotonic() - began
        time.sleep(0.5)
        self.resident = resident_megabytes(self.server.process.pid)

    def stop(self):
        self.programs.forget(self.server)
        self.server.stop(20)

    def cpu(self):
        return cpu_seconds([self.server.process.pid]) + self.database.cpu()

    def freshen(self):
        """What a sync does every few seconds: the visited tenants' data was read a moment ago."""
        self.database.psql(self.db, "-c", "update connectors set data_as_of = now() where tenant_id in (select tenant_id from sessions)")

    def drive(self, seconds, *options):
        """Every visitor has asked a moment ago, as in the midst of a day; what they were shown before is forgotten, or all of it
        would grow too old at once."""
        hint = "select pg_notify('orders', tenant_id || ':*') from (select distinct tenant_id from sessions) visited"
        self.database.psql(self.db, "-c", hint)
        super().drive(60, "--once")
        return super().drive(seconds, *options)

    def some_visitors(self, count):
        return [line.split(" ", 1) for line in self.visitors.read_text().splitlines()[:count]]

    def page(self, visitor, query=""):
        """One page of one visitor; gives its status."""
        return self.ask(visitor, PATH + query)

    def ask(self, visitor, path):
        """The same at any path."""
        host, cookie = visitor
        connection = Connection(host, self.port, self.files.ca)
        try:
            connection.request("GET", path, headers={"Cookie": cookie, "Accept": "text/html"})
            answer = connection.getresponse()
            self.body = answer.read()
            return answer.status
        finally:
            connection.close()

    def command(self, *words):
        return run(f"portico {words[0]}", [self.binary, *words, "--config", self.config])

    def _configure(self):
        # one address asks for everything here, so what an address may ask for is set out of the way
        self.config.write_text(f'''[platform]
base_domain = "{BASE}"
data_dir = "{self.folder}"
[http]
listen = "127.0.0.1:{self.http}"
[https]
listen = "127.0.0.1:{self.port}"
public_port = {self.port}
[database]
url = "{self.database.url("portico_app", self.db)}"
operator_url = "{self.database.url("portico_operator", self.db)}"
owner_url = "{self.database.url("postgres", self.db)}"
[secrets]
key_file = "{self.folder}/keys"
[smtp]
from = "portal@{BASE}"
[limits]
connections_per_second = 100000
connection_burst = 100000
requests_per_second = 1000000
request_burst = 1000000
''')


class Anew:
    """The same server asked so that it cannot give a page a second time: each is read and made anew."""

    def __init__(self, portico):
        self.name, self.portico = "page_anew", portico

    def drive(self, seconds):
        return Contender.drive(self.portico, seconds, "--anew")


class Hello(Contender):
    """A bare axum server on Portico's TLS stack: what is left when nothing is done."""

    def start(self):
        self.server = self.programs.start("hello", [self.client, "hello", "--listen", f"127.0.0.1:{self.port}", "--cert",
                                                    self.files.chain, "--key", self.files.key])
        self.wait()

    def cpu(self):
        return cpu_seconds([self.server.process.pid])


class Caddy(Contender):
    """Caddy before a server of one file in memory, the lightest that can stand behind a proxy."""

    def start(self, folder, body, backend):
        page, config = folder / "page.html", folder / "Caddyfile"
        page.write_bytes(body)
        config.write_text(f'''{{
    admin off
    auto_https off
    storage file_system {folder}/caddy
    log {{
        output discard
    }}
}}
https://*.{BASE}:{self.port} {{
    bind 127.0.0.1
    tls {self.files.chain} {self.files.key}
    reverse_proxy 127.0.0.1:{backend}
}}
''')
        self.backend = self.programs.start("file", [self.client, "file", "--listen", f"127.0.0.1:{backend}", "--file", page])
        self.server = self.programs.start("caddy", ["caddy", "run", "--adapter", "caddyfile", "--config", config],
                                          env={"HOME": str(folder)})
        self.wait()

    def cpu(self):
        return cpu_seconds([self.server.process.pid, self.backend.process.pid])


class Pgbench:
    """The page's SQL without the page."""

    name = "pgbench"

    def __init__(self, database, name, text, variables, folder):
        self.database, self.db, self.variables, self.script = database, name, variables, folder / "page.sql"
        self.script.write_text(text)

    def drive(self, seconds):
        before, seconds = self.database.cpu(), max(1, round(seconds))
        rate = self.database.pgbench(self.db, self.script, self.variables, CONNECTIONS, seconds)
        return {"per_second": rate, "cpu_us": (self.database.cpu() - before) * 1e6 / (rate * seconds)}
