"""The SQL of one page, taken from the server's log, as a script for pgbench: what Portico sends, in its transactions."""
import re

# log_line_prefix is "%p|"; a statement may go on over lines that begin with a tab
LINE = re.compile(r"^(\d+)\|(?:LOG:\s+duration: [\d.]+ ms\s+)?(.*)$")
PARAMETER = re.compile(r"\$(\d+) = (?:'((?:[^']|'')*)'|(NULL))")
SETTINGS = ("log_line_prefix=%p|", "log_min_duration_statement=0", "log_parameter_max_length=-1")


def transactions(log):
    """The log's transactions, each a list of (statement, parameters), in the order of their beginnings."""
    open_ones, all_ones, executed = {}, [], {}
    for process, text in entries(log):
        if text.startswith("DETAIL:  parameters: "):
            if executed.get(process):
                values = [None if null else value.replace("''", "'") for _, value, null in PARAMETER.findall(text)]
                statement, _ = open_ones[process].pop()
                open_ones[process].append((statement, values))
            continue
        kind, _, statement = text.partition(": ")
        word = statement.split(None, 1)[0].lower().rstrip(";") if statement else ""
        executed[process] = kind.startswith("execute ") and process in open_ones
        if kind == "statement" and word == "begin":
            open_ones[process] = []
            all_ones.append(open_ones[process])
        if process in open_ones and (kind == "statement" or executed[process]):
            open_ones[process].append((statement, []))
            if word in ("rollback", "commit"):
                del open_ones[process]
    return all_ones


def entries(log):
    entry = None
    for line in log.splitlines():
        found = LINE.match(line)
        if found:
            if entry:
                yield entry
            entry = (found.group(1), found.group(2))
        elif entry:
            entry = (entry[0], entry[1] + "\n" + line.lstrip("\t"))
    if entry:
        yield entry


def script(page, prefix):
    """pgbench's script of a page and the values of its variables. What one message held goes in one round trip."""
    lines, variables = [], {}
    for transaction in page:
        for sent, parameters in transaction:
            for at, value in enumerate(parameters, 1):
                variables[f"{prefix}_{len(variables)}"] = value
                sent = re.sub(rf"\${at}(?!\d)", f":{prefix}_{len(variables) - 1}", sent)
            parts = [part.strip() for part in sent.split(";") if part.strip()]
            body = [f"{part};" for part in parts]
            lines += ["\\startpipeline", *body, "\\endpipeline"] if len(body) > 1 else body
    return "\n".join(lines) + "\n", variables
