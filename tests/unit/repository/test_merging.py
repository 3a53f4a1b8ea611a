"""Commits to a revision that is no longer the newest: merged by file, or refused with all sides."""

from pathlib import Path

import pytest

from tests.unit.repository.stage import commit, contents, proposal, sound
from workers.repository.core.changes import Entry
from workers.repository.errors import ConflictError, NothingChangedError, RefusedError, Sides
from workers.repository.repository import Repository

TEXT = b"one\ntwo\nthree\nfour\nfive\nsix\nseven\n"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository.create(tmp_path / "config.git")
    commit(made, {"global/a": TEXT, "global/b": b"b\n", "global/raw": b"\0\n" * 9})
    return made


def edited(old: bytes, new: bytes) -> bytes:
    return TEXT.replace(old, new)


def test_other_files_are_merged(repository: Repository) -> None:
    commit(repository, {"global/b": b"theirs\n"})
    made = commit(repository, {"global/c": b"ours\n", "global/a": None}, base=1)
    assert made.number == 3
    expected = {"global/b": b"theirs\n", "global/c": b"ours\n", "global/raw": b"\0\n" * 9}
    assert contents(repository, 3) == expected
    assert [d.path for d in repository.diff(2, 3)] == ["global/a", "global/c"]


def test_other_lines_of_one_file_are_merged(repository: Repository) -> None:
    commit(repository, {"global/a": edited(b"one", b"ONE")})
    ours = Entry(edited(b"seven", b"sept \xe9"), executable=True)
    commit(repository, {"global/a": ours}, base=1)
    merged = edited(b"one", b"ONE").replace(b"seven", b"sept \xe9")
    assert repository.read(3, "global/a") == merged
    assert repository.tree(3)["global/a"].executable
    assert sound(repository.directory)


def test_crlf_lines_are_merged_as_they_are(repository: Repository) -> None:
    lines = TEXT.replace(b"\n", b"\r\n")
    commit(repository, {"global/w": lines})
    commit(repository, {"global/w": lines.replace(b"one", b"ONE")})
    commit(repository, {"global/w": lines.replace(b"seven", b"sept")}, base=2)
    merged = lines.replace(b"one", b"ONE").replace(b"seven", b"sept")
    assert repository.read(4, "global/w") == merged


def test_the_same_lines_are_a_conflict_with_all_sides(repository: Repository) -> None:
    theirs, ours = edited(b"two", b"deux"), edited(b"two", b"zwei")
    commit(repository, {"global/a": theirs})
    with pytest.raises(ConflictError, match="since r1: global/a; pull r2, merge") as caught:
        commit(repository, {"global/a": ours, "global/c": b"c"}, base=1)
    assert caught.value.paths == {"global/a": Sides(TEXT, ours, theirs)}
    assert (caught.value.base, caught.value.head) == (1, 2)
    assert len(repository.log()) == 2


def test_deleted_and_changed_is_a_conflict_either_way(repository: Repository) -> None:
    commit(repository, {"global/a": None, "global/b": b"theirs\n"})
    with pytest.raises(ConflictError) as caught:
        commit(repository, {"global/a": b"ours\n", "global/b": None}, base=1)
    assert caught.value.paths == {
        "global/a": Sides(TEXT, b"ours\n", None),
        "global/b": Sides(b"b\n", None, b"theirs\n"),
    }


def test_added_on_both_sides_is_a_conflict_unless_alike(repository: Repository) -> None:
    commit(repository, {"global/c": b"theirs", "global/d": b"alike"})
    with pytest.raises(ConflictError) as caught:
        commit(repository, {"global/c": b"ours", "global/d": b"alike"}, base=1)
    assert caught.value.paths == {"global/c": Sides(None, b"ours", b"theirs")}
    with pytest.raises(NothingChangedError, match="r2 already says"):
        commit(repository, {"global/d": b"alike"}, base=1)


def test_binary_files_are_not_merged(repository: Repository) -> None:
    commit(repository, {"global/raw": b"x" + b"\0\n" * 9})
    with pytest.raises(ConflictError):
        commit(repository, {"global/raw": b"\0\n" * 9 + b"y"}, base=1)


def test_what_both_deleted_is_done_already(repository: Repository) -> None:
    commit(repository, {"global/a": None})
    made = commit(repository, {"global/a": None, "global/b": b"ours"}, base=1)
    assert [d.path for d in repository.diff(2, made.number)] == ["global/b"]


def test_a_mode_and_lines_are_merged(repository: Repository) -> None:
    commit(repository, {"global/a": Entry(TEXT, executable=True)})
    commit(repository, {"global/a": edited(b"one", b"ONE")}, base=1)
    assert repository.tree(3)["global/a"].executable
    assert repository.read(3, "global/a") == edited(b"one", b"ONE")


def test_a_file_where_others_made_a_directory_is_refused(repository: Repository) -> None:
    commit(repository, {"global/c/x": b"theirs"})
    with pytest.raises(RefusedError, match="global/c: would be a file and a directory"):
        commit(repository, {"global/c": b"ours"}, base=1)
    with pytest.raises(RefusedError, match="global/C/y: differs only in case"):
        commit(repository, {"global/C/y": b"ours"}, base=1)


def test_the_empty_tree_is_a_base_too(repository: Repository) -> None:
    made = commit(repository, {"global/new": b"1"}, base=0)
    assert made.number == 2
    with pytest.raises(ConflictError):
        commit(repository, {"global/b": b"other"}, base=0)


def test_what_the_newest_revision_knows_does_not_bind_an_older_base(repository: Repository) -> None:
    commit(repository, {"global/b": None})
    with pytest.raises(RefusedError, match="global/b: is to be deleted"):
        repository.commit(2, proposal({"global/b": None}))
