"""Rates the TLS of a demo that stands, by testssl.sh: `infra/demo --run /usr/bin/python3 -u infra/rating.py`. A+ or a fault.

Debian's testssl.sh 3.0 finds everything and grades nothing, so the grade is worked out here from what it found, by SSL Labs'
Server Rating Guide (2009q): the three scores, the caps, and what turns an A into an A+.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

# Findings that testssl.sh marks and that are no fault of the edge.
EXPECTED = {
    "engine_problem": "about this machine's OpenSSL, not about the server",
    "cipher_order": "every suite is strong, so the client takes the one that it computes fastest",
    "cert_validityPeriod": "the test authority's certificates live for five years",
    "cert_revocation": "the test authority publishes no revocation list",
    "DNS_CAArecord": "the name is in no public DNS",
    "secure_renego": "testssl.sh's own look fails with OpenSSL 3; demanded below by the extension instead",
}
OLD = ("SSLv2", "SSLv3", "TLS1", "TLS1_1")
SCORES = {"TLS1_2": 100, "TLS1_3": 100}
HALF_A_YEAR = 180 * 24 * 60 * 60


def main():
    where = os.environ.get("DEMO_WORLD")
    if not where:
        sys.exit("no demo stands here: start me by `infra/demo --run /usr/bin/python3 infra/rating.py`")
    world = json.loads(pathlib.Path(where).read_text())
    ask = lambda: findings(world["custom"], world["https_port"], world["ca"])
    found = ask()
    # a look that could not be taken is no finding, and is taken again once
    if any(each["severity"] == "WARN" and each["id"] not in EXPECTED for each in found):
        found = ask()
    faults = demands(found)
    for each in found:
        if each["severity"] not in ("OK", "INFO") and each["id"] not in EXPECTED:
            faults.append(f"{each['id']} ({each['severity']}): {each['finding']}")
    score, grade = rate(found, faults)
    for fault in faults:
        print(f"fault: {fault}")
    print(f"{world['custom']}: {len(found)} findings, score {score}, grade {grade}")
    print(f"{int(grade == 'A+')} passed, {int(grade != 'A+')} failed")
    return 0 if grade == "A+" else 1


def findings(host, port, ca):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "found.json"
        command = ["testssl", "--quiet", "--color", "0", "--warnings", "off", "--ip", "127.0.0.1", "--add-ca", ca, "--jsonfile", out,
                   f"{host}:{port}"]
        done = subprocess.run([*map(str, command)], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
        if not out.exists():
            sys.exit(f"testssl.sh found nothing (status {done.returncode}):\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return json.loads(out.read_text())


def demands(found):
    """What must be there; that nothing bad is there is judged by testssl.sh's own severities."""
    said = {each["id"]: each["finding"] for each in found}
    hsts = re.search(r"=(\d+) seconds", said.get("HSTS_time", ""))
    wanted = {
        "TLS 1.2 and 1.3": all(said.get(name, "").startswith("offered") for name in SCORES),
        "nothing older": all(said.get(name) == "not offered" for name in OLD),
        "forward secrecy": said.get("PFS") == "offered" and all(each.split()[2].startswith("ECDH") for each in suites(found)),
        "a chain that is trusted": said.get("cert_chain_of_trust", "").startswith("passed") and said.get("cert_trust", "").startswith("Ok"),
        "secure renegotiation": "renegotiation info" in said.get("TLS_extensions", ""),
        "no fallback to older protocols": said.get("fallback_SCSV") == "no protocol below TLS 1.2 offered",
        "HTTP Strict Transport Security for half a year": hsts is not None and int(hsts[1]) >= HALF_A_YEAR,
    }
    return [f"lacks {what}" for what, there in wanted.items() if not there]


def suites(found):
    return [each["finding"] for each in found if re.fullmatch(r"cipher_x[0-9a-f]+", each["id"])]


def rate(found, faults):
    """The guide's score: 30 % protocols, 30 % key exchange, 40 % cipher; each the mean of the best and the worst."""
    offered = [SCORES.get(name, 0) for name in (*SCORES, *OLD) if next((f["finding"] for f in found if f["id"] == name), "").startswith("offered")]
    bits = [int(each.split()[5 if each.split()[3].isdigit() else 4]) for each in suites(found)]
    if not offered or not bits:
        return 0, "F"
    strength = [100 if each >= 256 else 80 if each >= 128 else 20 for each in bits]
    # 253 bits of an elliptic curve count like RSA with 3,072: less than 4,096
    key_exchange = 90
    middle = lambda values: (max(values) + min(values)) / 2
    score = round(0.3 * middle(offered) + 0.3 * key_exchange + 0.4 * middle(strength))
    if faults:
        return score, "below A+"
    return score, "A+" if score >= 80 else "B"


if __name__ == "__main__":
    sys.exit(main())
