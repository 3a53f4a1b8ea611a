"""Snapshots and journals on the disk: all of it, or a sentence and the file under another name."""

from pathlib import Path

import pytest

from workers.replication import state
from workers.replication.core.journal import Journal, Value, damage, read
from workers.replication.segments import Segments, generations, path_of

PIECES = [b"a" * 1_000, b"b" * 10, b"c" * 5_000]
NAMES = ("one", "two")
SIZE = 4_096


def journals(directory: Path, generation: int) -> list[Journal]:
    """New ones, by name."""
    made = Segments(directory, NAMES, SIZE).make(generation)
    assert made is not None
    return [Journal(memoryview(each), 1) for each in made]


def load(directory: Path) -> state.Loaded:
    return state.load(directory, NAMES, damage)


def keys(found: state.Loaded) -> list[bytes]:
    """Of everything that was written into the first journal."""
    return [
        one.key for data in found.journals["one"] for one in read(data) if isinstance(one, Value)
    ]


def write(journal: Journal, key: bytes) -> None:
    journal.value("table", key, 1, 2.0, b"value")


def snapshot(directory: Path, generation: int, pieces: list[bytes] = PIECES) -> Path:
    """A whole one."""
    writing = state.Writing(directory, NAMES, generation)
    for piece in pieces:
        writing.add(piece)
    writing.finish()
    return directory / state.SNAPSHOT


def test_nothing_is_known_at_first(tmp_path: Path) -> None:
    found = load(tmp_path / "replication")

    assert (list(found.pieces), keys(found), found.problems) == ([], [], [])


def test_a_snapshot_and_what_came_after_it_are_read_back(tmp_path: Path) -> None:
    generation = load(tmp_path).generation
    write(journals(tmp_path, generation)[0], b"in the snapshot")
    generation += 1
    write(journals(tmp_path, generation)[0], b"after")
    snapshot(tmp_path, generation)

    found = load(tmp_path)

    assert list(found.pieces) == PIECES
    assert keys(found) == [b"after"]
    assert not found.problems
    assert found.generation > generation
    assert generations(tmp_path, "one") == generations(tmp_path, "two") == [generation]


def test_a_death_before_the_rename_leaves_the_old_one_and_all_journals(tmp_path: Path) -> None:
    snapshot(tmp_path, 1, [b"old"])
    write(journals(tmp_path, 1)[0], b"one")
    writing = state.Writing(tmp_path, NAMES, 2)
    write(journals(tmp_path, 2)[0], b"two")
    writing.add(b"new")

    found = load(tmp_path)

    assert list(found.pieces) == [b"old"]
    assert keys(found) == [b"one", b"two"]


def test_a_death_after_the_rename_leaves_journals_that_are_not_read_again(tmp_path: Path) -> None:
    snapshot(tmp_path, 5)
    write(journals(tmp_path, 4)[0], b"in the snapshot")

    assert keys(load(tmp_path)) == []
    assert generations(tmp_path, "one") == generations(tmp_path, "two") == []


def test_what_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    writing = state.Writing(tmp_path, NAMES, 1)
    writing.add(b"piece")
    writing.give_up()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 5, state.HEADER.size, state.HEADER.size + 3, 500, 6_000])
def test_a_snapshot_that_was_cut_off_is_put_aside(tmp_path: Path, size: int) -> None:
    path = snapshot(tmp_path, 3)
    whole = path.read_bytes()
    path.write_bytes(whole[:size])
    write(journals(tmp_path, 3)[0], b"after")

    found = load(tmp_path)

    assert list(found.pieces) == []
    assert keys(found) == [b"after"]
    assert len(found.problems) == 1
    assert (tmp_path / "snapshot.1.aside").read_bytes() == whole[:size]
    assert not path.exists()


@pytest.mark.parametrize("place", [9, 17, 30, 1_020, -12])
def test_a_garbled_snapshot_is_put_aside(tmp_path: Path, place: int) -> None:
    path = snapshot(tmp_path, 3)
    content = bytearray(path.read_bytes())
    content[place] ^= 0x10
    path.write_bytes(content)

    found = load(tmp_path)

    assert list(found.pieces) == []
    assert "damaged" in found.problems[0] or "cut off" in found.problems[0]


def test_another_format_is_said_by_its_number(tmp_path: Path) -> None:
    path = snapshot(tmp_path, 3)
    path.write_bytes(state.MAGIC + b"\0" + path.read_bytes()[8:])

    (problem,) = load(tmp_path).problems

    assert "format 0" in problem
    assert f"format {state.VERSION}" in problem


def test_a_damaged_journal_is_kept_aside_and_read_until_a_snapshot_has_it(tmp_path: Path) -> None:
    journal = journals(tmp_path, 1)[0]
    for key in (b"first", b"second", b"third"):
        write(journal, key)
    path = path_of(tmp_path, "one", 1)
    content = path.read_bytes()
    at = content.index(b"tablesecond") - 20
    path.write_bytes(content[:at] + b"\xff" * 20 + content[at + 20 :])

    for start in (1, 2):
        found = load(tmp_path)
        assert keys(found)[0] == b"first"
        assert f"{path.name}.{start}{state.ASIDE}" in found.problems[0]
    snapshot(tmp_path, found.generation)

    assert load(tmp_path).problems == []
    assert b"third" in (tmp_path / f"{path.name}.1{state.ASIDE}").read_bytes()


def test_a_journal_that_was_cut_off_is_told(tmp_path: Path) -> None:
    journal = journals(tmp_path, 1)[0]
    for key in (b"first", b"second", b"third"):
        write(journal, key)
    path = path_of(tmp_path, "one", 1)
    path.write_bytes(path.read_bytes()[:60])

    found = load(tmp_path)

    assert keys(found) == [b"first"][: len(keys(found))]
    assert "cut off" in found.problems[0]


def test_not_many_files_are_kept_aside(tmp_path: Path) -> None:
    for number in range(1, 20):
        (tmp_path / f"snapshot.{number}{state.ASIDE}").touch()

    load(tmp_path)

    assert len(list(tmp_path.iterdir())) == state.ASIDE_MAX
