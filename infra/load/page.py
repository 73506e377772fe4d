"""Measures the signed-in list of orders, and what to compare it with, in turns. infra/load/page installs what this needs.

Portico runs as an edge node (`serve --http --https`): the sync of orders is another's benchmark. The client, the servers
and PostgreSQL share the machine's cores, so requests a second of all contenders bear the client's cost alike.
"""
import argparse
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from load import statements
from load.contenders import Anew, Caddy, Hello, Pgbench, Portico
from load.database import Database
from load.figures import figure, interleave, ratios
from load.frame import measure, tell
from load.ground import build, certificate
from stage.ports import Ports
from stage.processes import Failed

# Each visitor's session is asked for again after all others, so that the product's memory of sessions (a second) seldom helps.
VISITORS, ACCOUNTS = 2000, 400
# pages whose SQL is read from the server's log
RECORDED = 16


def main():
    return measure(Bench, arguments())


class Bench:
    def __init__(self, options, folder, programs):
        self.options, self.folder, self.programs = options, folder, programs
        self.binaries = build()
        self.began = time.monotonic()
        self.files, self.ports = certificate(folder), Ports(folder)
        self.database = Database(folder / "postgres", programs)

    def run(self):
        porticos = self.seeded()
        page = porticos[0]
        pgbench = Pgbench(self.database, page.db, *self.recorded(page), self.folder)
        self.database.stop()
        self.database.start(durable=True)
        for portico in porticos:
            portico.start()
            self.tell(f"{portico.tenants} tenants: first page after {portico.first_page:.2f} s, {portico.resident:.0f} MiB")
        rest = (self.binaries.yardstick, self.files, page.visitors, self.programs)
        hello, caddy = Hello("hello", self.ports.take(), *rest), Caddy("caddy", self.ports.take(), *rest)
        hello.start()
        page.page(page.some_visitors(1)[0])
        caddy.start(self.folder, page.body, self.ports.take())
        contenders = {each.name: each for each in [*porticos, Anew(page), hello, caddy, pgbench]}
        for each in contenders.values():
            each.drive(self.options.seconds)
        freshen = lambda: [portico.freshen() for portico in porticos]
        drives = {name: lambda each=each: each.drive(self.options.seconds) for name, each in contenders.items()}
        self.report(porticos, interleave(drives, self.options.rounds, self.tell, freshen))

    def seeded(self):
        self.database.initialise()
        self.database.start(False, *statements.SETTINGS)
        sizes = self.options.tenants
        porticos = [Portico(size, self.folder, self.binaries, self.database, self.ports, self.files, self.programs) for size in sizes]
        for portico in porticos:
            portico.seed(VISITORS, ACCOUNTS, HERE / "seed.sql")
            self.tell(f"{portico.tenants} tenants are there")
        return porticos

    def recorded(self, portico):
        """Asks for some pages one by one and reads in the server's log what they asked of the database."""
        portico.start()
        visitors = portico.some_visitors(RECORDED)
        # so that statements are prepared and tenants known
        for visitor in visitors:
            portico.page(visitor, "?before")
        # a hint that names nobody: all sessions are forgotten
        self.database.psql(portico.db, "-c", "notify sessions")
        time.sleep(0.5)
        begin = self.database.log.stat().st_size
        for visitor in visitors:
            if portico.page(visitor, "?anew") != 200:
                raise Failed("a visitor does not get the page")
            time.sleep(0.01)
        time.sleep(0.2)
        with open(self.database.log, errors="replace") as log:
            log.seek(begin)
            found = [each for each in statements.transactions(log.read()) if "app.system" not in each[0][0]]
        portico.stop()
        each, rest = divmod(len(found), len(visitors))
        if rest or not each:
            raise Failed(f"{len(found)} transactions of {len(visitors)} pages: {portico.server.log}")
        sent = sum(len(transaction) for transaction in found) / len(visitors)
        self.tell(f"a page is {each} transactions, {sent:.0f} messages")
        # One visitor's, again and again: pgbench prepares each script's statements apart, and would plan more than it runs.
        return statements.script(found[-each:])

    def report(self, porticos, rounds):
        name, last = porticos[0].name, rounds[-1]
        self.tell(f"a page has {last[name]['body_bytes']} octets; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        for other in last:
            figure(f"{other}.per_second", [turns[other]["per_second"] for turns in rounds], "1/s", digits=0)
        # As visitors ask: a page that has not changed may be given again. And the hard case: every page read and made anew.
        for shown, contender in (("page", name), ("page_anew", "page_anew")):
            each = lambda key: [turns[contender][key] for turns in rounds]
            figure(f"{shown}.p99", [micros / 1000 for micros in each("p99_us")], "ms")
            figure(f"{shown}.cpu", each("cpu_us"), "us", ("<=", 650), 0)
            for other, goal in (("caddy", 0.6), ("hello", 0.08), ("pgbench", 0.6)):
                figure(f"{shown}.of_{other}", ratios(rounds, contender, other, "per_second"), "x", (">=", goal), 3)
        for portico in porticos[1:]:
            size = portico.tenants
            figure(f"page.time_at_{size}_tenants", ratios(rounds, name, portico.name, "per_second"), "x", ("<=", 1.15), 3)
            figure(f"page.cpu_at_{size}_tenants", ratios(rounds, portico.name, name, "cpu_us"), "x", ("<=", 1.15), 3)
        for portico in porticos:
            figure(f"start_at_{portico.tenants}_tenants", [portico.first_page], "s", ("<=", 3), rounds="starts")
        most, megabytes = porticos[-1], porticos[-1].resident - porticos[0].resident
        figure("memory_of_an_idle_tenant", [megabytes * 1024 / (most.tenants - porticos[0].tenants)], "KiB", ("<=", 2), rounds="starts")

    def tell(self, text):
        tell(f"{time.monotonic() - self.began:6.1f} s  {text}")


def arguments():
    parser = argparse.ArgumentParser(prog="infra/load/page", description="""What a signed-in page costs: the list of orders over TLS,
        beside a bare server on the same TLS stack, Caddy as a proxy of a page of the same size, and pgbench with the page's own SQL;
        and the same page with many tenants. Figures go to stdout, progress to stderr.""")
    parser.add_argument("--quick", action="store_true", help="under a minute after the build: fewer rounds, 10 and 10,000 tenants")
    parser.add_argument("--rounds", type=int, help="how many rounds")
    parser.add_argument("--seconds", type=float, help="seconds a turn")
    parser.add_argument("--tenants", type=lambda text: [int(part) for part in text.split(",")], help="such as 10,10000; two or more")
    parser.add_argument("--keep", action="store_true", help="leave logs and database behind")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 9)
    options.seconds = options.seconds or (1.0 if options.quick else 2.0)
    options.tenants = options.tenants or ([10, 10_000] if options.quick else [10, 10_000, 100_000])
    return options


if __name__ == "__main__":
    sys.exit(main())
