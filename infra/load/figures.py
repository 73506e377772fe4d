"""What every load test shares: rounds in random order, figures as house.md says, CPU time from /proc."""
import os
import pathlib
import random
import statistics

TICKS = os.sysconf("SC_CLK_TCK")


def figure(name, values, unit, goal=None, digits=2, rounds="rounds"):
    """Prints a figure: the median of the rounds' values, the goal and whether it is met, the smallest and the largest."""
    middle = statistics.median(values)
    if goal is None:
        verdict = "goal none"
    else:
        relation, bound = goal
        met = middle >= bound if relation == ">=" else middle <= bound
        verdict = f"goal {relation} {bound:g} {'met' if met else 'short'}"
    low, high = min(values), max(values)
    print(f"figure {name} {middle:.{digits}f} {unit} {verdict} ({low:.{digits}f} .. {high:.{digits}f} over {len(values)} {rounds})", flush=True)


def interleave(contenders, rounds, tell=print, before=lambda: None):
    """Runs every contender once a round, in another order each time, after `before`. Gives a list of rounds: name -> result."""
    results = []
    for number in range(rounds):
        before()
        order = list(contenders)
        random.shuffle(order)
        results.append({name: contenders[name]() for name in order})
        rates = ", ".join(f"{name} {results[-1][name]['per_second']:.0f}/s {results[-1][name]['cpu_us']:.0f} us" for name in contenders)
        tell(f"round {number + 1} of {rounds}: {rates}")
    return results


def ratios(results, one, other, key):
    return [result[one][key] / result[other][key] for result in results]


def cpu_seconds(pids):
    """CPU time of these processes, and of the children that PostgreSQL's parent has seen end."""
    total = 0
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        # utime, stime, cutime, cstime are the fields 14 to 17 of proc(5)
        total += sum(int(field) for field in fields[11:15])
    return total / TICKS


def family(parent):
    """A process and its children."""
    found = [parent]
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == parent:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def resident_megabytes(pid):
    line = next(line for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
