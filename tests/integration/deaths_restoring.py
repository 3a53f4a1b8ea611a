"""Kills a manager's restoration at every step, before statements and at random; is it restored?

    troubles = run(directory, runs=40, seed=7)

Each time a restoration is begun on an empty disk, or beside an older repository, and dies; perhaps
the next one dies too. The one after that must make the manager what it was, and leave nothing
behind. The deaths are of a fork of a process that has Django to itself.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from tests.integration.memories import Memory, differences
from tests.integration.repository_children import die
from tests.integration.restoring import Lost

STEPS = 6
"""How often a restoration from one replica says what it does next."""
MOVES = ("old moved", "new moved", "all moved")
STATEMENTS = 700
"""About as many as it makes on an empty disk, most of them for the tables."""
SECONDS = 3.0
"""About as long as it takes."""


class Death(msgspec.Struct, frozen=True):
    """When it dies: at a step, at a move, before a statement, or after so long."""

    step: int = 0
    move: str = ""
    statement: int = 0
    after_seconds: float = 0.0


def run(directory: Path, runs: int, seed: int) -> list[str]:
    """Let so many die, the first at every step; a sentence for each trouble."""
    lost = Lost.laid_down(directory)
    shutil.copytree(lost.repository, directory / "older.git")
    lost.grow("2")
    lost.follow()
    (directory / "memory.json").write_text(json.dumps(lost.memory))
    words = (str(directory), str(runs), str(seed))
    done = lost.run("-m", "tests.integration.deaths_restoring", *words)
    assert done.returncode == 0, done.stderr
    troubles: list[str] = json.loads(done.stdout.splitlines()[-1])
    return troubles


def deaths(seed: int) -> Iterator[Death]:
    """At each step and move, then at random without end."""
    yield from (Death(step=number) for number in range(1, STEPS + 1))
    yield from (Death(move=move) for move in MOVES)
    chance = random.Random(seed)
    while True:
        yield Death(statement=chance.randrange(1, STATEMENTS))
        yield Death(after_seconds=chance.uniform(0, SECONDS))


class _Statements:
    """Dies before the statement with a number."""

    def __init__(self, fatal: int) -> None:
        self._left = fatal

    def __call__(self, execute: Callable[..., Any], *words: Any) -> Any:
        """Django's wrapper of a statement."""
        self._left -= 1
        if self._left == 0:
            die()
        return execute(*words)


def _restore(replica: Path, death: Death) -> None:
    """Restore, and die; what is done where is the restoration's own business."""
    from django.db import connection

    from cluster_admin.configs import restoring
    from cluster_admin.configs.addresses import Source
    from workers.files import durable

    step = 0

    def tell(_: str) -> None:
        nonlocal step
        step += 1
        if step == death.step:
            die()

    if death.move:
        _die_moving(durable, death.move)
    with connection.execute_wrapper(_Statements(death.statement)):
        restoring.restore([Source("node", str(replica))], datetime.now(UTC), tell)


def _die_moving(durable: Any, move: str) -> None:
    """Die when the old repository has gone, or the new one is there, or both is on the disk."""
    rename, settle = durable.rename, durable.settle

    def dying_rename(source: Path, target: Path) -> None:
        rename(source, target)
        if target.name.endswith(".replaced") and move == MOVES[0]:
            die()

    def dying_settle(directory: Path) -> None:
        there = directory / "configuration.git"
        moved = there.exists() and not there.with_name(f"{there.name}.restoring").exists()
        if moved and move == MOVES[1]:
            die()
        settle(directory)
        if moved and move == MOVES[2]:
            die()

    durable.rename, durable.settle = dying_rename, dying_settle


def _killed(replica: Path, death: Death) -> bool:
    """Whether a fork that restores died; it may be quicker."""
    from django.db import connections

    connections.close_all()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            _restore(replica, death)
            status = 0
        except Exception:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    if death.after_seconds:
        time.sleep(death.after_seconds)
        os.kill(child, signal.SIGKILL)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _troubles(home: Path, memory: Memory) -> Iterator[str]:
    """What differs, and what was left behind."""
    from django.db import connections

    from cluster_admin.configs import store
    from tests.integration.memories import memory as remembered

    store.forget()
    yield from (f"{one} differs" for one in differences(memory, remembered()))
    connections.close_all()
    usual = {"configuration.git", "configuration.git.restoring.lock"}
    names = {path.name for path in home.iterdir() if not path.name.startswith("muster.sqlite3")}
    yield from (f"{one} was left" for one in names - usual)


def main(directory: Path, runs: int, seed: int) -> None:
    """Kill, and print the troubles as JSON."""
    import django

    django.setup()
    home, replica = directory / "manager", directory / "replica.git"
    memory = json.loads((directory / "memory.json").read_text())
    found: list[str] = []
    chance = random.Random(seed)
    for number, death in enumerate(islice(deaths(seed), runs)):
        shutil.rmtree(home)
        home.mkdir()
        if death.move or number % 2:
            shutil.copytree(directory / "older.git", home / "configuration.git")
        killed = [_killed(replica, death)]
        if chance.random() < 0.3:
            killed.append(_killed(replica, Death(after_seconds=chance.uniform(0, SECONDS))))
        if (death.step or death.move) and not killed[0]:
            found.append(f"{death}: did not die")
        _killed(replica, Death())
        found += [f"{death}, {killed}: {one}" for one in _troubles(home, memory)]
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
