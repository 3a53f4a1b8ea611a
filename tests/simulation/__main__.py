"""Runs many schedules, or one with its trace: `python -m tests.simulation --schedules N --seed S`.

Prints one line per fault class and writes build/bench/simulation.json. Ends with 1 when a bound was
broken, and says how to replay.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator

from tests.simulation.catalogue import CLASSES, class_of
from tests.simulation.mutations import MUTATIONS
from tests.simulation.report import print_table, write_rows
from tests.simulation.schedules import Outcome, run
from tests.simulation.trace import Trace

Job = tuple[str, int, str]
COLLECT_EVERY = 10
"""Schedules between two looks for dead worlds."""


def main() -> int:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--schedules", type=int, default=None, help="how many (default 500)")
    parser.add_argument("--seed", type=int, default=1, help="the first schedule's seed")
    parser.add_argument("--class", dest="name", choices=sorted(CLASSES), default="")
    parser.add_argument("--mutation", choices=sorted(MUTATIONS), default="")
    parser.add_argument("--trace", action="store_true", help="show the time line of one schedule")
    parser.add_argument("--details", action="store_true", help="with every event")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--show", type=int, default=5, help="how many violations to print")
    parser.add_argument("--output", default="build/bench/simulation.json")
    arguments = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])  # noqa: S606
    if arguments.trace:
        return trace_one(arguments)
    return run_many(arguments)


def trace_one(arguments: argparse.Namespace) -> int:
    """Replay one schedule and print its time line."""
    trace = Trace(arguments.details)
    name = arguments.name or class_of(arguments.seed)
    outcome = run(name, arguments.seed, arguments.mutation, trace)
    print(trace)
    print(f"{name} seed {arguments.seed}: {outcome.violation or 'no violation'}")
    return 1 if outcome.violation else 0


def run_many(arguments: argparse.Namespace) -> int:
    """Run a batch; the first violations are printed with the command that replays them."""
    count = arguments.schedules or 500
    seeds = range(arguments.seed, arguments.seed + count)
    jobs = [(arguments.name or class_of(s), s, arguments.mutation) for s in seeds]
    began = time.perf_counter()
    outcomes, shown = [], 0
    for outcome in _outcomes(jobs, arguments.jobs):
        outcomes.append(outcome)
        if outcome.violation is not None:
            shown += 1
            if shown <= arguments.show:
                _show(outcome, arguments.mutation)
    seconds = time.perf_counter() - began
    print_table(outcomes, seconds)
    if not arguments.mutation and not arguments.name:
        write_rows(outcomes, arguments.output)
    return 1 if shown else 0


def _show(outcome: Outcome, mutation: str) -> None:
    extra = f" --mutation {mutation}" if mutation else ""
    print(f"{outcome.name} seed {outcome.seed}: {outcome.violation}")
    print(f"  replay: script/simulate --seed {outcome.seed} --class {outcome.name}{extra} --trace")


def _outcomes(jobs: list[Job], processes: int) -> Iterator[Outcome]:
    if processes <= 1:
        yield from map(_run, jobs)
        return
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        yield from pool.imap_unordered(_run, jobs, chunksize=16)


def _run(job: Job) -> Outcome:
    """Run one; the collector looks for dead worlds between schedules, not in them."""
    gc.disable()
    outcome = run(*job)
    if outcome.seed % COLLECT_EVERY == 0:
        gc.collect()
    return outcome


if __name__ == "__main__":
    sys.exit(main())
