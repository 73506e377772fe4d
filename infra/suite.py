"""Runs every test, step by step, shows what each runner says, and adds up. infra/test installs what this needs."""
import argparse
import ast
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

from stage.portico import TOP
from stage.processes import Stopped, stop_on_signals

CARGO_RESULT = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed", re.M)
UNITTEST_RESULT = re.compile(r"^Ran (\d+) tests? in", re.M)
OWN_RESULT = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)


class Suite:
    def __init__(self, logs):
        self.logs, self.passed, self.failed, self.faults, self.skipped = logs, 0, 0, [], []
        self.current = None

    def step(self, name, command, env=None, absent=None):
        """Runs a command and shows its output. With `absent` the step is skipped, and that is the reason."""
        print(f"\n== {name}", flush=True)
        if absent:
            print(f"skipped: {absent}")
            self.skipped.append(name)
            return
        began, log = time.monotonic(), self.logs / (re.sub(r"\W+", "-", name) + ".log")
        # dies with us; a session of its own, so that Ctrl-C reaches us first and the demo ends in order
        line = ["setpriv", "--pdeathsig", "TERM", "--", *map(str, command)]
        self.current = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        env={**os.environ, **(env or {})}, start_new_session=True)
        with open(log, "wb") as copy:
            for part in iter(lambda: self.current.stdout.read1(65536), b""):
                sys.stdout.buffer.write(part)
                sys.stdout.flush()
                copy.write(part)
        self.add(name, self.current.wait(), log.read_text(errors="replace"), time.monotonic() - began)

    def add(self, name, status, text, seconds):
        passed, failed = counts(text)
        if status != 0:
            self.faults.append(name)
            failed = failed or 1
        elif passed == 0:
            passed = 1
        self.passed, self.failed = self.passed + passed, self.failed + failed
        print(f"-- {name}: {'ok' if status == 0 else f'FAILED (status {status})'}, {seconds:.0f} s", flush=True)

    def end_current(self):
        if self.current is None or self.current.poll() is not None:
            return
        os.killpg(self.current.pid, signal.SIGTERM)
        try:
            self.current.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.current.pid, signal.SIGKILL)

    def close(self):
        for name in self.skipped:
            print(f"skipped: {name}")
        for name in self.faults:
            print(f"FAILED: {name}")
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


def counts(text):
    """Passed and failed tests, as the runner that wrote `text` counted them."""
    results = CARGO_RESULT.findall(text) + OWN_RESULT.findall(text)
    passed, failed = sum(int(p) for p, _ in results), sum(int(f) for _, f in results)
    return passed + sum(int(n) for n in UNITTEST_RESULT.findall(text)), failed


def scripts():
    """Our programs by language, found by their first line."""
    python, shell = list((TOP / "infra").rglob("*.py")), []
    for path in [*(TOP / "infra").rglob("*"), TOP / ".ci/run"]:
        if path.is_file() and not path.suffix and "node_modules" not in path.parts:
            first = path.open("rb").readline()
            if b"python3" in first and first.startswith(b"#!"):
                python.append(path)
            elif b"bash" in first or first.rstrip().endswith(b"/sh"):
                shell.append(path)
    return sorted(python), sorted(shell)


def check_scripts():
    python, shell = scripts()
    for path in python:
        try:
            ast.parse(path.read_bytes(), str(path))
        except SyntaxError as error:
            sys.exit(f"{path}: {error}")
    for path in shell:
        if subprocess.run(["bash", "-n", path], check=False).returncode:
            sys.exit(f"{path} is not well-formed")
    print(f"{len(python)} Python and {len(shell)} shell scripts are well-formed")


def has_cargo(name):
    return shutil.which(f"cargo-{name}") is not None


def run(options):
    logs = TOP / ".demo/test-log"
    logs.mkdir(parents=True, exist_ok=True)
    suite, python = Suite(logs), ["/usr/bin/python3", "-u"]
    try:
        _, shell = scripts()
        suite.step("scripts", [*python, __file__, "--check-scripts"])
        suite.step("shellcheck", ["shellcheck", "-x", *shell], absent=None if shutil.which("shellcheck") else "shellcheck is not installed")
        suite.step("format", ["cargo", "fmt", "--all", "--check"])
        suite.step("clippy", ["cargo", "clippy", "--locked", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"])
        suite.step("licences and bans", ["cargo", "deny", "--offline", "check", "bans", "licenses", "sources"],
                   absent=None if has_cargo("deny") else "cargo-deny is not installed (cargo install cargo-deny --locked)")
        suite.step("documentation", ["cargo", "doc", "--locked", "--workspace", "--no-deps", "--all-features"], {"RUSTDOCFLAGS": "-D warnings"})
        suite.step("cargo test", ["cargo", "test", "--locked", "--workspace", "--all-features", "--no-fail-fast"])
        suite.step("the demo ends what it starts", [*python, "-m", "unittest", "discover", "-s", "infra/stage", "-t", "infra"])
        if not options.no_demo:
            suite.step("browser journeys", [*python, "infra/demo.py", "--fresh", "--state", ".demo/test", "--run", "/usr/bin/python3", "-u", "infra/e2e/run"])
            suite.step("TLS rating", [*python, "infra/demo.py", "--state", ".demo/test", "--run", "/usr/bin/python3", "-u", "infra/rating.py"])
            suite.step("smoke", [*python, "infra/demo.py", "--smoke"])
    except Stopped as stopped:
        suite.end_current()
        print(f"\nStopped by {stopped}.")
        suite.failed += 1
    return suite.close()


def main():
    parser = argparse.ArgumentParser(prog="infra/test", description="Every test there is; the last line says how many passed and failed.")
    parser.add_argument("--no-demo", action="store_true", help="leave out what needs the demo: browser journeys, TLS rating and smoke")
    parser.add_argument("--check-scripts", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    os.chdir(TOP)
    if options.check_scripts:
        return check_scripts()
    stop_on_signals()
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
