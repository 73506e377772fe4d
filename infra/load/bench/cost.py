"""What processes use, from /proc: CPU time of a process with its threads and ended children, and resident memory."""
import os
import pathlib

TICK = 1_000_000 / os.sysconf("SC_CLK_TCK")


def cpu_micros(pid, children=False):
    """CPU microseconds of a process since it began; with `children` also of those alive and those ended."""
    fields = stat(pid)
    total = sum(fields[11:15] if children else fields[11:13]) * TICK
    if children:
        total += sum(cpu_micros(child) for child in children_of(pid))
    return total


def resident_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def stat(pid):
    """The numbers after the name, which may hold blanks: state is left out as 0."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return [0] * 20
    return [int(word) if word.lstrip("-").isdigit() else 0 for word in text.rpartition(")")[2].split()]


def children_of(pid):
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
