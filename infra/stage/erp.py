"""OrderFlow: the legacy order database of the demo's vendor, in a PostgreSQL of its own, and what keeps it changing.

Not Portico's database. Portico reaches it as `portal_reader`, over TCP and with a password, as it would a customer's.
"""
import json
import os
import pathlib
import pwd
import secrets
import shutil
import signal

from .processes import Failed, run, wait_until

ORDERFLOW = pathlib.Path(__file__).resolve().parents[1] / "orderflow"


class Erp:
    def __init__(self, folder, programs, ports):
        self.folder, self.programs = folder, programs
        self.data = folder / "data"
        # the vendor's file server: invoices of the years before the database kept them
        self.documents = folder / "documents"
        self.port = ports.take()
        self.server = self.simulator = None
        # PostgreSQL refuses root
        self.user = "postgres" if os.geteuid() == 0 else None
        self.bin = newest_postgresql()
        self.folder.mkdir(parents=True, exist_ok=True)

    def start(self):
        marker = self.folder / "orderflow.json"
        if not marker.exists():
            shutil.rmtree(self.data, ignore_errors=True)
            self._initialise()
        self.start_server()
        if not marker.exists():
            self.psql("postgres", "-c", "create database orderflow encoding 'SQL_ASCII' template template0 lc_collate 'C' lc_ctype 'C'")
            self.psql("orderflow", "-f", ORDERFLOW / "schema.sql")
            self.generate()
            reader = secrets.token_urlsafe(18)
            self.psql("orderflow", "-c", f"alter role portal_reader password '{reader}'")
            self._file_documents()
            marker.write_text(json.dumps({"reader": reader}))
            marker.chmod(0o600)
        self.reader = json.loads(marker.read_text())["reader"]

    def start_server(self):
        """Starts the server, or starts it again after `stop_server`."""
        pid_file = self.data / "postmaster.pid"
        # left by a server that was killed; PostgreSQL removes it itself unless its number runs again as another program
        if pid_file.exists() and not runs_postgres(pid_file.read_text().split()[0]):
            pid_file.unlink()
        self.server = self.programs.start("erp", [
            *self.before(), self.bin / "postgres", "-D", self.data, "-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port}",
            # TCP only: the path of a socket has a bound that a deep checkout exceeds
            "-c", "unix_socket_directories=", "-c", "max_connections=40", "-c", "fsync=off",
            # the plant's own clock
            "-c", "timezone=America/Chicago", *self.settings()], user=self.user, ending=signal.SIGINT, on_our_death="INT", cwd="/")
        wait_until("the order database", lambda: self.psql("postgres", "-c", "select 1"), 30, self.programs, 0.1)

    def generate(self):
        self.psql("orderflow", "-f", ORDERFLOW / "generate.sql")

    def before(self):
        """Words in front of the server's command."""
        return []

    def settings(self):
        """More settings of the server."""
        return []

    def stop_server(self):
        self.programs.forget(self.server)
        self.server.stop()

    def start_simulator(self, changes_a_minute):
        self.simulator = self.programs.start("simulator", [
            "/usr/bin/python3", "-u", ORDERFLOW / "simulate", "--dsn", self.dsn, "--rate", changes_a_minute], env=self.env)

    def simulate_once(self, action, order=None, **options):
        """One exact change, committed when this returns. Gives what the simulator says of it."""
        words = [part for name, value in options.items() for part in (f"--{name}", value)]
        command = ["/usr/bin/python3", ORDERFLOW / "simulate", "--dsn", self.dsn, "--once", action, *words]
        return json.loads(run("the simulator", [*command, *(["--order", order] if order else [])], env=self.env))

    def rows(self, query):
        """What the database holds, read as its owner: rows of text."""
        out = self.psql("orderflow", "-At", "-F", "\t", "-c", query)
        return [line.split("\t") for line in out.splitlines()]

    @property
    def dsn(self):
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=orderflow"

    @property
    def env(self):
        # not in the dsn: everybody on the machine can read a command line
        return {"PGPASSWORD": (self.folder / "password").read_text(), "PGCLIENTENCODING": "SQL_ASCII"}

    @property
    def reader_url(self):
        return f"postgres://portal_reader:{self.reader}@127.0.0.1:{self.port}/orderflow"

    def psql(self, database, *words):
        command = [self.bin / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", self.port, "-U", "postgres", "-d", database]
        return run("psql", [*command, *words], env=self.env)

    def _file_documents(self):
        """Invoices that the database knows by their path alone, as the old file server has them."""
        printed = self.rows("select replace(doc_path, E'\\\\', '/'), encode(of_print(inv_no), 'hex') from of_invdoc"
                            " where doc is null and doc_path ~ '^[0-9]{4}.INV[0-9]+[.]pdf$'")
        for path, content in printed:
            file = self.documents / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(bytes.fromhex(content))

    def _initialise(self):
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        if self.user:
            owner = pwd.getpwnam(self.user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            os.chown(password, owner.pw_uid, owner.pw_gid)
        run("initdb", [self.bin / "initdb", "-D", self.data, "-U", "postgres", "-E", "SQL_ASCII", "--no-locale", "--no-sync",
                       "--auth-host=scram-sha-256", "--auth-local=reject", "--pwfile", password], user=self.user)


def newest_postgresql():
    """Debian keeps the server's programs out of PATH, one folder a version."""
    found = [path for path in pathlib.Path("/usr/lib/postgresql").glob("*/bin") if (path / "postgres").exists()]
    if not found:
        raise Failed("PostgreSQL's programs are not under /usr/lib/postgresql")
    return max(found, key=lambda path: int(path.parent.name))


def runs_postgres(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "postgres"
    except OSError:
        return False
