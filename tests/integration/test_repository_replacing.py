"""One repository in the place of another, while somebody writes to the old one."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.repository.stage import commit, contents
from workers.repository import fetching
from workers.repository.errors import BusyError
from workers.repository.replacing import Replacement, replacement
from workers.repository.repository import Repository

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def replica(tmp_path: Path) -> Path:
    made = Repository.create(tmp_path / "replica.git")
    commit(made, {"global/file": b"theirs\n"})
    return made.directory


@pytest.fixture
def begun(tmp_path: Path, replica: Path) -> Iterator[tuple[Replacement, list[str]]]:
    """A replacement that is fetched and could be put in place."""
    with replacement(tmp_path / "here" / "main.git") as made:
        Repository.create(made.room).close()
        commits = fetching.fetch(made.room, str(replica))
        fetching.settle_on(made.room, commits[-1])
        yield made, commits


@pytest.fixture(autouse=True)
def directory(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()


def test_what_is_committed_meanwhile_is_not_lost(begun: tuple[Replacement, list[str]]) -> None:
    made, commits = begun
    assert made.missing(commits) == []
    commit(Repository.create(made.place), {"global/file": b"meanwhile\n"})

    with pytest.raises(BusyError, match="was written to meanwhile"):
        made.swap(NOW, commits, keep=False)

    assert contents(Repository.open(made.place), 1) == {"global/file": b"meanwhile\n"}


def test_what_is_to_be_kept_is_kept_each_time(begun: tuple[Replacement, list[str]]) -> None:
    made, commits = begun
    made.place.with_name("main.git.before-20260301T120000Z").mkdir()
    commit(Repository.create(made.place), {"global/file": b"mine\n"})

    kept = made.swap(NOW, commits, keep=True)

    assert kept == made.place.with_name("main.git.before-20260301T120000Z-2")
    assert contents(Repository.open(kept), 1) == {"global/file": b"mine\n"}
    assert contents(Repository.open(made.place), 1) == {"global/file": b"theirs\n"}


def test_a_death_between_the_two_moves_is_taken_back(tmp_path: Path, replica: Path) -> None:
    place = tmp_path / "here" / "main.git"
    commit(Repository.create(place), {"global/file": b"mine\n"})
    place.rename(place.with_name("main.git.replaced"))

    with replacement(place) as made:
        assert made.missing([]) == ["main"]

    assert contents(Repository.open(place), 1) == {"global/file": b"mine\n"}
    assert not place.with_name("main.git.replaced").exists()
