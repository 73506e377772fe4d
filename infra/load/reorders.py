"""Runs the proof of reorders at full size and prints what it counted. infra/load/reorders installs what this needs.

The proof itself is platform/server/tests/proof/reorders.rs: the same program, the same real PostgreSQL as order system,
only more forms and more kills than a test run has time for.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from load.figures import figure

PROOF = "reorders::killed_again_and_again_each_reorder_arrives_once"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="200 reorders and 4 kills")
    options = parser.parse_args()
    count, kills = (200, 4) if options.quick else (10_000, 25)
    print(f"   0.0 s  about {'one minute' if options.quick else 'ten minutes'} after the build", file=sys.stderr, flush=True)
    # a round that ends with a kill is cut at two thirds of its share
    env = {**os.environ, "REORDERS": str(count * 8 // 5), "REORDER_KILLS": str(kills)}
    command = ["cargo", "test", "--release", "-q", "-p", "platform-server", "--test", "proof", "--", "--exact", PROOF, "--nocapture"]
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE, text=True, cwd=HERE.parents[1], check=False)
    counted = re.search(r"^reorders (.+)$", done.stdout, re.MULTILINE)
    if not counted:
        print(done.stdout[-3000:], file=sys.stderr)
        return 1
    words = counted[1].split()
    found = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    figure("reorders.acknowledged", [found["acknowledged"]], "reorders", (">=", count), 0, "run")
    figure("reorders.lost", [found["lost"]], "reorders", ("<=", 0), 0, "run")
    figure("reorders.twice_in_the_inbox", [found["doubled"]], "reorders", ("<=", 0), 0, "run")
    figure("reorders.invented", [found["invented"]], "reorders", ("<=", 0), 0, "run")
    figure("reorders.kills_of_both", [found["kills"]], "kills", (">=", kills), 0, "run")
    figure("reorders.handed_over_again", [found["again"]], "reorders", None, 0, "run")
    figure("reorders.time", [found["seconds"]], "s", None, 0, "run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
