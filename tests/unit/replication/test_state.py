"""Snapshots and journals on the disk: all of it, or a sentence and the file under another name."""

from pathlib import Path

import pytest

from workers.replication import state
from workers.replication.journal import Journal, generations, path_of

PIECES = [b"a" * 1_000, b"b" * 10, b"c" * 5_000]
SEGMENT = 4_096


def snapshot(directory: Path, generation: int, pieces: list[bytes] = PIECES) -> Path:
    """A whole one."""
    writing = state.Writing(directory, generation)
    for piece in pieces:
        writing.add(piece)
    writing.finish()
    return directory / state.SNAPSHOT


def test_nothing_is_known_at_first(tmp_path: Path) -> None:
    found = state.load(tmp_path / "replication")

    assert (list(found.pieces), found.records, found.problems) == ([], [], [])


def test_a_snapshot_and_what_came_after_it_are_read_back(tmp_path: Path) -> None:
    journal = Journal(tmp_path, state.load(tmp_path).generation, SEGMENT)
    journal.append(b"in the snapshot")
    generation = journal.turn()
    journal.append(b"after")
    snapshot(tmp_path, generation)

    found = state.load(tmp_path)

    assert list(found.pieces) == PIECES
    assert found.records == [b"after"]
    assert not found.problems
    assert found.generation > generation
    assert generations(tmp_path) == [generation]


def test_a_death_before_the_rename_leaves_the_old_one_and_all_journals(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1, SEGMENT)
    snapshot(tmp_path, 1, [b"old"])
    journal.append(b"one")
    writing = state.Writing(tmp_path, journal.turn())
    journal.append(b"two")
    writing.add(b"new")

    found = state.load(tmp_path)

    assert list(found.pieces) == [b"old"]
    assert found.records == [b"one", b"two"]


def test_a_death_after_the_rename_leaves_journals_that_are_not_read_again(tmp_path: Path) -> None:
    snapshot(tmp_path, 5)
    Journal(tmp_path, 4, SEGMENT).append(b"in the snapshot")

    assert state.load(tmp_path).records == []
    assert generations(tmp_path) == []


def test_what_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    writing = state.Writing(tmp_path, 1)
    writing.add(b"piece")
    writing.give_up()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 5, state.HEADER.size, state.HEADER.size + 3, 500, 6_000])
def test_a_snapshot_that_was_cut_off_is_put_aside(tmp_path: Path, size: int) -> None:
    path = snapshot(tmp_path, 3)
    whole = path.read_bytes()
    path.write_bytes(whole[:size])
    Journal(tmp_path, 3, SEGMENT).append(b"after")

    found = state.load(tmp_path)

    assert list(found.pieces) == []
    assert found.records == [b"after"]
    assert len(found.problems) == 1
    assert (tmp_path / "snapshot.1.aside").read_bytes() == whole[:size]
    assert not path.exists()


@pytest.mark.parametrize("place", [9, 17, 30, 1_020, -12])
def test_a_garbled_snapshot_is_put_aside(tmp_path: Path, place: int) -> None:
    path = snapshot(tmp_path, 3)
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)

    found = state.load(tmp_path)

    assert list(found.pieces) == []
    assert "damaged" in found.problems[0] or "cut off" in found.problems[0]


def test_another_format_is_said_by_its_number(tmp_path: Path) -> None:
    path = snapshot(tmp_path, 3)
    path.write_bytes(state.MAGIC + b"\0" + path.read_bytes()[8:])

    (problem,) = state.load(tmp_path).problems

    assert "format 0" in problem
    assert f"format {state.VERSION}" in problem


def test_a_damaged_journal_is_kept_aside_and_read_until_a_snapshot_has_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path, 1, SEGMENT)
    for record in (b"first", b"second", b"third"):
        journal.append(record)
    path = path_of(tmp_path, 1)
    path.write_bytes(path.read_bytes().replace(b"second", b"sEcond"))

    for start in (1, 2):
        found = state.load(tmp_path)
        assert found.records == [b"first"]
        assert f"{path.name}.{start}{state.ASIDE}" in found.problems[0]
    snapshot(tmp_path, found.generation)

    assert state.load(tmp_path).problems == []
    assert b"sEcond" in (tmp_path / f"{path.name}.1{state.ASIDE}").read_bytes()


def test_not_many_files_are_kept_aside(tmp_path: Path) -> None:
    for number in range(1, 20):
        (tmp_path / f"snapshot.{number}{state.ASIDE}").touch()

    state.load(tmp_path)

    assert len(list(tmp_path.iterdir())) == state.ASIDE_MAX
