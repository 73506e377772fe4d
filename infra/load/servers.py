"""Who shakes hands: Portico's edge over a database of many domains, nginx and Caddy with one certificate of the same kind."""
import json
import time

from stage.https import Connection
from stage.ports import answers
from stage.processes import Failed, run, wait_until

from .contenders import BASE
from .figures import cpu_seconds, family, resident_megabytes


class Server:
    """A TLS port, and the hosts that a client may name there. A turn is what the client saw (`per_second`) and `cpu_us`:
    CPU time of the server for one handshake."""

    def __init__(self, name, port, client, hosts, ca, programs):
        self.name, self.port, self.client, self.hosts, self.ca, self.programs = name, port, client, hosts, ca, programs
        self.server = None

    def cpu(self):
        return cpu_seconds(family(self.server.process.pid))

    def handshakes(self, seconds, group="x25519"):
        before = self.cpu()
        seen = self.ask("handshakes", "--group", group, "--seconds", seconds)
        return {**seen, "cpu_us": (self.cpu() - before) * 1e6 / seen["requests"]}

    def visits(self, hosts, *words):
        return self.ask("visits", *words, hosts=hosts)

    def ask(self, command, *words, hosts=None):
        where = ["--connect", f"127.0.0.1:{self.port}", "--ca", self.ca, "--hosts", hosts or self.hosts]
        return json.loads(run(f"the client ({command})", [self.client, command, *where, *words]))

    def wait(self):
        wait_until(self.name, lambda: answers(self.port), 60, self.programs, 0.02)

    def resident(self):
        return resident_megabytes(self.server.process.pid)

    def stop(self):
        self.programs.forget(self.server)
        self.server.stop(20)


class Edge(Server):
    """Portico as a node of the edge. `worker`: also what checks domains and orders certificates, at `pebble`."""

    def __init__(self, name, db, folder, binaries, database, ports, programs, pebble=None):
        super().__init__(name, ports.take(), binaries.edge, folder / "hosts", folder / "ca.pem", programs)
        self.db, self.folder, self.binary, self.database, self.pebble = db, folder, binaries.portico, database, pebble
        self.http, self.config, self.keys = ports.take(), folder / f"{name}.toml", folder / "keys"

    def seed(self, domains, script):
        """A database with so many domains; without any, a tenant alone."""
        self.database.psql("postgres", "-c", f"create database {self.db}")
        self.configure()
        self.command("migrate")
        self.database.psql("postgres", "-c", "alter role portico_app login; alter role portico_operator login")
        self.command("tenant", "create", "--slug", "first", "--name", "First Vendor", "--brand", "techflow", "--modules", "orders")
        if domains:
            self.database.psql(self.db, "-v", f"domains={domains}", "-f", script)

    def certificates(self, count):
        """Installs certificates for the first hosts; gives the first one."""
        where = ["--database", self.url(), "--keys", self.keys, "--out", self.folder, "--certificates", count]
        return json.loads(run("the seed of certificates", [self.client, "seed", *where]))["host"]

    def start(self, *what):
        self.configure()
        self.server = self.programs.start(self.name, [self.binary, "serve", *what, "--config", self.config])
        self.wait()

    def command(self, *words):
        return run(f"portico {words[0]}", [self.binary, *words, "--config", self.config])

    def url(self, role="portico_app"):
        return self.database.url(role, self.db)

    def configure(self):
        acme = "" if self.pebble is None else f'''[acme]
directory = "{self.pebble.directory}"
ca_file = "{self.pebble.https_ca}"
[dns]
servers = ["127.0.0.1:{self.pebble.dns}"]
'''
        # few addresses ask for everything here, so what an address may ask for is set out of the way
        self.config.write_text(f'''[platform]
base_domain = "{BASE}"
data_dir = "{self.folder}"
demo = true
[http]
listen = "127.0.0.1:{self.http}"
[https]
listen = "127.0.0.1:{self.port}"
public_port = {self.port}
[database]
url = "{self.url()}"
operator_url = "{self.url("portico_operator")}"
owner_url = "{self.url("postgres")}"
[secrets]
key_file = "{self.keys}"
[smtp]
from = "portal@{BASE}"
[limits]
connections_per_second = 100000
connection_burst = 100000
requests_per_second = 1000000
request_burst = 1000000
{acme}''')

    def status(self, host):
        connection = Connection(host, self.port, self.ca)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status
        finally:
            connection.close()

    def settled(self, seconds=1.0):
        """Until the node idles: what it does after a start is not what is measured."""
        busy = self.cpu()
        for _ in range(60):
            time.sleep(seconds)
            now = self.cpu()
            if now - busy < 0.05 * seconds:
                return
            busy = now
        raise Failed(f"{self.name} does not come to rest: see {self.server.log}")


class Nginx(Server):
    """Debian's nginx on OpenSSL, with its defaults for TLS 1.3."""

    def start(self, folder):
        config = folder / "nginx.conf"
        places = "".join(f"    {kind}_temp_path {folder}/nginx-{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config.write_text(f'''daemon off;
user root;
worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/log/nginx-errors.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
{places}    server {{
        listen 127.0.0.1:{self.port} ssl;
        ssl_certificate {folder}/chain.pem;
        ssl_certificate_key {folder}/key.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        location / {{ return 200 "hello"; }}
    }}
}}
''')
        command = ["/usr/sbin/nginx", "-p", folder, "-e", folder / "log/nginx-errors.log", "-c", config]
        self.server = self.programs.start("nginx", command)
        self.wait()


class Caddy(Server):
    """Debian's Caddy on Go's TLS."""

    def start(self, folder):
        config = folder / "Caddyfile"
        config.write_text(f'''{{
    admin off
    auto_https off
    log {{
        output discard
    }}
}}
https://*:{self.port} {{
    bind 127.0.0.1
    tls {folder}/chain.pem {folder}/key.pem
    respond "hello"
}}
''')
        command = ["caddy", "run", "--adapter", "caddyfile", "--config", config]
        self.server = self.programs.start("caddy", command, env={"HOME": str(folder)})
        self.wait()
