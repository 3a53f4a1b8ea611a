"""Pulls, commits and resolutions killed before each of their operations on files, and at random.

Whatever the instant: what was edited here is there, the state can be read, and the same command
again comes to where it would have come without a death.
"""

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster_admin.cli import config_resolving
from cluster_admin.cli.config_copies import WorkingCopy
from cluster_admin.cli.config_states import Choice
from tests.integration.deaths import Death, in_process
from tests.unit.cli.copies import Desk, RepositoryRemote
from tests.unit.repository.stage import commit
from workers.repository.repository import Repository

TEXT = b"1\n2\n3\n4\n5\n"
MINE = {
    "global/merged": b"mine\n" + TEXT,
    "global/both": b"mine, too\n",
    "global/new": b"only here\n",
}
Act = Callable[[Desk], object]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository.create(tmp_path / "config.git")
    names = ("merged", "both", "taken", "gone", "file", "d/e")
    commit(made, {f"global/{name}": TEXT for name in names})
    return made


@pytest.fixture
def desk(repository: Repository, tmp_path: Path) -> Desk:
    """A working copy with edits, and a revision that changed all sorts of things."""
    desk = Desk(tmp_path / "copy", RepositoryRemote(repository))
    desk.pull()
    for path, content in MINE.items():
        desk.write(path, content)
    commit(
        repository,
        {
            **{"global/merged": TEXT + b"theirs\n", "global/both": b"theirs, too\n"},
            **{"global/taken": b"taken\n", "global/gone": None, "global/file": None},
            **{"global/file/x": b"x\n", "global/d/e": None, "global/d/f": b"f\n"},
        },
    )
    return desk


def pull(choice: Choice) -> Act:
    return lambda desk: desk.pull(choice)


def resolve(desk: Desk) -> None:
    if not desk.copy.state.conflicts:
        desk.pull(Choice.MANUAL)
    if desk.copy.state.conflicts:
        with desk.copy.changing():
            config_resolving.resolve(desk.copy, [""], Choice.MINE)


def commit_all(desk: Desk) -> None:
    desk.pull(Choice.MINE)
    if desk.changes():
        desk.commit()


ACTS: dict[str, Act] = {
    "mine": pull(Choice.MINE),
    "theirs": pull(Choice.THEIRS),
    "manual": lambda desk: desk.copy.state.conflicts or desk.pull(Choice.MANUAL),
    "resolve": resolve,
    "commit": commit_all,
}


class Place:
    """A copy of the scene, in which commands die."""

    def __init__(self, scene: Path, place: Path) -> None:
        shutil.copytree(scene, place)
        self.place = place

    def desk(self) -> Desk:
        """As the next process finds it."""
        found = Desk.__new__(Desk)
        found.remote = RepositoryRemote(Repository.open(self.place / "config.git"))
        found.copy = WorkingCopy.opened(self.place / "copy")
        return found

    def dies(self, act: Act, death: Death) -> bool:
        """Whether it was killed before its end."""
        return in_process(lambda _told: act(self.desk()), death) != 0

    def end(self) -> tuple[object, ...]:
        desk = self.desk()
        state = desk.copy.state
        return desk.files(), state.files, state.revision, sorted(state.conflicts), state.pulling

    def check(self, given_up: bool) -> None:
        """Nothing that was edited is lost."""
        files = self.desk().files()
        assert files["global/new"] == MINE["global/new"]
        assert files["global/merged"].startswith(b"mine\n")
        assert given_up or files["global/both"] == MINE["global/both"]


@pytest.mark.parametrize("name", ACTS)
def test_a_death_before_each_operation_loses_nothing(
    name: str, desk: Desk, repository: Repository, tmp_path: Path
) -> None:
    act = ACTS[name]
    scene = _scene(tmp_path)
    whole = Place(scene, tmp_path / "whole")
    assert not whole.dies(act, Death())
    expected = whole.end()
    operation = 0
    killed = True
    while killed:
        operation += 1
        place = Place(scene, tmp_path / f"death-{operation}")
        killed = place.dies(act, Death(operation=operation))
        place.check(name == "theirs")
        assert not place.dies(act, Death()), operation
        assert place.end() == expected, operation
        place.check(name == "theirs")
        shutil.rmtree(place.place)
    assert operation > 10


def test_deaths_at_random_one_after_the_other(
    desk: Desk, repository: Repository, tmp_path: Path
) -> None:
    seed = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    scene = _scene(tmp_path)
    for number in range(10):
        name = chance.choice(list(ACTS))
        place = Place(scene, tmp_path / f"run-{number}")
        for _ in range(chance.randint(1, 4)):
            place.dies(ACTS[name], Death(operation=chance.randint(1, 40)))
            place.check(name == "theirs")
        assert not place.dies(ACTS[name], Death())
        place.check(name == "theirs")
        assert place.desk().copy.state.pulling is None
        shutil.rmtree(place.place)


def _scene(tmp_path: Path) -> Path:
    scene = tmp_path / "scene"
    scene.mkdir()
    for name in ("config.git", "copy"):
        shutil.copytree(tmp_path / name, scene / name)
    return scene
