"""Measures how long pages take while 500 sessions browse, and 5,000. infra/load/sessions installs what this needs.

The server's own time is what it writes of each request into its log; what a visitor waits counts from when the request was
due, over TLS, with the client on the same cores. A bare server on the same TLS stack is asked by the same plan in turns.
"""
import argparse
import os
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from load.contenders import Hello
from load.figures import cpu_seconds, figure, interleave, resident_megabytes
from load.frame import measure, tell
from load.ground import Binaries, build, certificate
from load.vendor import Ground
from load.visits import THINK, Crowd, quantile
from stage.ports import Ports
from stage.processes import wait_until

# sessions, and how long the server itself may take for 99 of a hundred pages, in ms
SIZES = {500: 10, 5000: 50}
# pages whose 99th percentile is told for itself, by their route
TOLD = {"list": "/orders", "order": "/orders/{id}", "home": "/", "invoices": "/invoices", "invoice": "/invoices/{id}",
        "csv": "/orders/list.csv"}


class Bench:
    def __init__(self, options, folder, programs):
        self.options, self.folder, self.programs = options, folder, programs
        self.binaries = Binaries(options.binaries) if options.binaries else build()
        self.began = time.monotonic()
        self.tell(f"about {options.expected}; load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        self.files, self.ports = certificate(folder), Ports(folder)
        self.ground = Ground(options, folder, self.binaries, self.files, self.ports, programs, self.tell, log="json:warn,platform_web=debug")
        self.vendor = self.ground.vendor

    def run(self):
        self.ground.prepare()
        self.visitors = self.vendor.visitors_with_pages()
        hello = Hello("hello", self.ports.take(), self.binaries.yardstick, self.files, None, self.programs)
        hello.start()
        self.vendor.serve()
        for count, most in SIZES.items():
            turns = {"page": lambda count=count: self.pages(count), "hello": lambda count=count: self.hello(hello, count)}
            turns["page"]()
            self.report(count, most, interleave(turns, self.options.rounds, self.tell))
        figure("sessions.memory", [resident_megabytes(self.vendor.server.process.pid)], "MiB", digits=0, rounds="runs")

    def pages(self, count):
        """What the client saw, and what the server itself says of the same pages."""
        log, begin, busy = self.vendor.server.log, self.vendor.server.log.stat().st_size, self.vendor.cpu()
        crowd = self.crowd(self.vendor.port, count, "page")
        wait_until("the first page", lambda: log.stat().st_size > begin, 120, self.programs)
        time.sleep(self.options.warm)
        mark = log.stat().st_size
        samples = crowd.seen(self.options.warm)
        own = list(self.vendor.server_times(mark))
        # the processor's time is of all pages, those before the warm end too
        return {**self.of(samples), "own": own, "cpu_us": (self.vendor.cpu() - busy) * 1e6 / max(1, crowd.told["requests"])}

    def hello(self, hello, count):
        busy = cpu_seconds([hello.server.process.pid])
        crowd = self.crowd(hello.port, count, "hello", ("hello", "/"))
        samples = crowd.seen(self.options.warm)
        return {**self.of(samples), "cpu_us": (cpu_seconds([hello.server.process.pid]) - busy) * 1e6 / max(1, crowd.told["requests"])}

    def crowd(self, port, count, name, only=None):
        seconds = self.options.warm + self.options.seconds
        return Crowd(self.binaries.yardstick, port, self.files.ca, self.folder, name, self.visitors[:count], seconds, only=only)

    def of(self, samples):
        return {"per_second": len(samples) / self.options.seconds, "ms": [each.ms for each in samples],
                "failed": sum(1 for each in samples if each.status != 200)}

    def report(self, count, most, rounds):
        name = lambda what: f"sessions.{count}.{what}"
        own = lambda share: [quantile([ms for _, _, ms in each["page"]["own"]], share) for each in rounds]
        seen = lambda who, share: [quantile(each[who]["ms"], share) for each in rounds]
        figure(name("pages"), [each["page"]["per_second"] for each in rounds], "1/s", (">=", count / THINK * 0.9), 1)
        figure(name("p50"), own(0.5), "ms")
        figure(name("p99"), own(0.99), "ms", ("<=", most))
        figure(name("seen_p50"), seen("page", 0.5), "ms")
        figure(name("seen_p99"), seen("page", 0.99), "ms")
        figure(name("hello_p99"), seen("hello", 0.99), "ms")
        for kind, route in TOLD.items():
            values = [quantile([ms for path, _, ms in each["page"]["own"] if path == route], 0.99) for each in rounds]
            figure(name(f"p99_of_{kind}"), values, "ms")
        figure(name("cpu"), [each["page"]["cpu_us"] for each in rounds], "us", digits=0)
        figure(name("failed"), [each["page"]["failed"] for each in rounds], "pages", ("<=", 0), 0)

    def tell(self, text):
        tell(f"{time.monotonic() - self.began:6.1f} s  {text}")


def main():
    return measure(Bench, arguments())


def arguments():
    parser = argparse.ArgumentParser(prog="infra/load/sessions", description="""How long pages take while 500 sessions browse, and 5,000,
        beside a bare server that is asked as often. Figures go to stdout, progress to stderr.""")
    parser.add_argument("--quick", action="store_true", help="two minutes after the build: fewer orders, shorter turns")
    parser.add_argument("--rounds", type=int, help="how many rounds")
    parser.add_argument("--seconds", type=float, help="seconds a turn")
    parser.add_argument("--orders", type=int, help="of the order system")
    parser.add_argument("--binaries", type=pathlib.Path, help="a folder with programs that are built already")
    parser.add_argument("--keep", action="store_true", help="leave logs and databases behind")
    options = parser.parse_args()
    full = not options.quick
    options.rounds = options.rounds or (3 if full else 1)
    options.seconds = options.seconds or (20.0 if full else 6.0)
    options.orders = options.orders or (60_000 if full else 25_000)
    options.accounts, options.sessions, options.others = 250, max(SIZES), 0
    options.warm = 10.0 if full else 3.0
    options.expected = "eight minutes" if full else "two minutes"
    return options


if __name__ == "__main__":
    sys.exit(main())
