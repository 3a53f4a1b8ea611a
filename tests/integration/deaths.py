"""Kills workers that apply trees, at every step and at random instants, and looks at what is left.

    python -m tests.integration.deaths --runs 500 --seed 7

A worker is a forked process that applies real files with real commands. It dies by SIGKILL before
its Nth operation on files, before a step, or some microseconds after it began; whoever recovers may
be killed as well. Then the live tree must be the old or the new one, byte for byte, the server must
have read the one that is live, and applying once more must succeed.
"""

import argparse
import ctypes
import itertools
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workers.config.core.applying import Course, Mark
from workers.config.core.manifests import Rendered
from workers.config.core.reports import Outcome, Step
from workers.config.profiles import Command
from workers.config.state import State
from workers.config.switching import Switcher

OLD: Rendered = {
    "main.cf": (b"old\n", False),
    "maps/virtual": (b"a b\n" * 3_000, False),
    "gone": (b"", False),
}
NEW: Rendered = {
    "main.cf": (b"new\n", False),
    "maps/virtual": (b"a c\n" * 3_000, False),
    "bin/hook": (b"#!/bin/sh\n", True),
}
SICK: Rendered = {**NEW, "main.cf": (b"sick\n", False)}
STEPS, SICK_STEPS = 7, 10
"""How many an application takes when all goes well, and when it has to turn back."""
PR_SET_CHILD_SUBREAPER = 36
OPERATIONS = {
    *("os.rename", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.utime"),
    "subprocess.Popen",
}
"""Before which a worker can be killed, besides opening a file to write: audit events."""


@dataclass(frozen=True, slots=True)
class Death:
    """When a worker dies: before its Nth operation or step, or after so many seconds."""

    operation: int = 0
    step: int = 0
    after_seconds: float = 0.0


class Node:
    """A node's directory, whose server is a file that says what was reloaded last."""

    def __init__(self, place: Path) -> None:
        self.running = place / "running"
        self.state = State(place / "config")
        self.profile = Command(
            validate_words=("/usr/bin/test", "-f", "{tree}/main.cf"),
            reload_words=("/bin/cp", "{tree}/main.cf", str(self.running)),
            check_words=("/bin/sh", "-c", f"! grep -q sick {self.running}"),
        )

    def switcher(self, told: Callable[[Step], None] = lambda _step: None) -> Switcher:
        # A killed worker's child holds the lock until it runs its program: here that may last.
        return Switcher(self.state.directory, self.profile, lock_seconds=60, told=told)

    def files(self) -> Rendered:
        """What is live, read by this module's own means."""
        top = self.state.current
        found = [Path(place, name) for place, _, names in os.walk(top) for name in names]
        return {
            str(path.relative_to(top)): (path.read_bytes(), bool(path.stat().st_mode & 0o111))
            for path in found
        }


def in_process(work: Callable[[Callable[[Step], None]], None], death: Death) -> int:
    """Do work in a process that dies so; the signal that ended it, 0 when it came to its end."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    others = _children()
    child = os.fork()
    if not child:
        _die_or_end(work, death)
    if death.after_seconds:
        time.sleep(death.after_seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    # As systemd does: what a dead worker had started is over before the next one begins.
    for orphan in _children() - others:
        os.waitpid(orphan, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0, "the worker failed; its traceback is on stderr"
        return 0
    return os.WTERMSIG(status)


def _children() -> set[int]:
    found = (path.read_text() for path in Path("/proc/self/task").glob("*/children"))
    return {int(child) for text in found for child in text.split()}


def _die_or_end(work: Callable[[Callable[[Step], None]], None], death: Death) -> None:
    code = 1
    try:
        left = [death.operation, death.step]

        def counted(which: int) -> None:
            left[which] -= 1
            if left[which] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        def audited(event: str, arguments: tuple[object, ...]) -> None:
            if _changes(event, arguments):
                counted(0)

        if death.operation:
            sys.addaudithook(audited)
        work(lambda _step: counted(1))
        code = 0
    except BaseException as error:
        print(f"worker: {error!r}", file=sys.stderr)
    finally:
        os._exit(code)


def _changes(event: str, arguments: tuple[object, ...]) -> bool:
    if event == "open":
        return isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
    return event in OPERATIONS


def old_node(place: Path) -> Node:
    """A node on which the old tree is live and well."""
    node = Node(place)
    (report,) = node.switcher().apply(1, OLD)
    assert report.outcome is Outcome.APPLIED, report
    return node


def die(node: Node, tree: Rendered, deaths: list[Death]) -> list[int]:
    """Apply a tree and recover, dying each time; the signals."""
    signals = [in_process(lambda told: _apply(node, tree, told), deaths[0])]
    for death in deaths[1:]:
        signals.append(in_process(lambda told: _recover(node, told), death))
    return signals


def _apply(node: Node, tree: Rendered, told: Callable[[Step], None]) -> None:
    node.switcher(told).apply(2, tree)


def _recover(node: Node, told: Callable[[Step], None]) -> None:
    node.switcher(told).recover()


def look(node: Node, tree: Rendered) -> None:
    """Whether all is well after those deaths: before, and after recovery in a new process."""
    assert node.files() in (OLD, tree), "the live tree is neither the old nor the new one"
    assert in_process(lambda told: _recover(node, told), Death()) == 0
    live = node.files()
    assert live in ((OLD, tree) if tree is not SICK else (OLD,))
    assert node.state.drift() == ()
    assert node.running.read_bytes() == live["main.cf"][0], "the server reads another tree"
    journal = node.state.journal()
    assert journal is None or journal.mark is Mark.SETTLED
    assert journal is None or Course.after(journal, node.state.tree()) is None
    again = node.switcher().apply(3, NEW)
    assert again[0].outcome in (Outcome.APPLIED, Outcome.UNCHANGED), again
    assert len(again) == 1
    assert node.files() == NEW
    names = [path.name for path in node.state.directory.rglob("*")]
    assert not [name for name in names if name.endswith((".partial", ".gone", ".new", ".next"))]


def operations(place: Path, tree: Rendered) -> tuple[int, float]:
    """How many operations an application has, and how long it takes."""
    node = old_node(place)
    reader, writer = os.pipe()

    def counted(_told: Callable[[Step], None]) -> None:
        seen = [0]

        def audited(event: str, arguments: tuple[object, ...]) -> None:
            seen[0] += _changes(event, arguments)

        sys.addaudithook(audited)
        node.switcher().apply(2, tree)
        os.write(writer, str(seen[0]).encode())

    began = time.monotonic()
    assert in_process(counted, Death()) == 0
    took = time.monotonic() - began
    count = int(os.read(reader, 32))
    os.close(reader)
    os.close(writer)
    return count, took


@dataclass(frozen=True, slots=True)
class Plan:
    """What is applied, and the deaths on the way: of the worker, then of those that recover."""

    tree: Rendered
    deaths: tuple[Death, ...]


def fixed_plans(place: Path) -> list[Plan]:
    """A death before each step and before each operation, of a good tree and of a sick one."""
    found = []
    for tree, count, _ in _measured(place):
        steps = STEPS if tree is not SICK else SICK_STEPS
        found += [Plan(tree, (Death(step=number),)) for number in range(1, steps + 1)]
        found += [Plan(tree, (Death(operation=number),)) for number in range(1, count + 1)]
    return found


def random_plans(place: Path, seed: int) -> Iterator[Plan]:
    """Deaths at random, without end."""
    chance = random.Random(seed)
    measured = _measured(place)
    while True:
        tree, count, seconds = chance.choice(measured)
        deaths = [_random_death(chance, count, seconds)]
        while chance.random() < 0.4:
            deaths.append(_random_death(chance, count // 2, seconds / 2))
        yield Plan(tree, tuple(deaths))


def survives(home: Path, plan: Plan) -> bool:
    """Let a worker die so in a directory, and look; whether it was really killed.

    Raises `AssertionError` for what is half, and leaves the directory then.
    """
    home.mkdir()
    node = old_node(home)
    killed = bool(die(node, plan.tree, list(plan.deaths))[0])
    look(node, plan.tree)
    shutil.rmtree(home)
    return killed


def run(place: Path, runs: int, seed: int) -> int:
    """Kill so many workers at random; how many of them were really killed."""
    killed = 0
    for number, plan in enumerate(itertools.islice(random_plans(place, seed), runs)):
        home = place / f"run-{number}"
        try:
            killed += survives(home, plan)
        except BaseException:
            print(f"seed {seed}, run {number}: {plan.deaths}, left in {home}", file=sys.stderr)
            raise
    return killed


def _measured(place: Path) -> list[tuple[Rendered, int, float]]:
    """Each tree with the operations of its application, and the seconds it takes."""
    found = []
    for tree in (NEW, SICK):
        with tempfile.TemporaryDirectory(dir=place) as home:
            found.append((tree, *operations(Path(home), tree)))
    return found


def _random_death(chance: random.Random, count: int, seconds: float) -> Death:
    if chance.random() < 0.5:
        return Death(operation=chance.randint(1, count))
    return Death(after_seconds=chance.uniform(0.0005, seconds))


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.deaths")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as place:
        killed = run(Path(place), options.runs, options.seed)
    print(f"{options.runs} runs, {killed} workers killed while they applied: all whole")


if __name__ == "__main__":
    main()
