"""Measures the edge, and what to compare it with, in turns. infra/load/edge installs what this needs.

Handshakes are compared by the server's CPU time, not by their rate: client and servers share the machine's cores. Portico
has all domains in its table and names a thousand hosts in turn; nginx and Caddy have one certificate.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from load.database import Database
from load.figures import figure, interleave, ratios
from load.frame import measure, tell
from load.servers import Caddy, Edge, Nginx
from stage.pebble import Pebble
from stage.ports import Ports
from stage.processes import Failed, run

# statements that a stranger's name must never cause: a certificate's key, a challenge, an order
OF_NAMES = "query ~* 'key_sealed.*from certificates' or query ~* 'from acme_challenges' or query ~* 'into acme_orders'"
SIMULATE = pathlib.Path("acme/examples/simulate.rs")
WARM = 1000
FIRST_VISITS = 1000


def main():
    return measure(Bench, arguments())


class Binaries:
    """Release builds; cargo says on stderr what it does."""

    def __init__(self, simulations):
        run("cargo build", ["cargo", "build", "--locked", "--release", "-p", "platform-server", "-p", "load-edge"], show=True)
        metadata = json.loads(run("cargo metadata", ["cargo", "metadata", "--no-deps", "--format-version", "1", "--offline"]))
        folder = pathlib.Path(metadata["target_directory"]) / "release"
        self.portico, self.edge, self.simulate = folder / "portico", folder / "load-edge", folder / "examples/simulate"
        if simulations and SIMULATE.exists():
            example = ["-p", "acme", "--features", "testing", "--example", "simulate"]
            run("cargo build", ["cargo", "build", "--locked", "--release", *example], show=True)


class Bench:
    def __init__(self, options, folder, programs):
        self.options, self.folder, self.programs = options, folder, programs
        self.binaries = Binaries(options.simulations)
        self.began = time.monotonic()
        self.ports = Ports(folder)
        self.database = Database(folder / "postgres", programs)

    def run(self):
        self.tell(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        self.table()
        self.database.initialise()
        self.database.start(False, "shared_preload_libraries=pg_stat_statements")
        node = Edge("edge", "portico_edge", self.folder, self.binaries, self.database, self.ports, self.programs)
        first = self.seed(node)
        self.memory(node)
        node.start("--http", "--https")
        node.settled()
        self.cold(node)
        self.handshakes(node, first)
        self.flood(node)
        self.leave(node)
        node.stop()
        self.arrive()
        self.tell(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        if self.options.simulations:
            self.simulations()

    def table(self):
        seen = json.loads(run("the route table", [self.binaries.edge, "table", "--hosts", self.options.table, "--rounds", max(5, self.options.rounds)]))
        of_raw = lambda name: [ours / raw for ours, raw in zip(seen[name], seen["raw"])]
        figure("lookup.raw_map", seen["raw"], "ns", digits=0)
        figure("lookup", seen["host"], "ns", digits=0)
        figure("lookup.of_raw_map", of_raw("host"), "x", ("<=", 1.3))
        figure("lookup.as_spelt_of_raw_map", of_raw("name"), "x")
        figure("lookup.of_a_stranger_of_raw_map", of_raw("stranger"), "x")
        figure("lookup.allocations", [seen["allocations"]], "allocations", ("<=", 0), 0, "runs")
        figure("idle_domain", [seen["octets"]], "B", ("<=", 300), 0, "runs")

    def seed(self, node):
        options = self.options
        node.seed(options.domains, HERE / "edge.sql")
        self.database.psql(node.db, "-c", "create extension pg_stat_statements")
        first = node.certificates(options.certificates)
        self.tell(f"{options.domains} domains and {options.certificates} certificates are there")
        hosts = self.database.psql(node.db, "-A", "-t", "-c",
                                   "select host from certificates where superseded_at is null order by host").split()
        # What is cold, what is warm, what is given back: no host is in two of them.
        cold = len(hosts) - WARM - options.leaving - 1
        self.cold_hosts = self.list("cold", hosts[1:1 + min(cold, options.cold)])
        self.crowd = self.list("crowd", [hosts[-1]] * FIRST_VISITS)
        self.leaving = self.list("leaving", hosts[-1 - options.leaving:-1])
        self.list("hosts", hosts[-1 - options.leaving - WARM:-1 - options.leaving])
        return first

    def list(self, name, hosts):
        path = self.folder / name
        path.write_text("".join(f"{host}\n" for host in hosts))
        return path

    def memory(self, node):
        words = ["--database", node.url(), "--keys", node.keys, "--base", "portico.localhost", "--certificates", self.options.certificates]
        seen = json.loads(run("what is held in memory", [self.binaries.edge, "hold", *words]))
        self.tell(f"{seen['hosts']} hosts and {seen['certificates']} certificates in memory; a certificate is counted with {seen['counted_kb']:.1f} KiB")
        figure("memory.of_a_certificate", [seen["certificate_kb"]], "KiB", ("<=", 5), 1, "runs")
        full = self.options.domains >= 100_000 and self.options.certificates >= 10_000
        figure(f"memory.at_{self.options.domains}_domains_{self.options.certificates}_certificates", [seen["resident_mb"]], "MiB",
               ("<=", 100) if full else None, 0, "runs")

    def cold(self, node):
        seen = node.visits(self.cold_hosts, "--warm", 20)
        self.refused(seen)
        figure("cold.p50", [seen["p50_ms"]], "ms", None, 2, f"runs of {seen['count']}")
        figure("cold.p99", [seen["p99_ms"]], "ms", ("<=", 10), 2, f"runs of {seen['count']}")
        before = self.queries(node)
        seen = node.visits(self.crowd, "--at-once", FIRST_VISITS)
        self.refused(seen)
        figure(f"cold.queries_of_{FIRST_VISITS}_first_visits", [self.queries(node) - before], "queries", ("<=", 1), 0, "runs")

    def queries(self, node):
        return int(self.database.psql(node.db, "-A", "-t", "-c", f"select coalesce(sum(calls), 0) from pg_stat_statements where {OF_NAMES}"))

    def refused(self, seen):
        if seen["refused"]:
            raise Failed(f"{seen['refused']} handshakes were refused: {seen}")

    def handshakes(self, node, first):
        one = self.list("first", [first])
        rest = (self.binaries.edge, one, node.ca, self.programs)
        nginx, caddy = Nginx("nginx", self.ports.take(), *rest), Caddy("caddy", self.ports.take(), *rest)
        for peer in (nginx, caddy):
            peer.start(self.folder)
        seconds = self.options.seconds
        turns = {"edge": lambda: node.handshakes(seconds), "edge_mlkem": lambda: node.handshakes(seconds, "mlkem"),
                 "nginx": lambda: nginx.handshakes(seconds), "caddy": lambda: caddy.handshakes(seconds)}
        for turn in turns.values():
            turn()
        rounds = interleave(turns, self.options.rounds, self.tell)
        for peer in (nginx, caddy):
            peer.stop()
        for name in turns:
            figure(f"handshake.{name}", [each[name]["cpu_us"] for each in rounds], "us", digits=0)
        figure("handshake.of_nginx", ratios(rounds, "edge", "nginx", "cpu_us"), "x", ("<=", 0.60))
        figure("handshake.of_caddy", ratios(rounds, "edge", "caddy", "cpu_us"), "x", ("<=", 0.55))
        figure("handshake.mlkem_of_nginx", ratios(rounds, "edge_mlkem", "nginx", "cpu_us"), "x", ("<=", 0.75))

    def flood(self, node):
        seconds = self.options.flood
        legitimate = ["--rate", 50, "--at-once", 64, "--seconds"]
        quiet = node.visits(node.hosts, *legitimate, min(seconds, 10))
        before, memory = (self.queries(node), self.orders(node)), node.resident()
        found = {}
        # It stands for other machines, which would not take the edge's cores.
        flood = lambda: found.update(json.loads(run("the flood", [
            "nice", "-n", 19, self.binaries.edge, "flood", "--connect", f"127.0.0.1:{node.port}", "--ca", node.ca, "--rate", 10_000, "--seconds", seconds])))
        # The death signal belongs to the thread that starts a program, so the flood's thread outlives it.
        thread = threading.Thread(target=flood)
        thread.start()
        busy = node.visits(node.hosts, *legitimate, seconds)
        thread.join()
        if not found:
            raise Failed("the flood did not end")
        queries, orders = self.queries(node) - before[0], self.orders(node) - before[1]
        self.tell(f"{found['sent']} hellos, {found['answered']} answered with more than an alert; {busy['count']} visits meanwhile, {busy['refused']} refused")
        figure("flood.rate", [found["per_second"]], "1/s", (">=", 10_000 * 0.98), 0, "runs")
        figure("flood.queries", [queries], "queries", ("<=", 0), 0, "runs")
        figure("flood.orders", [orders], "orders", ("<=", 0), 0, "runs")
        figure("flood.memory", [node.resident() - memory], "MiB", ("<=", 10), 1, "runs")
        figure("flood.visits_refused", [busy["refused"]], "visits", ("<=", 0), 0, "runs")
        figure("flood.p99_of_quiet_p99", [busy["p99_ms"] / quiet["p99_ms"]], "x", ("<=", 2), 2, f"runs, {quiet['p99_ms']:.1f} to {busy['p99_ms']:.1f} ms")

    def orders(self, node):
        return int(self.database.psql(node.db, "-A", "-t", "-c", "select count(*) from acme_orders"))

    def leave(self, node):
        other = Edge("other", node.db, self.folder, self.binaries, self.database, self.ports, self.programs)
        other.start("--http", "--https")
        other.settled()
        nodes = f"127.0.0.1:{node.port},127.0.0.1:{other.port}"
        words = ["--database", node.url("postgres"), "--nodes", nodes, "--ca", node.ca, "--hosts", self.leaving]
        seen = json.loads(run("off-boarding", [self.binaries.edge, "leave", *words]))
        other.stop()
        figure("leave.resumed_at_another_node", [seen["resumed"] / seen["could_resume"]], "x", (">=", 1), 2, "runs")
        figure("leave.p50", [seen["p50_ms"]], "ms", None, 1, f"runs of {seen['count']}")
        figure("leave.p99", [seen["p99_ms"]], "ms", ("<=", 250), 1, f"runs of {seen['count']}")

    def arrive(self):
        """A platform of its own: the worker of the big one would order a certificate for each of its hosts."""
        folder = self.folder / "small"
        (folder / "log").mkdir(parents=True)
        pebble = Pebble(folder / "pebble", self.programs, self.ports)
        node = Edge("small", "portico_small", folder, self.binaries, self.database, self.ports, self.programs, pebble)
        pebble.start(node.http, node.port)
        node.ca.write_text(pebble.roots())
        node.seed(0, None)
        node.start()
        lines = []
        for number in range(self.options.arriving + 1):
            host = f"success-{number}.arriving.example"
            answer = json.loads(node.command("domain", "claim", "--tenant", "first", host, "--json"))
            lines.append(f"{host} {answer['target']}")
        node.settled()
        words = ["--database", node.url("postgres"), "--connect", f"127.0.0.1:{node.port}", "--ca", node.ca,
                 "--dns", f"127.0.0.1:{pebble.dns_management}", "--hosts"]
        # The first one registers the account.
        run("a first arrival", [self.binaries.edge, "arrive", *words, self.list("small/first", lines[:1])])
        seen = json.loads(run("arrivals", [self.binaries.edge, "arrive", *words, self.list("small/arriving", lines[1:])]))
        node.stop()
        figure("arrive.p50", [seen["p50_ms"]], "ms", ("<=", 150), 0, f"runs of {seen['count']}")
        figure("arrive.p99", [seen["p99_ms"]], "ms", ("<=", 400), 0, f"runs of {seen['count']}")

    def simulations(self):
        """The certificate queue under a simulated authority, in virtual time: a program of `acme`, which prints its own figures."""
        if not SIMULATE.exists():
            self.tell("the simulations of the queue are not there")
            return
        done = subprocess.run([self.binaries.simulate, *(["--quick"] if self.options.quick else [])], check=False)
        if done.returncode:
            raise Failed(f"the simulations failed (status {done.returncode})")

    def tell(self, text):
        tell(f"{time.monotonic() - self.began:6.1f} s  {text}")


def arguments():
    parser = argparse.ArgumentParser(prog="infra/load/edge", description="""What the edge costs and how fast it reacts: look-ups, full
        handshakes beside nginx and Caddy, memory, cold certificates, domains that come and go, a flood of unknown names.
        Figures go to stdout, progress to stderr.""")
    parser.add_argument("--quick", action="store_true", help="under a minute after the build: fewer of everything")
    parser.add_argument("--rounds", type=int, help="how many rounds of handshakes")
    parser.add_argument("--seconds", type=float, help="seconds a turn")
    parser.add_argument("--flood", type=float, help="seconds of the flood")
    parser.add_argument("--without-simulations", dest="simulations", action="store_false",
                        help="leave out the queue's year, which takes longer than all the rest")
    parser.add_argument("--keep", action="store_true", help="leave logs and database behind")
    options = parser.parse_args()
    full = not options.quick
    options.rounds = options.rounds or (9 if full else 3)
    options.seconds = options.seconds or (2.0 if full else 0.6)
    options.flood = options.flood or (60.0 if full else 5.0)
    options.table = 100_000
    options.domains, options.certificates = (100_000, 10_000) if full else (20_000, 1800)
    options.cold, options.leaving, options.arriving = (4000, 100, 19) if full else (500, 20, 5)
    return options


if __name__ == "__main__":
    sys.exit(main())
