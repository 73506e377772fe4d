"""Starts the demo, watches it, and ends everything it started. infra/demo installs what this needs and calls it."""
import argparse
import os
import pathlib
import subprocess
import sys
import time

import smoke
from stage.portico import ASTRID, CASEY, CUSTOM_DOMAIN, INGRID, LUMEN, MAYA, NOOR, TECHFLOW, TOP
from stage.processes import Failed, Stopped, stop_on_signals
from stage.world import World


def main():
    options = arguments()
    os.chdir(TOP)
    stop_on_signals()
    # a configuration of somebody's own must not reach into the demo
    for name in [name for name in os.environ if name.startswith("PORTICO_")]:
        del os.environ[name]
    world = None
    try:
        world = World(options.state, options.fresh or options.smoke, options.release)
        world.start(portico=not options.without_portico)
        if options.smoke:
            return smoke.run(world)
        if options.run:
            return run_inside(world, options.run)
        tell(world, options)
        watch(world)
    except Stopped as stopped:
        print(f"\nStopping ({stopped}).", flush=True)
        return 130 if str(stopped) == "SIGINT" and (options.smoke or options.run) else 0
    except (Failed, OSError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    finally:
        if world is not None:
            world.stop()


def watch(world):
    while True:
        time.sleep(0.5)
        world.programs.check()


def run_inside(world, command):
    """Runs a command while the demo stands; it finds everything through DEMO_WORLD."""
    env = {**os.environ, "DEMO_WORLD": str(world.state / "world.json")}
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command], env=env)
    try:
        while True:
            try:
                return process.wait(0.5)
            except subprocess.TimeoutExpired:
                world.programs.check()
    finally:
        process.kill()


def tell(world, options):
    port, state = world.portico.https, os.path.relpath(options.state, TOP)
    browser = "--host-resolver-rules='MAP *.example 127.0.0.1, MAP *.localhost 127.0.0.1'"
    if options.without_portico:
        print(f"\nPortico is left out. ACME {world.pebble.directory}, orders {world.erp.reader_url}")
        return
    print(f"""
The demo stands ({time.monotonic() - world.began:.0f} s). Ctrl-C ends it; nothing stays behind but {state}/.

  TechFlow Industries   https://{TECHFLOW}:{port}
    its customer's own  https://{CUSTOM_DOMAIN}:{port}
    sign in as          {MAYA}   (Brightwater Utilities)
                        {INGRID}   (Halvorsen Marine)
    its own people      https://{TECHFLOW}:{port}/console
    sign in as          {CASEY}   (looks after customers)
                        {ASTRID}  (runs the portal; brings an authenticator)
  Lumen Notes           https://{LUMEN}:{port}
    sign in as          {NOOR}
  the mails             https://{TECHFLOW}:{port}/demo/outbox

The certificates come from the demo's own authority. To trust it, import {state}/ca.pem; to skip it, a browser of its own:

  chromium --user-data-dir={state}/browser --ignore-certificate-errors \\
    {browser} https://{CUSTOM_DOMAIN}:{port}
  curl --cacert {state}/ca.pem --resolve {CUSTOM_DOMAIN}:{port}:127.0.0.1 https://{CUSTOM_DOMAIN}:{port}

The vendor's staff at work:  tail -f {state}/log/simulator.log
Portico's log:               tail -f {state}/log/portico.log
""", flush=True)


def arguments():
    parser = argparse.ArgumentParser(prog="infra/demo", description="""Portico with everything real around it: an ACME server
        and its DNS, a vendor's legacy order database whose staff keeps working, a mail server. Ctrl-C ends all of it.""")
    parser.add_argument("--fresh", action="store_true", help="forget everything of the last time")
    parser.add_argument("--smoke", action="store_true", help="do the whole journey without a browser, tell times, end")
    parser.add_argument("--state", metavar="DIR", help="where its files lie (default .demo; .demo/smoke for --smoke)")
    parser.add_argument("--release", action="store_true", help="an optimised build")
    parser.add_argument("--without-portico", action="store_true", help="only what surrounds Portico, for work on it")
    parser.add_argument("--run", nargs=argparse.REMAINDER, metavar="COMMAND",
                        help="run a command once the demo stands (DEMO_WORLD names its description), then end")
    options = parser.parse_args()
    default = TOP / ".demo" / ("smoke" if options.smoke else "")
    options.state = pathlib.Path(options.state).resolve() if options.state else default
    return options


if __name__ == "__main__":
    sys.exit(main())
