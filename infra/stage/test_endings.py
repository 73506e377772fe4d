"""Nothing that the demo starts outlives it, however it ends. Starts it without Portico, which needs no build.

Run: /usr/bin/python3 -m unittest discover -s infra/stage -t infra
"""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = {"pebble", "pebble-challtes", "postgres", "python3"}


class Endings(unittest.TestCase):
    def setUp(self):
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="portico-endings-"))
        self.state.chmod(0o755)

        self.demos = []

    def tearDown(self):
        for demo in self.demos:
            if demo.poll() is None:
                demo.kill()
                demo.wait()
        shutil.rmtree(self.state, ignore_errors=True)

    def test_a_signal_ends_everything(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
            with self.subTest(number.name):
                demo = self.start()
                self.assertEqual({self.name(pid) for pid in self.alive()} & PROGRAMS, PROGRAMS)
                demo.send_signal(number)
                demo.wait(30)
                # after SIGKILL it is Linux that ends them, and PostgreSQL shuts down in order
                end = time.monotonic() + 10
                while self.alive() and time.monotonic() < end:
                    time.sleep(0.1)
                self.assertEqual([self.name(pid) for pid in self.alive()], [])

    def test_a_second_demo_over_the_same_files_is_refused_and_beside_it_stands(self):
        demo = self.start()
        try:
            refused = subprocess.run(self.command(self.state), capture_output=True, text=True, timeout=60, cwd=TOP)
            self.assertEqual(refused.returncode, 1)
            self.assertIn(f"process {demo.pid}", refused.stderr)
            with tempfile.TemporaryDirectory(prefix="portico-endings-") as other:
                os.chmod(other, 0o755)
                beside = subprocess.run([*self.command(other), "--run", "true"], capture_output=True, text=True, timeout=60, cwd=TOP)
                self.assertEqual(beside.returncode, 0, beside.stderr)
        finally:
            demo.terminate()
            demo.wait(30)

    def test_demos_that_start_at_once_take_different_ports(self):
        with contextlib.ExitStack() as folders:
            states = [folders.enter_context(tempfile.TemporaryDirectory(prefix="portico-endings-")) for _ in range(3)]
            demos = []
            for state in states:
                os.chmod(state, 0o755)
                demos.append(subprocess.Popen([*self.command(state), "--run", "sleep", "1"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=TOP))
            for demo in demos:
                _, err = demo.communicate(timeout=60)
                self.assertEqual(demo.returncode, 0, err)

    def start(self):
        with open(self.state / "demo.out", "w") as log:
            demo = subprocess.Popen(self.command(self.state), stdout=log, stderr=log, cwd=TOP)
        self.demos.append(demo)
        end = time.monotonic() + 60
        while "Portico is left out" not in (self.state / "demo.out").read_text():
            self.assertIsNone(demo.poll(), (self.state / "demo.out").read_text())
            self.assertLess(time.monotonic(), end, "the demo did not stand within 60 s")
            time.sleep(0.1)
        return demo

    @staticmethod
    def command(state):
        return ["/usr/bin/python3", "-u", TOP / "infra/demo.py", "--without-portico", "--state", str(state)]

    def alive(self):
        """Processes that carry this demo's mark in their environment."""
        mark = f"DEMO_STATE={self.state}".encode()
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    @staticmethod
    def name(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            return ""


if __name__ == "__main__":
    unittest.main()
