"""Measures what orders cost where there are many, each kind of page by its own SQL. infra/load/orders installs what this needs.

Portico is asked once for each page; what it asked of the database is read in the server's log and run by pgbench, in turns at
a tenant with many orders and at one where the same customer is alone. So a figure is what ten million orders of others cost.
"""
import argparse
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from load import statements
from load.contenders import Portico
from load.database import Database
from load.figures import figure, interleave, ratios
from load.frame import measure, tell
from load.ground import Binaries, build, certificate
from stage.ports import Ports
from stage.processes import Failed

# what is asked for, and how long its SQL may take at ten million, in ms
PAGES = {
    "list": ("", 5),
    "late": ("?show=late", 5),
    "arriving": ("?show=arriving", 5),
    "on_hold": ("?show=on_hold", 5),
    "delivered": ("?show=delivered", 5),
    "older": ("?before={middle}", 5),
    "delivered_older": ("?show=delivered&before={middle}", 5),
    "by_number": ("?q=SO-1000123", 5),
    "by_part": ("?q=CP-42", 15),
    "late_by_part": ("?show=late&q=CP-42", 15),
    "home": (None, 10),
    "file": ("/list.csv?show=late", 10),
}


# while it is filled; it is measured with the settings of the private server
FILLING = ("shared_buffers=2GB", "maintenance_work_mem=1GB", "max_wal_size=8GB", "wal_compression=on")


class Many(Portico):
    """A Portico over one tenant with so many orders, of which `own` belong to the customer who asks."""

    def __init__(self, orders, own, *rest):
        super().__init__(orders, *rest)
        self.orders, self.own = orders, own

    def seed(self):
        self.folder.mkdir()
        self.database.psql("postgres", "-c", f"create database {self.db}")
        self._configure()
        self.command("migrate")
        self.database.psql("postgres", "-c", "alter role portico_app login; alter role portico_operator login")
        self.command("tenant", "create", "--slug", "first", "--name", "First Vendor", "--brand", "techflow", "--modules", "orders")
        self.command("certificate", "import", "--chain", self.files.chain, "--key", self.files.key)
        words = {"own": self.own, "all": self.orders, "out": self.visitors}
        self.database.psql(self.db, *[part for name, value in words.items() for part in ("-v", f"{name}={value}")], "-f", HERE / "orders.sql")


class Bench:
    def __init__(self, options, folder, programs):
        self.options, self.folder, self.programs = options, folder, programs
        self.binaries = Binaries(options.binaries) if options.binaries else build()
        self.began = time.monotonic()
        self.tell(f"about {options.expected}; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        self.files, self.ports = certificate(folder), Ports(folder)
        self.database = Database(folder / "postgres", programs)

    def run(self):
        self.database.initialise()
        self.database.start(False, *statements.SETTINGS, *FILLING)
        options = self.options
        alone, among = [Many(size, options.own, self.folder, self.binaries, self.database, self.ports, self.files, self.programs)
                        for size in (options.own, options.orders)]
        scripts = {}
        for each in (alone, among):
            each.seed()
            self.tell(f"{each.orders} orders are there")
            scripts[each.db] = self.recorded(each)
        self.database.stop()
        self.database.start(True)
        for name, (_, most) in PAGES.items():
            turns = {each.db: lambda each=each: self.turn(name, each, scripts[each.db][name]) for each in (alone, among)}
            for turn in turns.values():
                turn()
            rounds = interleave(turns, options.rounds, lambda text: None)
            figure(f"ten_million.{name}", ratios(rounds, alone.db, among.db, "per_second"), "x", ("<=", 1.5), 3)
            figure(f"ten_million.{name}_ms", [1000 / turn[among.db]["per_second"] for turn in rounds], "ms", ("<=", most), 3)

    def recorded(self, portico):
        """The SQL of each page, as pgbench's scripts."""
        portico.start()
        visitor, scripts = portico.some_visitors(1)[0], {}
        middle = self.database.psql(portico.db, "-t", "-A", "-c", "select (extract(epoch from sort_at) * 1000000)::bigint || '-' || replace(id::text, '-', '')"
                                    f" from orders where external_id = '{portico.own // 2}'").strip()
        for name, (path, _) in PAGES.items():
            asked = lambda mark: self.page(portico, visitor, path and path.format(middle=middle), mark)
            asked("a")
            self.database.psql(portico.db, "-c", "notify sessions", "-c", f"select pg_notify('orders', id || ':*') from tenants")
            time.sleep(0.3)
            begin = self.database.log.stat().st_size
            asked("b")
            time.sleep(0.2)
            with open(self.database.log, errors="replace") as log:
                log.seek(begin)
                found = [each for each in statements.transactions(log.read()) if "app.system" not in each[0][0]]
            if not found:
                raise Failed(f"nothing was asked of the database for {name}: {self.database.log}")
            scripts[name] = statements.script(found)
        portico.stop()
        return scripts

    def page(self, portico, visitor, path, mark):
        """Asks for a page in a way that no kept one answers."""
        where = "/" if path is None else f"/orders{path}"
        query = f"{where}{'&' if '?' in where else '?'}turn={mark}"
        status = portico.ask(visitor, query)
        if status != 200:
            raise Failed(f"{query} answers {status}: see {portico.server.log}")

    def turn(self, name, portico, script):
        text, variables = script
        file = self.folder / f"{portico.db}-{name}.sql"
        file.write_text(text)
        rate = self.database.pgbench(portico.db, file, variables, 1, self.options.seconds)
        return {"per_second": rate, "cpu_us": 0}

    def tell(self, text):
        tell(f"{time.monotonic() - self.began:6.1f} s  {text}")


def main():
    return measure(Bench, arguments())


def arguments():
    parser = argparse.ArgumentParser(prog="infra/load/orders", description="""What orders cost where there are many: each page's own SQL
        for a customer with 100,000 orders at a tenant with ten million, beside the same customer alone. Figures go to stdout,
        progress to stderr.""")
    parser.add_argument("--quick", action="store_true", help="a fiftieth of the orders, fewer rounds")
    parser.add_argument("--rounds", type=int, help="how many rounds")
    parser.add_argument("--seconds", type=int, help="seconds a turn")
    parser.add_argument("--orders", type=int, help="of the tenant")
    parser.add_argument("--own", type=int, help="of the customer")
    parser.add_argument("--binaries", type=pathlib.Path, help="a folder with a portico that is built already")
    parser.add_argument("--keep", action="store_true", help="leave logs and database behind")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 7)
    options.seconds = options.seconds or (1 if options.quick else 2)
    options.orders = options.orders or (200_000 if options.quick else 10_000_000)
    options.own = options.own or (10_000 if options.quick else 100_000)
    options.expected = "two minutes" if options.quick else "fifteen minutes and 20 GB below /var/tmp"
    return options


if __name__ == "__main__":
    sys.exit(main())
