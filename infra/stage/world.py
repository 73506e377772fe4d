"""The demo's world: all its programs, started in order and ended together, and where everything of it lies.

    .demo/            ca.pem, portico.toml, world.json, log/, mail/, pebble/
    .demo/data/       the two PostgreSQL servers' files
"""
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import time

from .erp import Erp
from .pebble import Pebble
from .portico import CUSTOM_DOMAIN, LUMEN, TECHFLOW, TOP, Portico
from .ports import Ports, answers
from .processes import Failed, Programs, as_user, wait_until

OWN = ("browser", "ca.pem", "data", "log", "mail", "pebble", "portico.key", "portico.toml", "seeded", "shots", "world.json")


class World:
    def __init__(self, state, fresh=False, release=False):
        self.state, self.release, self.began = state, release, time.monotonic()
        state.mkdir(parents=True, exist_ok=True)
        self.lock = self._lock()
        # every program of this demo can be told from others by it
        os.environ["DEMO_STATE"] = str(state)
        if fresh:
            self._wipe()
        self.data = self._data_folder()
        self.logs, self.mail, self.ca = state / "log", state / "mail", state / "ca.pem"
        for folder in (self.logs, self.mail):
            folder.mkdir(exist_ok=True)
        for log in self.logs.glob("*.log"):
            log.unlink()
        ports = Ports(state)
        self.programs = Programs(self.logs)
        self.portico = Portico(state, self.logs, self.programs, ports)
        self.pebble = Pebble(state / "pebble", self.programs, ports)
        self.erp = Erp(self.data / "orderflow", self.programs, ports)

    def start(self, simulate=True, portico=True):
        """Starts everything, each step told with the seconds it took. Gives the custom domain's CNAME target."""
        if portico:
            self.step("Portico is built", lambda: self.portico.build(self.release))
        self.step("an ACME server and its DNS", lambda: self.pebble.start(self.portico.http, self.portico.https))
        self.ca.write_text(self.pebble.roots())
        self.step("the vendor's order database", self.erp.start)
        self.step("a mail server that keeps everything", self._start_mail_sink)
        if not portico:
            return None
        self.portico.configure(self.data / "portico", self.pebble)
        self.step("Portico's database is up to date", self._migrate)
        self.step("two vendors, their customers, their people", lambda: self.portico.seed(self.erp))
        target = self.step(f"{CUSTOM_DOMAIN} is claimed", lambda: self.portico.claim("techflow", CUSTOM_DOMAIN))
        self.pebble.set_cname(CUSTOM_DOMAIN, target)
        self.portico.serve()
        for host in (TECHFLOW, LUMEN, CUSTOM_DOMAIN):
            self.step(f"https://{host} answers", lambda host=host: self.portico.wait_until_served(host, self.ca, 90))
        if simulate:
            self.erp.start_simulator(20)
        self._describe(target)
        return target

    def _migrate(self):
        try:
            self.portico.command("migrate")
        except Failed as failed:
            if "has been modified" in str(failed):
                raise Failed("The demo's database was made by another version of the program: start with ./infra/demo --fresh") from failed
            raise

    def step(self, what, action):
        began = time.monotonic()
        print(f"         {what} ..", end="\r", flush=True) if sys.stdout.isatty() else None
        result = action()
        print(f"  {time.monotonic() - began:5.1f} s  {what}  ", flush=True)
        return result

    def stop(self):
        self.programs.stop()

    def _start_mail_sink(self):
        sink = TOP / "infra/stage/mail_sink.py"
        self.programs.start("mail", ["/usr/bin/python3", "-u", sink, self.portico.smtp, self.mail])
        wait_until("the mail server", lambda: answers(self.portico.smtp), 15, self.programs)

    def _describe(self, target):
        """What another program needs to find its way: the browser journeys and the benchmarks read it."""
        (self.state / "world.json").write_text(json.dumps({
            "http_port": self.portico.http, "https_port": self.portico.https, "ca": str(self.ca), "config": str(self.portico.config),
            "binary": str(self.portico.binary), "portico_pid": self.portico.server.process.pid, "cname_target": target,
            "erp_dsn": self.erp.dsn, "erp_password_file": str(self.erp.folder / "password"), "mail": str(self.mail),
            "dns_management": self.pebble.dns_management, "techflow": TECHFLOW, "lumen": LUMEN, "custom": CUSTOM_DOMAIN,
        }, indent=2))

    def _lock(self):
        lock = open(self.state / "lock", "a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Failed(f"a demo is already running over {self.state} (process {lock.read().strip()})") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock

    def _wipe(self):
        away = self.state / "data"
        if away.is_symlink():
            shutil.rmtree(away.resolve(), ignore_errors=True)
        # by name: the states of the tests lie below the demo's own and may be in use
        for entry in map(self.state.joinpath, OWN):
            if entry.is_symlink() or entry.is_file():
                entry.unlink()
            elif entry.exists():
                shutil.rmtree(entry)

    def _data_folder(self):
        """Below the state, or below /var/tmp when PostgreSQL's user cannot come to the checkout (as in root's home)."""
        inside = self.state / "data"
        if inside.is_symlink() and not inside.exists():
            inside.unlink()
        if not inside.is_symlink() and (os.geteuid() != 0 or reachable(self.state, "postgres")):
            inside.mkdir(exist_ok=True)
            return inside
        name = hashlib.sha256(str(self.state).encode()).hexdigest()[:12]
        outside = pathlib.Path("/var/tmp") / f"portico-demo-{name}"
        outside.mkdir(mode=0o755, exist_ok=True)
        # anybody may make a folder there before us
        if outside.stat().st_uid != os.geteuid() or stat.S_IMODE(outside.stat().st_mode) & 0o022:
            raise Failed(f"{outside} is not ours: remove it")
        if not inside.is_symlink():
            inside.symlink_to(outside)
        return outside


def reachable(folder, user):
    return subprocess.run(["setpriv", *as_user(user), "--", "test", "-x", folder], check=False).returncode == 0
