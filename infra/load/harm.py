"""Measures what the portal costs the order system that it reads. infra/load/harm installs what this needs.

The order system and its clerks (pgbench) have one half of the cores, Portico, its database and its visitors the other: two
machines, as they are in life. What they still share (memory, caches, the host of a virtual machine) is in the figures too.
A round is three turns in random order, with the portal, without it, and without it again: the last two differ by noise alone.
"""
import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import psycopg2

from load.figures import cpu_seconds, family, figure, ratios
from load.frame import measure, tell
from load.ground import Binaries, build, certificate
from load.vendor import Ground
from load.visits import Crowd, quantile
from stage.ports import Ports
from stage.processes import Failed

# the clerks' habits: script and weight. All but `look` take exactly one transaction id each time.
CLERKS = {"take": 20, "move": 80, "pay": 15, "look": 60}
CLIENTS = 4
ALTERED = ("of_ordhdr", "of_ordlin", "of_shphdr", "of_ordevt", "of_invhdr")
# of what the clerks manage at most, for latency: a server that is not asked for all that it can do
PACE = 0.5


class Watch(threading.Thread):
    """Looks at the portal's role in the order system, twenty times a second."""

    QUERY = """select count(*), coalesce(max(extract(epoch from clock_timestamp() - xact_start)) filter (where backend_xmin is not null), 0),
        count(backend_xid) from pg_stat_activity where usename = 'portal_reader'"""

    def __init__(self, system):
        super().__init__(daemon=True)
        self.connection = connect(system)
        self.over, self.connections, self.oldest, self.writers, self.looks = threading.Event(), 0, 0.0, 0, 0

    def run(self):
        with self.connection.cursor() as cursor:
            while not self.over.wait(0.05):
                cursor.execute(self.QUERY)
                connections, oldest, writers = cursor.fetchone()
                self.connections, self.oldest = max(self.connections, connections), max(self.oldest, float(oldest))
                self.writers, self.looks = self.writers + writers, self.looks + 1

    def end(self):
        self.over.set()
        self.join()
        self.connection.close()
        return self


def connect(system):
    connection = psycopg2.connect(system.dsn, password=system.env["PGPASSWORD"], client_encoding="SQL_ASCII")
    connection.autocommit = True
    return connection


