"""The signed-in list of orders under load, beside its yardsticks. infra/load/page installs what this needs and calls it."""
import argparse
import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from load.figures import figure, interleave, ratios, resident_megabytes  # noqa: E402
from load.node import Node  # noqa: E402
from stage.erp import newest_postgresql  # noqa: E402
from stage.https import Visitor  # noqa: E402
from stage.pages import Page  # noqa: E402
from stage.portico import MAYA, TECHFLOW, TOP  # noqa: E402
from stage.ports import Ports, answers  # noqa: E402
from stage.processes import Failed, Stopped, run, stop_on_signals, wait_until  # noqa: E402
from stage.world import World  # noqa: E402

CONNECTIONS = 8
PAGE = "/orders"


class Bench:
    def __init__(self, options):
        self.options = options
        self.rounds, self.seconds = (3, 1.0) if options.quick else (7, 2.0)
        self.world = World(options.state, fresh=True, release=not options.dev)
        self.ports = Ports(f"{options.state} beside")
        self.cookies = self.world.state / "cookies"
        self.yard = self.world.state / "yard"
        self.yard.mkdir(exist_ok=True)

    def prepare(self):
        profile = [] if self.options.dev else ["--release"]
        run("cargo build", ["cargo", "build", "--locked", "-p", "load-hello", *profile], show=True)
        self.world.start(simulate=False)
        self.hello = self.world.portico.binary.with_name("load-hello")
        self.main = Node(self.world, "main", self.world.data / "portico", self.world.portico.https)
        self.main.program = self.world.portico.server
        self.main.make_sessions(MAYA, 200 if self.options.quick else 10000, self.cookies)
        self.visitor = Visitor(TECHFLOW, self.world.portico.https, self.world.ca)
        name, value = self.cookies.read_text().split("\n")[0].split("=", 1)
        self.visitor.cookies[name] = value
        wait_until("the orders", lambda: len(Page(self.visitor.get(PAGE).text).orders()) >= 10, 60, self.world.programs, 0.3)
        self.start_yardsticks()

    def start_yardsticks(self):
        """A bare server with our stack, and Caddy before a server of the page as it is now."""
        body = self.visitor.get(PAGE).body
        (self.yard / "page.html").write_bytes(body)
        ca, key, cert = self.yard / "ca.pem", self.yard / "leaf.key", self.yard / "leaf.pem"
        new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
        run("openssl", ["openssl", "req", "-x509", *new, "-subj", "/CN=yardsticks", "-keyout", self.yard / "ca.key", "-out", ca])
        run("openssl", ["openssl", "req", "-x509", *new, "-subj", "/CN=yardstick.example", "-addext", "subjectAltName=DNS:yardstick.example",
                        "-addext", "basicConstraints=critical,CA:FALSE", "-CA", ca, "-CAkey", self.yard / "ca.key", "-keyout", key, "-out", cert])
        file, self.caddy_port, self.hello_port = (self.ports.take() for _ in range(3))
        programs = self.world.programs
        self.hello_program = programs.start("hello", [self.hello, "hello", "--listen", f"127.0.0.1:{self.hello_port}", "--cert", cert, "--key", key])
        programs.start("file", [self.hello, "file", "--listen", f"127.0.0.1:{file}", "--file", self.yard / "page.html"])
        (self.yard / "Caddyfile").write_text(f"""{{
    admin off
    auto_https off
    storage file_system {self.yard}/caddy
}}
https://yardstick.example:{self.caddy_port} {{
    bind 127.0.0.1
    tls {cert} {key}
    reverse_proxy 127.0.0.1:{file}
}}
""")
        programs.start("caddy", ["caddy", "run", "--config", self.yard / "Caddyfile", "--adapter", "caddyfile"],
                       env={"XDG_DATA_HOME": str(self.yard), "XDG_CONFIG_HOME": str(self.yard)})
        for port in (file, self.caddy_port, self.hello_port):
            wait_until(f"a yardstick on port {port}", lambda port=port: answers(port), 20, programs)

    def drive(self, port, host, ca, cookies=None):
        command = [self.hello, "drive", "--connect", f"127.0.0.1:{port}", "--host", host, "--path", PAGE, "--ca", ca,
                   "--connections", CONNECTIONS, "--seconds", self.seconds]
        return json.loads(run("the client", [*command, *(["--cookies", cookies] if cookies else [])]))

    def drive_node(self, node):
        before = node.cpu()
        result = self.drive(node.https, TECHFLOW, self.world.ca, self.cookies)
        return {**result, "cpu_us": (node.cpu() - before) * 1e6 / result["requests"]}

    def yardstick(self, port):
        return self.drive(port, "yardstick.example", self.yard / "ca.pem")

    def pgbench(self, script):
        command = [newest_postgresql() / "pgbench", "-n", "-M", "prepared", "-c", CONNECTIONS, "-j", 1, "-T", max(1, round(self.seconds)),
                   "-f", script, "-h", self.main.sockets, "-U", "portico_app", "portico"]
        out = run("pgbench", command, user=self.main.user)
        rate = next(line for line in out.splitlines() if line.startswith("tps = "))
        return {"per_second": float(rate.split()[2])}

    def beside_others(self):
        found = self.main.statements_of(lambda: self.visitor.get(PAGE), 10)
        script = self.yard / "page.sql"
        script.write_text(pipeline(found))
        script.chmod(0o644)
        self.yard.chmod(0o755)
        print(f"  a page is {sum(len(one) for one in found)} statements in {len(found)} transactions, {len(self.visitor.get(PAGE).body)} bytes")
        results = interleave({
            "page": lambda: self.drive_node(self.main),
            "caddy": lambda: self.yardstick(self.caddy_port),
            "hello": lambda: self.yardstick(self.hello_port),
            "pgbench": lambda: self.pgbench(script),
        }, self.rounds)
        for name in ("page", "caddy", "hello", "pgbench"):
            figure(f"{name}_per_second", [result[name]["per_second"] for result in results], "/s", digits=0)
        figure("page_p99", [result["page"]["p99_us"] / 1000 for result in results], "ms")
        figure("page_cpu", [result["page"]["cpu_us"] for result in results], "us", ("<=", 650), 0)
        figure("page_over_caddy", ratios(results, "page", "caddy", "per_second"), "x", (">=", 0.6))
        figure("page_over_hello", ratios(results, "page", "hello", "per_second"), "x", (">=", 0.08), 3)
        figure("page_over_pgbench", ratios(results, "page", "pgbench", "per_second"), "x", (">=", 0.6))

    def over_tenants(self):
        """The same page with more vendors in the same database; one Portico each, all at once, so that rounds interleave."""
        sizes = [10, 10_000] if self.options.quick else [10, 10_000, 100_000]
        self.main.stop()
        nodes = {}
        for size in sizes:
            node = Node(self.world, str(size), self.world.data / f"portico-{size}", self.ports.take())
            self.main.copy_to(node.folder)
            node.write_config(self.ports.take())
            self.world.step(f"a Portico with {size} vendors", lambda node=node, size=size: (node.start(), node.fill(size), node.stop(), node.start()))
            nodes[str(size)] = node
        for node in nodes.values():
            self.drive_node(node)
        results = interleave({name: lambda node=node: self.drive_node(node) for name, node in nodes.items()}, self.rounds)
        for name, node in nodes.items():
            figure(f"start_at_{name}_tenants", [node.started_in], "s")
            figure(f"memory_at_{name}_tenants", [resident_megabytes(node.program.process.pid)], "MB", digits=0)
            if name != "10":
                figure(f"page_cpu_at_{name}_over_10", ratios(results, name, "10", "cpu_us"), "x", ("<=", 1.15))
                figure(f"page_time_at_{name}_over_10", [1 / ratio for ratio in ratios(results, name, "10", "per_second")], "x", ("<=", 1.15))


