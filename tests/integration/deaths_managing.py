"""Kills a manager's process while it commits; is anything lost, and do the rows say what git says?

    tally = run(directory, runs=100, seed=7)

It dies before every statement to the database, at every step of git's, and at random instants. The
manager has a database and a repository of its own, and commits by turns a file and a change of
definitions. What it was sure of must be there afterwards, in git and in the rows.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import msgspec

from tests.integration.deaths_committing import Tally, dead
from tests.integration.managing import ROOT, Manager
from tests.integration.repository_children import COMMIT_POINTS, DyingRepository, die
from workers.repository.core.changes import Entry

COMMIT_SECONDS = 0.2
"""About as long as two commits take."""
SUBCLUSTER = "default"
Say = Callable[[str], None]


class Death(msgspec.Struct, frozen=True):
    """When it dies: before a statement or at a point of its second commit, or after the first."""

    statement: int = 0
    point: str = ""
    after_seconds: float = 0.0


def run(directory: Path, runs: int, seed: int) -> Tally:
    """Kill so many, in a process that has Django to itself; the first at every step."""
    manager = Manager.laid_down(directory)
    words = ("-m", "tests.integration.deaths_managing", str(runs), str(seed))
    done = subprocess.run(
        [sys.executable, *words],
        env=manager.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Tally(**json.loads(done.stdout.splitlines()[-1]))


def deaths(statements: int, seed: int) -> Iterator[Death]:
    """Before each statement, at each point, then at random without end.

    Each twice, since a file and definitions are committed by turns.
    """
    for number in range(1, statements + 1):
        yield from (Death(statement=number),) * 2
    for point in COMMIT_POINTS:
        yield from (Death(point=point),) * 2
    chance = random.Random(seed)
    while True:
        yield Death(after_seconds=chance.uniform(0, COMMIT_SECONDS))


class _Statements:
    """Counts what is said to the database; dies before the statement with a number."""

    def __init__(self, fatal: int = 0) -> None:
        self.seen = 0
        self._fatal = fatal

    def __call__(self, execute: Callable[..., Any], *words: Any) -> Any:
        """Django's wrapper of a statement."""
        self.seen += 1
        if self.seen == self._fatal:
            die()
        return execute(*words)


def _make_revision(number: int) -> str:
    """Commit something that was not so before; the hash."""
    from cluster_admin.audit.actor import Actor
    from cluster_admin.configs import index, services
    from cluster_admin.configs.store import repository
    from cluster_admin.inventory import services as inventory
    from cluster_admin.inventory.models import Subcluster
    from cluster_admin.vips.models import Vip

    actor, head = Actor("ann"), index.follow()
    if number % 2:
        made = services.commit(actor, {"global/file": Entry(os.urandom(99))}, "File", base=head)
        assert made.revision is not None
        return str(made.revision.commit)
    with inventory.change(Subcluster.objects.get(name=SUBCLUSTER), actor, "Weight"):
        vip = Vip.objects.order_by("pk")[0]
        vip.weight = vip.weight % 1000 + 1
        vip.save()
    newest = repository().head()
    assert newest is not None
    return newest.hash


def _commit_until_dead(death: Death, first: int, say: Say) -> None:
    from django.db import connection

    from cluster_admin.configs.store import repository

    say(_make_revision(first))
    if death.point:
        DyingRepository.dying(repository(), death.point)  # type: ignore[arg-type]
    with connection.execute_wrapper(_Statements(death.statement)):
        for number in count(first + 1):
            say(_make_revision(number))


def _kill(death: Death, first: int, tally: Tally) -> None:
    from django.db import connections

    connections.close_all()
    seconds = None if death.statement or death.point else death.after_seconds
    killed, told = dead(lambda say: _commit_until_dead(death, first, say), seconds)
    tally.killed += killed
    tally.told += len(told)
    troubles = list(_troubles(told))
    tally.lost += len(troubles)
    tally.troubles += [f"{death}: {one}" for one in troubles]


def _troubles(told: list[str]) -> Iterator[str]:
    """What is not there, and rows that do not say what git says."""
    from cluster_admin.configs import index
    from cluster_admin.configs.models import Revision
    from cluster_admin.configs.store import repository
    from cluster_admin.inventory.models import Subcluster
    from cluster_admin.inventory.repository import newest_text

    index.follow()
    git = {one.number: one.hash for one in repository().log(1_000)}
    yield from (f"{one} is lost" for one in told if one not in git.values())
    if dict(Revision.objects.values_list("number", "commit")) != git:
        yield "the index says something else than git"
    text = repository().read(max(git), f"{SUBCLUSTER}/definitions.toml").decode()
    if newest_text(Subcluster.objects.get(name=SUBCLUSTER)) != text:
        yield "the rows of the definitions say something else than git"
    if _make_revision(1) not in {one.hash for one in repository().log(1)}:
        yield "the next commit is not the newest"


def main(runs: int, seed: int) -> None:
    """Kill, and print the tally as JSON."""
    import django

    django.setup()
    from django.db import connection

    statements = _Statements()
    with connection.execute_wrapper(statements):
        _make_revision(2)
    tally = Tally()
    for number, death in enumerate(islice(deaths(statements.seen, seed), runs)):
        _kill(death, number + 1, tally)
    print(json.dumps(msgspec.to_builtins(tally)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