class Bench:
    def __init__(self, options, folder, programs):
        self.options, self.folder, self.programs = options, folder, programs
        self.binaries = Binaries(options.binaries) if options.binaries else build()
        self.began = time.monotonic()
        self.tell(f"about {options.expected}; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        self.files, self.ports = certificate(folder), Ports(folder)
        self.ground = Ground(options, folder, self.binaries, self.files, self.ports, programs, self.tell, apart=True)
        self.system, self.vendor = self.ground.system, self.ground.vendor

    def run(self):
        self.ground.prepare()
        self.visitors = self.vendor.visitors_with_pages()
        self.admin = connect(self.system)
        for side in ("one", "two"):
            self.clerks(f"warm-{side}", self.options.capacity)
        self.rate = self.clerks("measure", self.options.capacity)["per_second"] * PACE
        self.tell(f"the clerks manage {self.rate / PACE:.0f} transactions a second at most; latency is taken at {self.rate:.0f}")
        rounds = []
        for number in range(self.options.rounds):
            turns = {"with": self.with_portal, "without": self.without, "without_again": self.without}
            order = random.sample(list(turns), len(turns))
            rounds.append({name: turns[name](f"{number}-{name}") for name in order})
            told = ", ".join(f"{name} {each['per_second']:.0f}/s {each['p99']:.2f} ms" for name, each in rounds[-1].items())
            self.tell(f"round {number + 1} of {self.options.rounds}: {told}")
        self.report(rounds, self.quiet())

    def without(self, name):
        return {**self.work(name), "watch": None}

    def with_portal(self, name):
        self.vendor.serve()
        crowd = self.crowd(name, self.options.settle + self.options.capacity + self.options.pace + 2)
        time.sleep(self.options.settle)
        watch = Watch(self.system)
        watch.start()
        found = self.work(name)
        watch.end()
        samples = crowd.seen()
        self.vendor.stop()
        return {**found, "watch": watch, "pages": len(samples), "opened": sum(1 for each in samples if each.kind == "order"),
                "failed": sum(1 for each in samples if each.status != 200)}

    def crowd(self, name, seconds):
        return Crowd(self.binaries.yardstick, self.vendor.port, self.files.ca, self.folder, name, self.visitors, seconds,
                     on=self.ground.ours, listen=True)

    def work(self, name):
        """The clerks as fast as they can, then at their pace; and the transaction ids that went while they wrote."""
        before = self.next_id()
        fast = self.clerks(f"{name}-fast", self.options.capacity)
        paced = self.clerks(f"{name}-paced", self.options.pace, self.rate)
        ids = self.next_id() - before - fast["writes"] - paced["writes"]
        return {"per_second": fast["per_second"], "p99": quantile(paced["ms"], 0.99), "ids": ids}

    def clerks(self, name, seconds, rate=None):
        logs = self.folder / "clerks" / name
        logs.mkdir(parents=True)
        where = ["-h", "127.0.0.1", "-p", self.system.port, "-U", "postgres"]
        scripts = [part for script, weight in CLERKS.items() for part in ("-f", f"{HERE}/clerks/{script}.sql@{weight}")]
        variables = {"accounts": self.options.accounts, **self.spans()}
        command = [self.system.bin / "pgbench", "-n", "-M", "simple", *where, "-c", CLIENTS, "-j", 1, "-T", seconds, "-l", "--log-prefix",
                   logs / "log", *(["-R", f"{rate:.0f}"] if rate else []), *scripts]
        command += [part for key, value in variables.items() for part in ("-D", f"{key}={value}")]
        done = subprocess.run([*self.system.before(), *map(str, command), "orderflow"], capture_output=True, text=True, check=False,
                              env={**os.environ, **self.system.env})
        if done.returncode or "aborted" in done.stderr:
            raise Failed(f"pgbench: {done.stderr[-2000:]}")
        found = self.read(logs, rate)
        shutil.rmtree(logs)
        return {**found, "per_second": len(found["ms"]) / seconds}

    @staticmethod
    def read(logs, rate):
        """pgbench's own log, a line a transaction. With a rate its time counts from when it was due, not from when it began."""
        ms, writes = [], 0
        for log in logs.iterdir():
            for line in log.read_text().splitlines():
                words = line.split(" ")
                ms.append(int(words[2]) / 1000)
                writes += list(CLERKS)[int(words[3])] != "look"
        return {"ms": ms, "writes": writes}

    def spans(self):
        """Where the open orders and the invoices are, for the clerks' choices."""
        with self.admin.cursor() as cursor:
            cursor.execute("select min(ord_no), max(ord_no) from of_ordhdr where ord_stat not in ('D', 'C', 'X') and ord_no < 90000000")
            low, high = cursor.fetchone()
            cursor.execute("select min(inv_no), max(inv_no) from of_invhdr where inv_stat = 'O'")
            first, last = cursor.fetchone()
        return {"low": low, "high": high, "first_invoice": first, "last_invoice": last}

    def next_id(self):
        """The next transaction id, without taking one."""
        with self.admin.cursor() as cursor:
            cursor.execute("select txid_snapshot_xmax(txid_current_snapshot())")
            return cursor.fetchone()[0]

    def quiet(self):
        """The portal at work and nobody else: whatever an ALTER TABLE waits for is ours, and so is each id that goes."""
        self.vendor.serve()
        crowd = self.crowd("quiet", self.options.settle + self.options.alters * 0.25 + 2)
        time.sleep(self.options.settle)
        watch, before, waits = Watch(self.system), self.next_id(), []
        watch.start()
        busy, began_at = self.busy(), time.monotonic()
        with self.admin.cursor() as cursor:
            for number in range(self.options.alters):
                time.sleep(random.uniform(0.1, 0.3))
                began = time.monotonic()
                cursor.execute(f"alter table {ALTERED[number % len(ALTERED)]} add column load_{number} integer")
                waits.append(time.monotonic() - began)
        ids = self.next_id() - before - self.options.alters
        share = (self.busy() - busy) / (time.monotonic() - began_at)
        watch.end()
        crowd.seen()
        self.vendor.stop()
        return {"waits": waits, "ids": ids, "watch": watch, "share": share}

    def busy(self):
        return cpu_seconds(family(self.system.server.process.pid))

    def report(self, rounds, quiet):
        for name in ("with", "without"):
            figure(f"harm.{name}.per_second", [each[name]["per_second"] for each in rounds], "1/s", digits=0)
            figure(f"harm.{name}.p99", [each[name]["p99"] for each in rounds], "ms")
        figure("harm.tps", ratios(rounds, "with", "without", "per_second"), "x", (">=", 0.98), 3)
        figure("harm.tps_of_nothing", ratios(rounds, "without_again", "without", "per_second"), "x", digits=3)
        figure("harm.p99", ratios(rounds, "with", "without", "p99"), "x", ("<=", 1.05), 3)
        figure("harm.p99_of_nothing", ratios(rounds, "without_again", "without", "p99"), "x", digits=3)
        turns = [each["with"] for each in rounds]
        watches = [each["watch"] for each in turns] + [quiet["watch"]]
        figure("harm.xids", [each["ids"] for each in turns] + [quiet["ids"]], "ids", ("<=", 0), 0, "turns")
        figure("harm.xids_seen", [watch.writers for watch in watches], "ids", ("<=", 0), 0, f"turns, {sum(w.looks for w in watches)} looks")
        most = lambda values: [max(values)]
        figure("harm.oldest_snapshot", most([watch.oldest for watch in watches]), "s", ("<=", 2), 3, f"runs of {len(watches)} turns")
        figure("harm.connections", most([watch.connections for watch in watches]), "connections", ("<=", 2), 0, f"runs of {len(watches)} turns")
        figure("harm.alter_waits", most(quiet["waits"]), "s", ("<=", 0.5), 3, f"runs of {len(quiet['waits'])}")
        figure("harm.processor", [quiet["share"] * 100], "% of a core", digits=1, rounds="runs, what this looks with included")
        figure("harm.pages", [each["pages"] for each in turns], "pages", digits=0)
        figure("harm.orders_opened", [each["opened"] for each in turns], "orders", digits=0)
        figure("harm.pages_failed", [each["failed"] for each in turns], "pages", ("<=", 0), 0)

    def tell(self, text):
        tell(f"{time.monotonic() - self.began:6.1f} s  {text}")


def main():
    return measure(Bench, arguments())


def arguments():
    parser = argparse.ArgumentParser(prog="infra/load/harm", description="""What the portal costs the order system that it reads: a
        write load of pgbench, in rounds with and without Portico and 500 sessions that browse. Figures go to stdout, progress to stderr.""")
    parser.add_argument("--quick", action="store_true", help="two minutes after the build: fewer of everything")
    parser.add_argument("--rounds", type=int, help="how many rounds")
    parser.add_argument("--sessions", type=int, default=500, help="who are signed in")
    parser.add_argument("--orders", type=int, help="of the order system")
    parser.add_argument("--binaries", type=pathlib.Path, help="a folder with programs that are built already")
    parser.add_argument("--keep", action="store_true", help="leave logs and databases behind")
    options = parser.parse_args()
    full = not options.quick
    options.rounds = options.rounds or (7 if full else 1)
    options.orders = options.orders or (60_000 if full else 25_000)
    options.accounts, options.others = 250, 0
    options.settle, options.capacity, options.pace, options.alters = (3, 6, 10, 40) if full else (3, 3, 4, 10)
    options.expected = "ten minutes" if full else "two minutes"
    return options


if __name__ == "__main__":
    sys.exit(main())
