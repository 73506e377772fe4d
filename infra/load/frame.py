"""Around a benchmark of servers: a folder of its own, programs that end with it, and a status that says whether it measured."""
import http.client
import os
import pathlib
import shutil
import sys
import tempfile

from stage.processes import Failed, Programs, Stopped, stop_on_signals

ROOT = pathlib.Path(__file__).resolve().parents[2]


def measure(bench, options):
    """Runs `bench(options, folder, programs).run()`; gives the exit status. With `options.keep` the folder stays."""
    os.chdir(ROOT)
    stop_on_signals()
    for name in [name for name in os.environ if name.startswith("PORTICO_")]:
        del os.environ[name]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="portico-load-", dir="/var/tmp"))
    folder.chmod(0o755)
    (folder / "log").mkdir()
    programs = Programs(folder / "log")
    try:
        bench(options, folder, programs).run()
        return 0
    except Stopped as stopped:
        tell(f"stopped ({stopped})")
        return 130
    except (Failed, OSError, http.client.HTTPException) as error:
        tell(str(error))
        return 1
    finally:
        programs.stop()
        if options.keep:
            tell(f"its files are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def tell(text):
    print(text, file=sys.stderr, flush=True)
