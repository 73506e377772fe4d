"""One Portico under load with its private PostgreSQL: sessions made in bulk, tenants to fill it, its statements written down."""
import base64
import collections
import hashlib
import os
import re
import shutil
import struct
import time

from load.figures import cpu_seconds, family
from stage.erp import newest_postgresql
from stage.portico import TECHFLOW, TOP
from stage.processes import Failed, run, wait_until
from stage.ports import answers

ENTRY = re.compile(r"^\S+ \S+ \S+ \[(\d+)\] (LOG|DETAIL):  (.*)$")
EXECUTED = re.compile(r"duration: [\d.]+ ms  (?:execute [^:]*|statement): (.*)", re.S)


class Node:
    """`folder` holds portico.toml's data_dir; `https` is its port."""

    def __init__(self, world, name, folder, https):
        self.world, self.name, self.folder, self.https = world, name, folder, https
        self.config = world.state / f"portico-{name}.toml"
        self.program, self.started_in = None, None
        self.user = "postgres" if os.geteuid() == 0 else None

    def write_config(self, http):
        text = self.world.portico.config.read_text()
        for was, now in ((str(self.world.data / "portico"), str(self.folder)), (f":{self.world.portico.http}", f":{http}"),
                         (f":{self.world.portico.https}", f":{self.https}"), (f"public_port = {self.world.portico.https}", f"public_port = {self.https}")):
            text = text.replace(was, now)
        self.config.write_text(text)

    def start(self, roles=("--http", "--https")):
        began = time.monotonic()
        self.program = self.world.programs.start(f"portico-{self.name}", [self.world.portico.binary, "serve", *roles, "--config", self.config, "--log", "warn"], cwd=TOP)
        wait_until(f"Portico {self.name}", lambda: answers(self.https), 120, self.world.programs, 0.01)
        self.started_in = time.monotonic() - began
        return self

    def stop(self):
        self.world.programs.forget(self.program)
        self.program.stop(30)

    @property
    def postmaster(self):
        return int((self.folder / "postgres/data/postmaster.pid").read_text().split()[0])

    @property
    def sockets(self):
        # the parent directory may be shut for us; PostgreSQL's lock file names it
        return (self.folder / "postgres/data/postmaster.pid").read_text().splitlines()[4]

    def sql(self, text, *words):
        command = [newest_postgresql() / "psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-h", self.sockets, "-U", "postgres", "-d", "portico"]
        return run("psql", [*command, *words, "-c", text], user=self.user)

    def cpu(self):
        return cpu_seconds([self.program.process.pid, *family(self.postmaster)])

    def make_sessions(self, email, count, path):
        """Signs a person in `count` times, as the rows of a sign-in would; writes their cookies to a file."""
        tokens = [base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=") for _ in range(count)]
        rows = ",".join(f"('\\x{session_hash(token).hex()}'::bytea)" for token in tokens)
        for at in range(0, count, 500):
            rows = ",".join(f"('\\x{session_hash(token).hex()}'::bytea)" for token in tokens[at:at + 500])
            self.sql(f"""insert into sessions (tenant_id, id, customer_id, contact_id, token_hash, host, user_agent, remember, expires_at)
                         select c.tenant_id, gen_random_uuid(), c.customer_id, c.id, t.hash, '{TECHFLOW}', 'load test', true, now() + interval '20 days'
                           from contacts c, (values {rows}) as t (hash) where c.email = '{email}'""")
        path.write_text("".join(f"__Host-session={token}\n" for token in tokens))

    def fill(self, tenants):
        """Adds vendors with a customer, a contact and three orders each, until there are `tenants`."""
        self.sql(f"""begin;
            create temp table filler as
              select gen_random_uuid() as tenant, gen_random_uuid() as customer, gen_random_uuid() as connector, 'filler-' || n as slug
                from generate_series(1, {tenants} - (select count(*) from tenants)) n;
            insert into tenants (id, slug, name, modules) select tenant, slug, initcap(slug), '{{orders}}' from filler;
            insert into customers (tenant_id, id, name, external_key) select tenant, customer, 'Customer', 'A-1' from filler;
            insert into contacts (tenant_id, id, customer_id, email, name)
              select tenant, gen_random_uuid(), customer, 'somebody@' || slug || '.example', 'Somebody' from filler;
            insert into connectors (tenant_id, id, kind, name, mapping, connection_url, enabled)
              select tenant, connector, 'orders', 'OrderFlow', '', '', false from filler;
            insert into orders (tenant_id, id, customer_id, connector_id, external_id, number, status, ordered_at, expected_on, sort_at,
                                source_open, row_hash, first_seen_at, changed_at)
              select tenant, gen_random_uuid(), customer, connector, s::text, 'SO-' || s, 'confirmed', now() - s * interval '1 day',
                     current_date + s, now() - s * interval '1 day', true, '', now(), now()
                from filler, generate_series(1, 3) s;
            commit""")
        self.sql("vacuum analyze")

    def copy_to(self, folder):
        """Copies the data of this node, which must be stopped."""
        shutil.rmtree(folder, ignore_errors=True)
        run("cp", ["cp", "-a", self.folder, folder])

    def statements_of(self, ask, times):
        """The SQL of one request, found by asking `times` times with PostgreSQL writing down everything."""
        log = self.folder / "postgres/postgres.log"
        self.sql("alter system set log_min_duration_statement = 0")
        self.sql("select pg_reload_conf()")
        time.sleep(0.3)
        before = log.stat().st_size
        for _ in range(times):
            ask()
        text = log.read_bytes()[before:].decode("utf-8", "replace")
        self.sql("alter system reset log_min_duration_statement")
        self.sql("select pg_reload_conf()")
        return frequent(transactions(text), times)


def session_hash(token):
    digest = hashlib.sha256()
    for part in (b"session", token.encode()):
        digest.update(struct.pack("<Q", len(part)))
        digest.update(part)
    return digest.digest()


def transactions(log):
    """The statements of the log with their parameters put in, as one tuple a transaction, in the order of their ends."""
    open_by, done, last = collections.defaultdict(list), [], None
    for line in joined(log):
        match = ENTRY.match(line.replace("\n", "\x00"))
        if not match:
            continue
        pid, kind, words = match.group(1), match.group(2), match.group(3).replace("\x00", "\n")
        if kind == "DETAIL" and last and "parameters:" in words:
            open_by[pid][-1] = put_in(open_by[pid][-1], words.split("parameters:", 1)[1])
        executed = EXECUTED.match(words) if kind == "LOG" else None
        last = executed
        if not executed:
            continue
        statement = executed.group(1).strip()
        if re.match(r"(commit|rollback)\b", statement, re.I):
            done.append(tuple(open_by.pop(pid, [])))
        else:
            open_by[pid].append(statement)
    return done


def joined(log):
    """Entries of the log; a statement of several lines goes on with tabs."""
    entry = ""
    for line in log.splitlines():
        if line.startswith("\t"):
            entry += "\n" + line[1:]
        else:
            if entry:
                yield entry
            entry = line
    if entry:
        yield entry


def put_in(statement, parameters):
    values = dict(re.findall(r"\$(\d+) = ('(?:[^']|'')*'|NULL)", parameters))
    return re.sub(r"\$(\d+)", lambda match: values.get(match.group(1), "NULL"), statement)


def frequent(done, times):
    """Transactions that every request made: as often as we asked, or a whole multiple of it."""
    shape = lambda transaction: tuple(re.sub(r"'(?:[^']|'')*'", "?", statement) for statement in transaction)
    count, sample = collections.Counter(map(shape, done)), {shape(one): one for one in done}
    found = [sample[one] for one, often in count.items() if one and often >= times * 0.9]
    if not found:
        raise Failed("the page's statements were not found in PostgreSQL's log")
    return found
