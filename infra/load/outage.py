"""Measures what an order system in trouble costs pages, and how soon a change is seen. infra/load/outage installs what this needs.

Between Portico and the order system is a line that can be spoiled (line.py). Each trouble lasts as long as a turn and begins
with it, so that the waits by which Portico learns of it are counted. Turns are in random order, two of them in health: these
differ by noise alone. Another vendor's customers look at their orders meanwhile.
"""
import argparse
import os
import pathlib
import random
import re
import socket
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import psycopg2

from load.figures import figure
from load.frame import measure, tell
from load.ground import Binaries, build, certificate
from load.vendor import Ground
from load.visits import Crowd, quantile
from stage.https import Connection
from stage.ports import Ports, answers
from stage.processes import Failed, wait_until

TROUBLES = ("swallow", "locked", "late", "reset")
LOCKED = "lock table of_ordhdr, of_ordlin, of_shphdr, of_ordevt, of_invhdr in access exclusive mode"
# of a vendor without an order system
HABITS = {"list": 40, "order": 40, "home": 20}


class Spoiled:
    """The line, as a program."""

    def __init__(self, ports, target, programs):
        self.port, self.control = ports.take(), ports.take()
        programs.start("line", ["/usr/bin/python3", "-u", HERE / "line.py", self.port, target, self.control])
        wait_until("the line", lambda: answers(self.port), 10, programs)

    def be(self, *words):
        with socket.create_connection(("127.0.0.1", self.control), 5) as control:
            control.sendall(" ".join(words).encode() + b"\n")
            if control.recv(16) != b"done\n":
                raise Failed("the line does not obey")


