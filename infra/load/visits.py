"""Sessions that browse: what each asks for and when, fixed before the run; who asks; what they saw.

Open loop: a session asks 10 s after it asked last, give or take five, however long the answer took. Latency counts from the
time at which it was to ask, so a server that falls behind cannot hide it (coordinated omission).
"""
import json
import random
import subprocess
import urllib.parse

from stage.processes import Failed

THINK = 10
# what people ask for, and how often of a hundred times
HABITS = {"list": 30, "order": 25, "home": 10, "filter": 8, "search": 8, "older": 4, "invoices": 7, "invoice": 6, "csv": 2}


def path(kind, visitor, dice):
    order, number, place = dice.choice(visitor["orders"])
    invoice = dice.choice(visitor["invoices"]) if visitor["invoices"] else None
    paths = {"list": "/orders", "home": "/", "order": f"/orders/{order}", "search": f"/orders?q={urllib.parse.quote(number)}",
             "filter": f"/orders?show={dice.choice(['open', 'late', 'arriving', 'delivered'])}", "invoices": "/invoices",
             "invoice": f"/invoices/{invoice}" if invoice else "/invoices", "csv": f"/orders/list.csv?show={dice.choice(['open', 'late'])}",
             "older": f"/orders?before={place}"}
    return paths[kind]


def plan(visitors, seconds, dice, habits=None, only=None):
    """A line a session. `only`: the same path for all, whatever the habit says, and its kind."""
    kinds, weights = zip(*(habits or HABITS).items())
    lines = []
    for visitor in visitors:
        # begins somewhere within its thinking
        at, steps = dice.uniform(0, THINK), []
        while at < seconds:
            kind = dice.choices(kinds, weights)[0]
            kind, where = only or (kind, path(kind, visitor, dice))
            steps.append(f"{at * 1000:.0f} {kind} {where}")
            at += dice.uniform(THINK / 2, THINK * 3 / 2)
        if steps:
            lines.append("\t".join([visitor["host"], visitor["cookie"], *steps]))
    return "\n".join(lines) + "\n"


class Sample:
    def __init__(self, line):
        at, self.kind, status, micros = line.split(" ")
        self.at, self.status, self.ms = int(at) / 1000, int(status), int(micros) / 1000


class Crowd:
    """Sessions under way at one server; `seconds` after the last of them has connected they are done."""

    def __init__(self, client, port, ca, folder, name, visitors, seconds, on=None, habits=None, only=None, listen=False, seed=1):
        text = plan(visitors, seconds, random.Random(seed), habits, only)
        where, self.samples, self.name = folder / f"{name}.plan", folder / f"{name}.samples", name
        where.write_text(text)
        self.samples.unlink(missing_ok=True)
        command = [*(["taskset", "-c", on] if on else []), client, "browse", "--connect", f"127.0.0.1:{port}", "--ca", ca, "--plan", where,
                   "--samples", self.samples, *(["--listen-behind", "order"] if listen else [])]
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def stop(self):
        """Ends it early; what it saw is lost."""
        self.process.kill()
        self.process.communicate()

    def seen(self, after=0):
        """Waits for the end; gives the samples of whatever was to be asked `after` seconds or later."""
        out, err = self.process.communicate()
        if self.process.returncode:
            raise Failed(f"the client ({self.name}): {err[-2000:]}")
        self.told = json.loads(out)
        samples = [Sample(line) for line in self.samples.read_text().splitlines()]
        return [sample for sample in samples if sample.at >= after]


def quantile(values, share):
    """Of many values; 0 when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0
