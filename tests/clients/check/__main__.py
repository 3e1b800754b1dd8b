"""`python3 tests/clients/check --tierlog BINARY --work DIR [--whole] [NAME]...`

Runs real loggers and a real Django platform into a real server, and holds every record to what
the program that wrote it says about itself. NAME picks clients; without one all run. Without
--whole each logger logs one good and one bad message, and the platform goes through one round.
"""

import argparse
import concurrent.futures
import pathlib
import sys
import time

import capture
import loggers
import platforms
from store import Failure

PROGRAMS = pathlib.Path(__file__).resolve().parent.parent


def jobs(length, tierlog, work):
    """Yields every check as its name and a function."""
    for language, names in loggers.LANGUAGES.items():
        for name in names:
            yield name, (lambda language=language, name=name: loggers.check(language, name, tierlog, work, PROGRAMS, length))
    for name, run in platforms.checks(length):
        yield name, (lambda run=run: run(tierlog, work, PROGRAMS))


def run(name, job):
    """Runs one check and returns its failure, or nothing."""
    started = time.monotonic()
    try:
        job()
    except Failure as failure:
        return name, str(failure), time.monotonic() - started
    return name, None, time.monotonic() - started


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tierlog", type=lambda path: pathlib.Path(path).resolve(), default="target/debug/tierlog")
    parser.add_argument("--capture", type=pathlib.Path, help="write the fixtures of tests/it/real_lines.rs there")
    parser.add_argument("--work", type=lambda path: pathlib.Path(path).resolve(), required=True)
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    if arguments.capture:
        capture.capture(arguments.capture, arguments.work, PROGRAMS)
        return
    length = "whole" if arguments.whole else "quick"
    chosen = [
        job
        for job in jobs(length, arguments.tierlog, arguments.work)
        if not arguments.names or job[0] in arguments.names
    ]
    unknown = set(arguments.names) - {name for name, _ in chosen}
    if unknown:
        sys.exit(f"no client {', '.join(sorted(unknown))}")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for name, failure, seconds in pool.map(lambda job: run(*job), chosen):
            print(f"{'ok  ' if failure is None else 'FAIL'} {name} ({seconds:.1f} s)", flush=True)
            if failure is not None:
                failed += 1
                print(failure, flush=True)
    print(f"clients: {len(chosen) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