class Bench:
    def __init__(self, options, folder, programs):
        self.options, self.folder, self.programs = options, folder, programs
        self.binaries = Binaries(options.binaries) if options.binaries else build()
        self.began = time.monotonic()
        self.tell(f"about {options.expected}; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        self.files, self.ports = certificate(folder), Ports(folder)
        self.ground = Ground(options, folder, self.binaries, self.files, self.ports, programs, self.tell)
        self.system, self.vendor = self.ground.system, self.ground.vendor

    def run(self):
        self.ground.prepare()
        everybody = self.vendor.visitors_with_pages()
        self.first = [each for each in everybody if each["host"].startswith("first.")]
        self.second = [each for each in everybody if each["host"].startswith("second.")]
        self.line = Spoiled(self.ports, self.system.port, self.programs)
        self.vendor.connect(self.line.port)
        self.vendor.serve()
        self.turn("well")
        rounds = []
        for number in range(self.options.rounds):
            order = random.sample(["well", "well_again", *TROUBLES], len(TROUBLES) + 2)
            rounds.append({name: self.turn(name) for name in order})
            told = ", ".join(f"{name} {quantile(each['first'], 0.5):.1f} and {quantile(each['first'], 0.99):.1f} ms" for name, each in rounds[-1].items())
            self.tell(f"round {number + 1} of {self.options.rounds}: {told}")
        self.report(rounds)
        self.freshness()

    def turn(self, name):
        self.healthy()
        crowds = [Crowd(self.binaries.yardstick, self.vendor.port, self.files.ca, self.folder, f"{name}-{who}", visitors, self.options.seconds,
                        habits=habits) for who, visitors, habits in (("first", self.first, None), ("second", self.second, HABITS))]
        lock = self.spoil(name)
        seen = [crowd.seen() for crowd in crowds]
        if lock:
            lock.close()
        self.line.be("well")
        ms = lambda samples: [each.ms for each in samples]
        return {"first": ms(seen[0]), "second": ms(seen[1]), "orders": [each.ms for each in seen[0] if each.kind == "order"],
                "waited": sum(1 for each in seen[0] if each.kind == "order" and each.ms > 290),
                "failed": sum(1 for each in seen[0] + seen[1] if each.status != 200)}

    def spoil(self, name):
        """Begins the trouble; gives the session that holds a lock, if that is it."""
        if name == "locked":
            holder = self.connection()
            holder.cursor().execute(LOCKED)
            return holder
        if name in TROUBLES:
            self.line.be(name, *(["30"] if name == "late" else []))
        return None

    def connection(self):
        return psycopg2.connect(self.system.dsn, password=self.system.env["PGPASSWORD"], client_encoding="SQL_ASCII")

    def healthy(self):
        self.line.be("well")
        self.vendor.asked = time.time()
        began = time.monotonic()
        wait_until("the order system is read again", self.vendor.fresh, 90, self.programs, 0.1)
        return time.monotonic() - began

    def report(self, rounds):
        ratio = lambda name, who, share: [quantile(each[name][who], share) / quantile(each["well"][who], share) for each in rounds]
        for share in (0.5, 0.99):
            figure(f"outage.well.p{share * 100:.0f}", [quantile(each["well"]["first"], share) for each in rounds], "ms")
            figure(f"outage.well.order_p{share * 100:.0f}", [quantile(each["well"]["orders"], share) for each in rounds], "ms")
        for name in ("well_again", *TROUBLES):
            goal = lambda bound: None if name == "well_again" else ("<=", bound)
            figure(f"outage.{name}.p50", ratio(name, "first", 0.5), "x", goal(1.1))
            figure(f"outage.{name}.p99", ratio(name, "first", 0.99), "x", goal(1.1))
            figure(f"outage.{name}.another_vendor_p50", ratio(name, "second", 0.5), "x", goal(1.1))
            figure(f"outage.{name}.another_vendor_p99", ratio(name, "second", 0.99), "x", goal(1.2))
            figure(f"outage.{name}.waited_300_ms", [each[name]["waited"] for each in rounds], "pages", digits=0)
            figure(f"outage.{name}.failed", [each[name]["failed"] for each in rounds], "pages", ("<=", 0), 0)

    def freshness(self):
        """How soon a committed change is on a page that is open, and in a list that nobody's order was opened from."""
        self.healthy()
        owner = self.connection()
        owner.autocommit = True
        with owner.cursor() as cursor:
            cursor.execute("select ord_no, trim(cust_no) from of_ordhdr where ord_stat in ('N', 'A', 'P') and del_flag <> 'Y' and cust_no like 'ACC-%%'"
                           " order by random() limit %s", (self.options.changes * 2,))
            orders = cursor.fetchall()
            opened = [self.open_page(cursor, *order) for order in orders[:self.options.changes]]
            self.listed(cursor, orders[self.options.changes:])
        figure("fresh.open_page", [max(opened)], "s", ("<=", 2), 2, f"runs of {len(opened)}, median {quantile(opened, 0.5):.2f} s")

    def visitor(self, account):
        n = int(account.removeprefix("ACC-")) - 4000
        own = self.vendor.value(f"select cookie from load_visitors v join customers c on c.tenant_id = v.tenant_id and c.id = v.customer_id"
                                f" where c.external_key = 'ACC-{4000 + n}' and host like 'first.%' limit 1")
        return "first.portico.localhost", own

    def open_page(self, cursor, order, account):
        """Somebody has the page open: its stream tells of the change, and the page then shows it."""
        visitor = self.visitor(account)
        found = self.vendor.value(f"select id from orders o join tenants t on t.id = o.tenant_id where t.slug = 'first' and external_id = '{order}'")
        path, reason = f"/orders/{found}", f"Rework {random.randrange(10**6)}"
        stream = Connection(visitor[0], self.vendor.port, self.files.ca, timeout=30)
        stream.request("GET", f"{path}/events", headers={"Cookie": visitor[1], "Accept": "text/event-stream"})
        events = stream.getresponse()
        time.sleep(random.uniform(0.5, 1.5))
        cursor.execute("update of_ordhdr set curr_dt = localtimestamp::date + 40, chg_reason = %s, last_upd = localtimestamp where ord_no = %s",
                       (reason, order))
        began = time.monotonic()
        while True:
            line = events.readline()
            if line.startswith(b"data:"):
                seconds = time.monotonic() - began
                self.vendor.ask(visitor, path)
                if reason.encode() in self.vendor.body:
                    break
            if not line or time.monotonic() - began > 30:
                raise Failed(f"no event told of a change of order {order} within 30 s")
        stream.close()
        return seconds

    def listed(self, cursor, orders):
        waiting = {}
        for order, account in orders:
            cursor.execute("update of_ordhdr set ord_stat = 'H', hold_cd = 'EN' where ord_no = %s", (order,))
            waiting[order] = (self.visitor(account), time.monotonic())
            time.sleep(random.uniform(0, 1))
        seconds, began = [], time.monotonic()
        while waiting and time.monotonic() - began < 120:
            for order, (visitor, changed) in list(waiting.items()):
                self.vendor.ask(visitor, f"/orders?show=on_hold&q=SO-{order}")
                if re.search(rb"/orders/[0-9a-f]{8}-", self.vendor.body):
                    seconds.append(time.monotonic() - changed)
                    del waiting[order]
            time.sleep(0.1)
        if waiting:
            raise Failed(f"orders {list(waiting)} are not in their lists after 120 s")
        figure("fresh.list", [max(seconds)], "s", ("<=", 30), 2, f"runs of {len(seconds)}, median {quantile(seconds, 0.5):.2f} s")

    def tell(self, text):
        tell(f"{time.monotonic() - self.began:6.1f} s  {text}")


def main():
    return measure(Bench, arguments())


def arguments():
    parser = argparse.ArgumentParser(prog="infra/load/outage", description="""What an order system in trouble costs pages, its vendor's and
        another's, and how soon a change is seen. Figures go to stdout, progress to stderr.""")
    parser.add_argument("--quick", action="store_true", help="two minutes after the build: one round of short turns")
    parser.add_argument("--rounds", type=int, help="how many rounds")
    parser.add_argument("--seconds", type=float, help="seconds a turn")
    parser.add_argument("--orders", type=int, help="of the order system")
    parser.add_argument("--binaries", type=pathlib.Path, help="a folder with programs that are built already")
    parser.add_argument("--keep", action="store_true", help="leave logs and databases behind")
    options = parser.parse_args()
    full = not options.quick
    options.rounds = options.rounds or (3 if full else 1)
    options.seconds = options.seconds or (16.0 if full else 8.0)
    options.orders = options.orders or (60_000 if full else 25_000)
    options.accounts, options.sessions, options.others = 250, 500, 200
    options.changes = 12 if full else 3
    options.expected = "ten minutes" if full else "three minutes"
    return options


if __name__ == "__main__":
    sys.exit(main())
