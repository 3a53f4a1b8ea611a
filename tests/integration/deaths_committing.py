"""Kills who commits and who receives, between any two steps and at random instants; what is lost?

    python -m tests.integration.deaths_committing --runs 200 --seed 7

A forked process commits to a real repository, or takes packs into a replica, and says so when a
revision is sure; it dies by SIGKILL. Then every revision that it was sure of must be there, the
next one must be possible, and git must find everything sound.
"""

import argparse
import contextlib
import os
import random
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tests.integration.repository_children import (
    COMMIT_POINTS,
    RECEIVE_POINTS,
    DyingRepository,
)
from tests.unit.repository.stage import commit, sound
from workers.repository.errors import RepositoryError
from workers.repository.repository import Repository

FIRST_LINE_SECONDS = 30.0
COMMITTING_SECONDS, RECEIVING_SECONDS = 0.03, 0.15
"""About as long as two or three revisions take."""
FILE_BYTES = 20_000
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Death:
    """Who dies, and when: at a point of its second revision, or so long after its first."""

    receiving: bool
    point: str = ""
    after_seconds: float = 0.0


@dataclass(slots=True)
class Tally:
    """What came of them. `lost`: revisions that somebody was sure of and that are not there."""

    killed: int = 0
    told: int = 0
    lost: int = 0
    troubles: list[str] = field(default_factory=list)


def fixed_deaths() -> list[Death]:
    """One at each point between two steps of committing and of receiving."""
    return [Death(receiving=False, point=point) for point in COMMIT_POINTS] + [
        Death(receiving=True, point=point) for point in RECEIVE_POINTS
    ]


def random_deaths(seed: int) -> Iterator[Death]:
    """Deaths at random, without end."""
    chance = random.Random(seed)
    while True:
        if chance.random() < 0.3:
            yield chance.choice(fixed_deaths())
        else:
            receiving = chance.random() < 0.4
            longest = RECEIVING_SECONDS if receiving else COMMITTING_SECONDS
            yield Death(receiving, after_seconds=chance.uniform(0, longest))


class Stage:
    """A manager's repository and the replica of a node, in a directory."""

    def __init__(self, place: Path) -> None:
        self.manager = Repository.create(place / "manager.git")
        self.replica = Repository.create(place / "replica.git")
        first = commit(self.manager, {"global/file": b"0\n"})
        self.replica.receive(self.manager.pack_since(None), None, first.hash)
        self.tally = Tally()

    def kill(self, death: Death) -> None:
        """Let one die, and count what is lost."""
        seconds = None if death.point else death.after_seconds
        killed, told = dead(lambda say: self._work(death, say), seconds)
        self.tally.killed += killed
        self.tally.told += len(told)
        directory = (self.replica if death.receiving else self.manager).directory
        try:
            after = Repository.open(directory)
            lost = [one for one in told if after.lacks(one)]
            self._go_on(after, death)
        except RepositoryError as error:
            self.tally.troubles.append(f"{death}: {error}")
            lost = told
        self.tally.lost += len(lost)
        self.tally.troubles += [f"{death}: {one} is lost" for one in lost]

    def close(self) -> Tally:
        """Let git look at both; whatever is unsound counts as lost."""
        for one in (self.manager, self.replica):
            if not sound(one.directory):
                self.tally.troubles.append(f"{one.directory} is unsound")
                self.tally.lost += 1
        return self.tally

    def _work(self, death: Death, say: Say) -> None:
        place = (self.replica if death.receiving else self.manager).directory
        mine = DyingRepository.open(place)
        _two_and_more(mine, death, say, self._receive if death.receiving else _commit)

    def _receive(self, mine: Repository) -> str:
        """Commit on the manager, and take that into the replica."""
        made = commit(self.manager, {"global/file": os.urandom(FILE_BYTES)})
        head = mine.head()
        have = head.hash if head else None
        return mine.receive(self.manager.pack_since(have), have, made.hash).hash

    def _go_on(self, after: Repository, death: Death) -> None:
        """The next revision must be possible, whatever was left."""
        if death.receiving:
            self.manager = Repository.open(self.manager.directory)
            self._receive(after)
        else:
            _commit(after)


def _two_and_more(
    mine: DyingRepository, death: Death, say: Say, work: Callable[[Repository], str]
) -> None:
    """Make a revision, then others until death comes."""
    say(work(mine))
    if death.point:
        mine.dying(death.point)
    while True:
        say(work(mine))


def _commit(mine: Repository) -> str:
    return commit(mine, {"global/file": os.urandom(FILE_BYTES)}).hash


def dead(work: Callable[[Say], None], after_seconds: float | None) -> tuple[bool, list[str]]:
    """Let a forked process work until it dies; whether it was killed, and what it was sure of.

    It is killed so long after it says something for the first time; None: it dies by itself.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        _work_to_the_end(work, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as lines:
        select.select([lines], [], [], FIRST_LINE_SECONDS)
        if after_seconds is not None:
            time.sleep(after_seconds)
            os.kill(child, signal.SIGKILL)
        # A line that death cut short was never heard whole by anybody.
        told = [line.decode().strip() for line in lines if line.endswith(b"\n")]
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, told


def _work_to_the_end(work: Callable[[Say], None], writer: int) -> None:
    try:
        work(lambda line: _write(writer, line))
    except BaseException as error:
        print(f"child: {error!r}", file=sys.stderr)
    finally:
        os._exit(1)


def _write(writer: int, line: str) -> None:
    os.write(writer, f"{line}\n".encode())


def run(place: Path, deaths: Iterator[Death]) -> Tally:
    """Let them die one after another in a directory."""
    stage = Stage(place)
    for death in deaths:
        stage.kill(death)
    return stage.close()


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.integration.deaths_committing")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as place:
        tally = run(Path(place), islice(random_deaths(options.seed), options.runs))
    print(f"{options.runs} runs, {tally.killed} killed, {tally.told} revisions sure: ", end="")
    print(f"{tally.lost} lost", *tally.troubles, sep="\n")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