def pipeline(found):
    """A pgbench script of the statements, sent as Portico's would be if it never waited between them."""
    lines = ["\\startpipeline"]
    for transaction in found:
        for statement in transaction:
            # several statements in one message are one round trip of Portico's, and one of a pipeline anyway
            lines += [part.strip().replace("\n", " ") + ";" for part in statement.split(";") if part.strip()]
        lines.append("commit;")
    return "\n".join([*lines, "\\endpipeline", ""])


def main():
    parser = argparse.ArgumentParser(prog="infra/load/page", description="Requests a second and CPU time of the signed-in list of orders over TLS.")
    parser.add_argument("--quick", action="store_true", help="under a minute once built: fewer and shorter rounds, no 100,000 vendors")
    parser.add_argument("--dev", action="store_true", help="an unoptimised build: to work on this script, not to measure")
    parser.add_argument("--state", default=TOP / ".demo/load", type=pathlib.Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.chdir(TOP)
    stop_on_signals()
    bench = None
    try:
        bench = Bench(options)
        began = time.monotonic()
        bench.prepare()
        bench.beside_others()
        bench.over_tenants()
        print(f"measured in {time.monotonic() - began:.0f} s")
        return 0
    except Stopped as stopped:
        print(f"\nStopping ({stopped}).")
        return 130
    except (Failed, OSError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    finally:
        if bench is not None:
            bench.world.stop()


if __name__ == "__main__":
    sys.exit(main())
