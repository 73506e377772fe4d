"""A PostgreSQL for one run: Debian's, as Portico's private one is set, on a socket in a folder that goes with it."""
import os
import signal
import subprocess

from stage.erp import newest_postgresql
from stage.processes import Failed, run, wait_until

from .figures import cpu_seconds, family


class Database:
    def __init__(self, folder, programs):
        self.folder, self.programs = folder, programs
        # PostgreSQL refuses root
        self.user = "postgres" if os.geteuid() == 0 else None
        self.bin = newest_postgresql()
        self.log = programs.logs / "postgres.log"
        self.server = None
        # the cores it may use, as taskset has them; all when none are named
        self.on = None

    def initialise(self):
        self.folder.mkdir()
        if self.user:
            run("chown", ["chown", f"{self.user}:", self.folder])
        run("initdb", [self.bin / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale",
                       "--no-sync"], user=self.user)

    def start(self, durable, *settings):
        """With the settings of Portico's private server; `durable` false while it is filled."""
        words = ["listen_addresses=", "max_connections=200", "shared_buffers=128MB", "max_wal_size=1GB", *settings]
        if not durable:
            words += ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off"]
        options = [part for word in words for part in ("-c", word)]
        self.server = self.programs.start("postgres", [
            *(["taskset", "-c", self.on] if self.on else []), self.bin / "postgres", "-D", self.folder / "data", "-k", self.folder, *options],
            user=self.user, ending=signal.SIGINT, on_our_death="INT", cwd="/")
        wait_until("PostgreSQL", lambda: self.psql("postgres", "-c", "select 1"), 60, self.programs, 0.1)

    def stop(self):
        self.programs.forget(self.server)
        self.server.stop(60)

    def psql(self, database, *words):
        return run("psql", [self.bin / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", "postgres", "-d", database,
                            *words])

    def url(self, role, database):
        return f"postgres://{role}@localhost/{database}?host={self.folder}&sslmode=disable"

    def cpu(self):
        """CPU seconds of the server and all its processes, those that ended included."""
        return cpu_seconds(family(self.server.process.pid))

    def pgbench(self, database, script, variables, clients, seconds):
        """Runs a second of a script with prepared statements, as the application's role."""
        command = [self.bin / "pgbench", "-n", "-M", "prepared", "-h", self.folder, "-U", "portico_app", "-c", clients, "-j", 1,
                   "-T", seconds, "-f", script]
        command += [part for name, value in variables.items() for part in ("-D", f"{name}={value}")]
        done = subprocess.run([*map(str, command), database], capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            if line.startswith("tps = ") and done.returncode == 0:
                return float(line.split()[2])
        raise Failed(f"pgbench: {done.stderr[-2000:]}")
