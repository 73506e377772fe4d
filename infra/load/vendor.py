"""A vendor at work: its order system in a PostgreSQL of its own, and Portico, which keeps that system's orders and shows them.

Portico runs whole, in one process: what serves pages is what reads the order system, so that an order that is opened is
read anew. A second vendor lives beside, with orders and without an order system.
"""
import json
import os
import pathlib
import time

from stage.erp import ORDERFLOW, Erp
from stage.portico import TOP
from stage.processes import Failed, wait_until

from .contenders import Portico
from .database import Database
from .figures import cpu_seconds, family

HERE = pathlib.Path(__file__).resolve().parent
# the order system's twenty accounts with names come before those that are made by number
NAMED = 20


def cores():
    """The cores of the order system and ours, as taskset has them. They stand for two machines; one core is both."""
    count = os.cpu_count()
    return (f"0-{count // 2 - 1}", f"{count // 2}-{count - 1}") if count > 1 else ("0", "0")


class System(Erp):
    """The order system, filled for load. Nothing cleans up behind its back: each transaction id that goes is somebody's."""

    def __init__(self, orders, accounts, on, *rest):
        super().__init__(*rest)
        self.orders, self.accounts, self.on = orders, accounts, on

    def settings(self):
        return ["-c", "autovacuum=off", "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB"]

    def before(self):
        return ["taskset", "-c", self.on] if self.on else []

    def generate(self):
        self.psql("orderflow", "-v", f"orders={self.orders}", "-v", f"customers={self.accounts + NAMED}", "-f", ORDERFLOW / "generate.sql")

    def _file_documents(self):
        """None: the papers of so many years are nobody's business here."""


class Vendor(Portico):
    """Portico over the order system. `sessions` are signed in at the first vendor, `others` at the second."""

    def __init__(self, system, sessions, others, on, log, *rest):
        super().__init__("vendor", *rest)
        self.system, self.sessions, self.others, self.on, self.log = system, sessions, others, on, log

    def seed(self):
        """Until everything of the order system is here."""
        self.folder.mkdir()
        self.database.psql("postgres", "-c", f"create database {self.db}")
        self._configure()
        self.command("migrate")
        self.database.psql("postgres", "-c", "alter role portico_app login; alter role portico_operator login")
        for slug in ("first", "second"):
            self.command("tenant", "create", "--slug", slug, "--name", f"{slug.title()} Vendor", "--brand", "techflow", "--time-zone",
                         "America/Chicago", "--modules", "orders,invoices,account")
        self.command("certificate", "import", "--chain", self.files.chain, "--key", self.files.key)
        words = {"accounts": self.system.accounts, "sessions": self.sessions, "others": self.others}
        self.database.psql(self.db, *[part for name, value in words.items() for part in ("-v", f"{name}={value}")], "-f", HERE / "vendor.sql")
        self.connect(self.system.port)
        self.serve()
        wait_until("the orders and invoices of the order system", self.loaded, 1800, self.programs, 0.5)
        self.loading = {"portico": cpu_seconds([self.server.process.pid]), "its database": self.database.cpu(),
                        "the order system": cpu_seconds(family(self.system.server.process.pid))}
        self.database.psql(self.db, "-f", HERE / "second.sql")
        self.stop()

    def connect(self, port):
        """Reads the order system through this port from now on."""
        url = f"postgres://portal_reader:{self.system.reader}@127.0.0.1:{port}/orderflow?sslmode=disable"
        self.command("connector", "add", "--tenant", "first", "--name", "OrderFlow", "--mapping", TOP / "infra/orderflow/mapping.toml",
                     "--url", url)

    def serve(self):
        """The whole program, until it has read what is open and serves."""
        before = ["taskset", "-c", self.on] if self.on else []
        self.asked = time.time()
        self.server = self.programs.start("portico", [*before, self.binary, "--log", self.log, "serve", "--config", self.config])
        self.wait()
        wait_until("the order system is read", self.fresh, 60, self.programs, 0.1)

    def fresh(self):
        return self.value(f"select state = 'live' and extract(epoch from last_hot_at) > {self.asked} from connectors where enabled") == "t"

    def loaded(self):
        done = self.value("select last_sweep_at is not null and books->'invoice'->>'swept_at' is not null from connectors where enabled")
        return done == "t"

    def value(self, query):
        return self.database.psql(self.db, "-A", "-t", "-c", query).strip()

    def visitors_with_pages(self):
        """Everybody who is signed in: host, cookie, orders (id, number, place in the list), invoices; some of the newest of each."""
        query = """select json_build_object('host', v.host, 'cookie', v.cookie,
            'orders', (select coalesce(json_agg(json_build_array(id, number, place)), '[]') from (select id, number, (extract(epoch from sort_at) * 1000000)::bigint || '-' || replace(id::text, '-', '') as place from orders o
                        where o.tenant_id = v.tenant_id and o.customer_id = v.customer_id and deleted_at is null order by sort_at desc limit 40) o),
            'invoices', (select coalesce(json_agg(id), '[]') from (select id from invoices i
                        where i.tenant_id = v.tenant_id and i.customer_id = v.customer_id and deleted_at is null order by issued_on desc limit 10) i))
            from load_visitors v order by md5(n::text)"""
        found = [json.loads(line) for line in self.value(query).splitlines()]
        if not all(each["orders"] for each in found):
            raise Failed("somebody who is signed in has no orders")
        return found

    def server_times(self, since):
        """What the server's own log says of each answer from that octet on: (pattern of the route, status, ms)."""
        with open(self.server.log, errors="replace") as log:
            log.seek(since)
            for line in log:
                if '"answered"' in line:
                    said = json.loads(line)["fields"]
                    yield said["route"], int(said["status"]), said["micros"] / 1000

    def _configure(self):
        super()._configure()
        # nobody gives certificates here: the one that was imported serves all hosts
        self.config.write_text(self.config.read_text() + '[acme]\ndirectory = "https://127.0.0.1:1/directory"\n')


class Ground:
    """Both databases and both programs, begun and filled."""

    def __init__(self, options, folder, binaries, files, ports, programs, tell, apart=False, log="warn"):
        theirs, ours = cores() if apart else (None, None)
        self.theirs, self.ours, self.programs = theirs, ours, programs
        self.system = System(options.orders, options.accounts, theirs, folder / "orderflow", programs, ports)
        self.database = Database(folder / "postgres", programs)
        self.database.on = ours
        self.vendor = Vendor(self.system, options.sessions, options.others, ours, log, folder, binaries, self.database, ports, files, programs)
        self.tell = tell

    def prepare(self):
        self.system.start()
        self.tell(f"the order system has {self.system.orders} orders")
        self.database.initialise()
        self.database.start(True)
        self.vendor.seed()
        self.database.psql(self.vendor.db, "-c", "vacuum (analyze)")
        counts = self.vendor.value("select count(*) || ' orders, ' || count(*) filter (where source_open) || ' of them open' from orders join tenants t on t.id = tenant_id where slug = 'first'")
        self.tell(f"Portico has {counts}; processor time of loading: "
                  + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in self.vendor.loading.items()))
        self.system.psql("orderflow", "-c", "vacuum (analyze)")

