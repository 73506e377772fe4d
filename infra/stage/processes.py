"""Starts programs and ends them, whatever happens to us.

Each program gets a session of its own, so that Ctrl-C reaches only us and we end things in order; and a death signal, so
that Linux ends it when we are killed. Start programs from the main thread: the death signal belongs to the thread.
"""
import http.client
import os
import pwd
import signal
import subprocess
import sys
import time


class Stopped(BaseException):
    """Somebody wants the demo to end. Not an Exception: no `except Exception` may swallow it."""


class Failed(Exception):
    """Something did not work; the text says what and where to look."""


def stop_on_signals():
    def stop(number, _frame):
        raise Stopped(signal.Signals(number).name)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def as_user(user):
    """The words before a command that make it run as `user`; nothing when that is who we are."""
    if user is None or pwd.getpwuid(os.geteuid()).pw_name == user:
        return []
    return ["--reuid", user, "--regid", user, "--init-groups"]


class Program:
    def __init__(self, name, process, log, ending):
        self.name, self.process, self.log, self.ending = name, process, log, ending

    def running(self):
        # without taking its end: until then Linux gives its number to nobody else, and we may still signal its group
        return self.process.returncode is None and os.waitid(
            os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def tail(self, lines=15):
        try:
            return "\n".join("    " + line for line in open(self.log, errors="replace").read().splitlines()[-lines:])
        except OSError:
            return ""

    def check(self):
        """Fails when the program is not running any more."""
        if not self.running():
            raise Failed(f"{self.name} ended with status {self.process.wait()}; {self.log} ends with\n{self.tail()}")

    def stop(self, seconds=8):
        if self.process.returncode is not None:
            return
        end = time.monotonic() + seconds
        self._signal(self.ending)
        while self.running() and time.monotonic() < end:
            time.sleep(0.01)
        if self.running():
            print(f"  {self.name} did not end within {seconds} s and is killed", file=sys.stderr)
        # also when it ended by itself: it may have left children in its session
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _signal(self, number):
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            pass


class Programs:
    """What runs, in the order it was started."""

    def __init__(self, logs):
        self.logs, self.all = logs, []

    def start(self, name, command, user=None, env=None, ending=signal.SIGTERM, on_our_death="KILL", cwd=None):
        log = self.logs / f"{name}.log"
        line = ["setpriv", *as_user(user), "--pdeathsig", on_our_death, "--", *map(str, command)]
        with open(log, "ab") as out:
            process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=cwd,
                                       env={**os.environ, **(env or {})}, start_new_session=True)
        program = Program(name, process, log, ending)
        self.all.append(program)
        return program

    def forget(self, program):
        if program in self.all:
            self.all.remove(program)

    def check(self):
        for program in self.all:
            program.check()

    def stop(self):
        for program in reversed(self.all):
            program.stop()
        self.all.clear()


def run(name, command, log=None, user=None, env=None, show=False):
    """Runs a command to its end and gives what it printed; with `show` its output goes to the terminal instead.

    It dies with us. Fails with its last words when it fails.
    """
    line = ["setpriv", *as_user(user), "--pdeathsig", "KILL", "--", *map(str, command)]
    pipe = None if show else subprocess.PIPE
    process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, errors="replace",
                               env={**os.environ, **(env or {})}, start_new_session=not show,
                               cwd="/" if user else None)
    try:
        out, err = process.communicate()
    except BaseException:
        process.kill()
        process.wait()
        raise
    if log is not None:
        with open(log, "a") as file:
            file.write(f"$ {' '.join(map(str, command))}\n{out}{err}")
    if process.returncode != 0:
        words = "\n".join("    " + line for line in (err or out or "").strip().splitlines()[-15:])
        raise Failed(f"{name} failed (status {process.returncode})\n{words}".rstrip())
    return out


def wait_until(what, ask, seconds, programs=None, pause=0.05):
    """Asks until the answer is true, and gives it. Fails after `seconds`, or when one of `programs` ends."""
    end = time.monotonic() + seconds
    reason = None
    while True:
        try:
            answer = ask()
            if answer:
                return answer
        except (OSError, http.client.HTTPException, Failed) as error:
            reason = error
        if programs is not None:
            programs.check()
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds:g} s" + (f" ({reason})" if reason else ""))
        time.sleep(pause)
