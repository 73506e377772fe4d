"""Measures the signed-in list of orders, and what to compare it with, in turns. infra/load/page installs what this needs.

Portico runs as an edge node (`serve --http --https`): the sync of orders is another's benchmark. The client, the servers
and PostgreSQL share the machine's cores, so requests a second of all contenders bear the client's cost alike.
"""
import argparse
import http.client
import os
import pathlib
import random
import shutil
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from bench import statements
from bench.contenders import Caddy, Hello, Pgbench, Portico
from bench.database import Database
from bench.figures import figure
from bench.ground import build, certificate
from stage.ports import Ports
from stage.processes import Failed, Programs, Stopped, stop_on_signals

# Each visitor's session is asked for again after all others, so that the product's memory of sessions (a second) seldom helps.
VISITORS, ACCOUNTS = 2000, 400
# pages whose SQL pgbench repeats
RECORDED = 32


def main():
    options = arguments()
    os.chdir(HERE.parents[1])
    stop_on_signals()
    for name in [name for name in os.environ if name.startswith("PORTICO_")]:
        del os.environ[name]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="portico-load-", dir="/var/tmp"))
    folder.chmod(0o755)
    (folder / "log").mkdir()
    programs = Programs(folder / "log")
    try:
        Bench(options, folder, programs).run()
        return 0
    except Stopped as stopped:
        tell(f"stopped ({stopped})")
        return 130
    except (Failed, OSError, http.client.HTTPException) as error:
        tell(str(error))
        return 1
    finally:
        programs.stop()
        if options.keep:
            tell(f"its files are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


class Bench:
    def __init__(self, options, folder, programs):
        self.options, self.folder, self.programs = options, folder, programs
        self.binaries = build()
        self.began = time.monotonic()
        self.files, self.ports = certificate(folder), Ports()
        self.database = Database(folder / "postgres", programs)

    def run(self):
        porticos = self.seeded()
        page = porticos[0]
        pgbench = Pgbench(self.database, page.db, self.recorded(page), self.folder)
        self.database.stop()
        self.database.start(durable=True)
        for portico in porticos:
            portico.start()
            self.tell(f"{portico.tenants} tenants: first page after {portico.first_page:.2f} s, {portico.resident >> 20} MiB")
        rest = (self.binaries.yardstick, self.files, page.visitors, self.programs)
        hello, caddy = Hello("hello", self.ports.take(0), *rest), Caddy("caddy", self.ports.take(0), *rest)
        hello.start()
        page.page(page.some_visitors(1)[0])
        caddy.start(self.folder, page.body, self.ports.take(0))
        turns = self.turns(porticos, [*porticos, hello, caddy, pgbench])
        self.report(porticos, turns, hello, caddy, pgbench)

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
        for visitor in visitors:
            portico.page(visitor)
        # until no session is remembered
        time.sleep(1.2)
        begin = self.database.log.stat().st_size
        for visitor in visitors:
            if portico.page(visitor) != 200:
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
        pages = [sum((found[at * each + nth] for nth in range(each)), []) for at in range(len(visitors))]
        return [statements.script([page], f"p{at}") for at, page in enumerate(pages)]

    def turns(self, porticos, contenders):
        """Runs by contender and round: all of them in each round, in an order of chance."""
        turns, seconds = {each.name: [] for each in contenders}, self.options.seconds
        for each in contenders:
            each.drive(max(1, seconds / 2))
        for number in range(self.options.rounds):
            for portico in porticos:
                portico.freshen()
            for each in random.sample(contenders, len(contenders)):
                turns[each.name].append(each.drive(seconds))
            rates = ", ".join(f"{name} {runs[-1].per_second:.0f}/s {runs[-1].micros:.0f} us" for name, runs in turns.items())
            self.tell(f"round {number + 1}: {rates}")
            self.programs.check()
        return turns

    def report(self, porticos, turns, hello, caddy, pgbench):
        page = turns[porticos[0].name]
        self.tell(f"a page has {page[-1].body} octets; p50 {median(page, 'p50'):.0f} us, p99 {median(page, 'p99'):.0f} us; load average "
                  f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        figure("page.requests", [run.per_second for run in page], "1/s", ">= 1000")
        figure("page.cpu", [run.micros for run in page], "us", "<= 650")
        for other, goal in ((caddy, ">= 0.6"), (hello, ">= 0.08"), (pgbench, ">= 0.6")):
            ratios = [one.per_second / two.per_second for one, two in zip(page, turns[other.name])]
            figure(f"page.of_{other.name}", ratios, "x", goal)
        for portico in porticos[1:]:
            runs, size = turns[portico.name], portico.tenants
            figure(f"page.slower_at_{size}_tenants", [one.per_second / two.per_second for one, two in zip(page, runs)], "x", "<= 1.15")
            figure(f"page.cpu_at_{size}_tenants", [two.micros / one.micros for one, two in zip(page, runs)], "x", "<= 1.15")
        most = porticos[-1]
        idle = (most.resident - porticos[0].resident) / (most.tenants - porticos[0].tenants)
        figure(f"page.start_with_{most.tenants}_tenants", [most.first_page], "s", "<= 3", "starts")
        figure("page.memory_of_an_idle_tenant", [idle], "octets", "<= 2048", "starts")

    def tell(self, text):
        tell(f"{time.monotonic() - self.began:6.1f} s  {text}")


def median(runs, name):
    return statistics.median(getattr(run, name) for run in runs)


def tell(text):
    print(text, file=sys.stderr, flush=True)


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
