"""Revisions on a real disk: made, numbered, read, compared; and what is refused."""

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tests.unit.repository.stage import WHEN, commit, contents, git, proposal, sound
from workers.repository.committing import Proposal
from workers.repository.core.changes import ChangeRefusal, Entry
from workers.repository.core.paths import PathRefusal
from workers.repository.differences import Kind
from workers.repository.errors import (
    DamagedError,
    NotARepositoryError,
    NothingChangedError,
    RefusedError,
    StorageError,
    TextError,
    UnknownPathError,
    UnknownRevisionError,
)
from workers.repository.repository import Repository

RAW = bytes(range(256)) + b"\r\n\xff\xfe no end of line"


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "config.git")


def test_a_new_repository_is_empty(repository: Repository) -> None:
    assert repository.head() is None
    assert repository.log() == []
    assert repository.tree(0) == {}
    assert repository.pack_since(None) == b""
    assert sound(repository.directory)


def test_the_first_commit_is_r1_and_readable_at_once(repository: Repository) -> None:
    made = commit(repository, {"global/a": b"1\n"})
    assert (made.number, made.name, made.email, made.when) == (1, "Ann", "ann@example.com", WHEN)
    assert repository.head() == made
    assert repository.revision(made.hash) == repository.revision(1) == made
    assert Repository.open(repository.directory).head() == made


def test_contents_are_kept_byte_for_byte(repository: Repository) -> None:
    files = {"global/raw": RAW, "global/crlf": b"a\r\nb\r\n", "global/none": b""}
    commit(repository, {**files, "global/run": Entry(b"#!/bin/sh\n", executable=True)})
    assert repository.read(1, "global/raw") == RAW
    assert contents(repository, 1) == {**files, "global/run": b"#!/bin/sh\n"}
    tree = repository.tree(1)
    assert (tree["global/run"].mode, tree["global/run"].executable) == (0o100755, True)
    assert (tree["global/raw"].mode, tree["global/raw"].size) == (0o100644, len(RAW))


def test_older_revisions_stay_as_they_were(repository: Repository) -> None:
    commit(repository, {"global/a": b"1", "global/d/b": b"1"})
    commit(repository, {"global/a": b"2", "global/d/b": None})
    commit(repository, {"global/d": b"now a file"})
    assert contents(repository, 1) == {"global/a": b"1", "global/d/b": b"1"}
    assert contents(repository, 2) == {"global/a": b"2"}
    assert contents(repository, 3) == {"global/a": b"2", "global/d": b"now a file"}


def test_everything_may_be_deleted(repository: Repository) -> None:
    commit(repository, {"global/a": b"1"})
    commit(repository, {"global/a": None})
    assert repository.tree(2) == {}
    assert sound(repository.directory)


def test_plain_git_reads_it(repository: Repository, tmp_path: Path) -> None:
    commit(repository, {"global/a": RAW, "default/mx1/b": Entry(b"x", True)})
    commit(repository, {"global/a": b"2\n"}, key="k-1")
    git(tmp_path, "clone", "--quiet", str(repository.directory), "copy")
    assert (tmp_path / "copy" / "global" / "a").read_bytes() == b"2\n"
    assert (tmp_path / "copy" / "default" / "mx1" / "b").stat().st_mode & 0o111
    said = git(repository.directory, "log", "--format=%an <%ae> %at%n%B", "main")
    first = "Ann <ann@example.com> 1772366400\nA change\n\nMuster-Revision: "
    assert said == f"{first}2\nMuster-Key: k-1\n\n{first}1\n\n"
    assert sound(repository.directory)


def test_plain_git_may_not_push_to_it(repository: Repository, tmp_path: Path) -> None:
    commit(repository, {"global/a": b"1"})
    git(tmp_path, "clone", "--quiet", str(repository.directory), "copy")
    who = ("-c", "user.name=x", "-c", "user.email=x@y")
    git(tmp_path / "copy", *who, "commit", "--allow-empty", "--quiet", "-m", "x")
    with pytest.raises(Exception, match="returned non-zero"):
        git(tmp_path / "copy", "push", "--quiet")
    assert len(repository.log()) == 1


def test_an_existing_repository_is_not_made_again(repository: Repository) -> None:
    Repository.create(repository.directory)
    commit(repository, {"global/a": b"1"})
    with pytest.raises(NotARepositoryError, match="already holds a repository; open it"):
        Repository.create(repository.directory)
    assert len(repository.log()) == 1


def test_a_directory_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("precious")
    with pytest.raises(NotARepositoryError, match="holds mail; choose an empty directory"):
        Repository.create(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mail"]


@pytest.mark.parametrize("missing", ["HEAD", "config", "refs", "objects", "hooks"])
def test_a_making_that_was_cut_short_is_completed(repository: Repository, missing: str) -> None:
    path = repository.directory / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert commit(Repository.create(repository.directory), {"global/a": b"1"}).number == 1
    assert sound(repository.directory)


def test_what_is_no_repository_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(NotARepositoryError, match="create it"):
        Repository.open(tmp_path)


@pytest.mark.parametrize("reference", [2, -1, "0" * 40, "HEAD", "main", "abc", "A" * 40])
def test_unknown_revisions_are_refused(repository: Repository, reference: int | str) -> None:
    commit(repository, {"global/a": b"1"})
    with pytest.raises(UnknownRevisionError):
        repository.tree(reference)


def test_r0_is_no_revision_but_an_empty_tree(repository: Repository) -> None:
    with pytest.raises(UnknownRevisionError, match="the first is r1"):
        repository.revision(0)
    assert repository.diff(0, 0) == []


def test_unknown_paths_are_refused(repository: Repository) -> None:
    commit(repository, {"global/a": b"1"})
    with pytest.raises(UnknownPathError, match="global/b: no such file in r1"):
        repository.read(1, "global/b")


def test_a_dangling_commit_is_no_revision(repository: Repository) -> None:
    made = commit(repository, {"global/a": b"1"})
    commit(repository, {"global/a": b"2"})
    git(repository.directory, "update-ref", "refs/heads/main", made.hash)
    head = repository.head()
    assert head is not None
    assert head.number == 1
    with pytest.raises(UnknownRevisionError, match="the newest is r1"):
        repository.revision(2)


# what is refused


def test_a_bad_change_is_refused_with_every_reason(repository: Repository) -> None:
    with pytest.raises(RefusedError) as caught:
        commit(repository, {"global/../a": b"", "x": b"", "global/gone": None})
    assert [p.refusal for p in caught.value.problems] == [
        PathRefusal.DOTS,
        ChangeRefusal.ABSENT,
        PathRefusal.MISPLACED,
    ]
    assert str(caught.value).startswith("global/../a: has . or .. as a name; write")
    assert repository.head() is None


def test_an_empty_change_is_refused(repository: Repository) -> None:
    with pytest.raises(RefusedError, match="names no file"):
        commit(repository, {})


def test_a_change_that_changes_nothing_is_refused(repository: Repository) -> None:
    commit(repository, {"global/a": b"1"})
    with pytest.raises(NothingChangedError, match="r1 already says all of it"):
        commit(repository, {"global/a": b"1"})


def test_a_mode_alone_is_a_change(repository: Repository) -> None:
    commit(repository, {"global/a": b"1"})
    commit(repository, {"global/a": Entry(b"1", executable=True)})
    (difference,) = repository.diff(1, 2)
    assert (difference.old_mode, difference.new_mode) == (0o100644, 0o100755)
    assert (difference.text, difference.binary, difference.cut) == ("", False, False)


def test_only_known_nodes_are_written_for(repository: Repository) -> None:
    known = {"default": {"mx1"}}
    repository.commit(0, proposal({"default/mx1/a": b"1"}, known=known))
    with pytest.raises(RefusedError, match="of a node that is not defined"):
        repository.commit(1, proposal({"default/mx2/a": b"1"}, known=known))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"message": " "}, "the message is empty"),
        ({"name": "A <b>"}, "correct the account"),
        ({"key": "a b"}, "use a UUID"),
        ({"when": datetime(2026, 1, 1)}, "correct the clock"),  # noqa: DTZ001 -- that is the point
        ({"when": datetime(1960, 1, 1, tzinfo=timezone.utc)}, "correct the clock"),  # noqa: UP017
    ],
)
def test_texts_git_cannot_keep_are_refused(
    repository: Repository, changed: dict[str, object], sentence: str
) -> None:
    good = {"name": "Ann", "email": "a@b", "message": "x", "when": WHEN}
    bad = Proposal(changes={"global/a": Entry(b"")}, **{**good, **changed})  # type: ignore[arg-type]
    with pytest.raises(TextError, match=sentence):
        repository.commit(0, bad)


def test_the_authors_zone_is_kept(repository: Repository) -> None:
    when = datetime(2026, 3, 1, 12, 0, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
    made = repository.commit(
        0, Proposal({"global/a": Entry(b"")}, "Ünal", "ü@b", "Größer\r\n\r\nals", when)
    )
    assert (made.when, made.when.utcoffset()) == (when, when.utcoffset())
    assert (made.name, made.email, made.message) == ("Ünal", "ü@b", "Größer\n\nals")


# idempotency


def test_the_same_key_again_gives_the_revision_already_made(repository: Repository) -> None:
    first = commit(repository, {"global/a": b"1"}, key="k-1")
    commit(repository, {"global/a": b"2"}, key="k-2")
    again = commit(repository, {"global/a": b"1"}, base=0, key="k-1")
    assert again == first
    fresh = Repository.open(repository.directory)
    assert commit(fresh, {"global/x": b"other"}, key="k-2").number == 2
    assert len(fresh.log()) == 2


# log


def test_the_log_is_paged(repository: Repository) -> None:
    for number in range(5):
        commit(repository, {"global/a": b"%d" % number})
    assert [r.number for r in repository.log()] == [5, 4, 3, 2, 1]
    assert [r.number for r in repository.log(2)] == [5, 4]
    assert [r.number for r in repository.log(2, before=4)] == [3, 2]
    assert [r.number for r in repository.log(9, before=99)] == [5, 4, 3, 2, 1]
    assert repository.log(2, before=1) == repository.log(0) == repository.log(-1) == []


def test_the_log_of_a_path(repository: Repository) -> None:
    steps: list[dict[str, bytes | Entry | None]] = [
        {"global/other": b"1"},
        {"global/d/a": b"1"},
        {"global/d/b": b"1"},
        {"global/d/a": Entry(b"1", executable=True)},
        {"global/d/a": None, "global/d/b": None},
        {"global/other": b"2"},
        {"global/d": b"file"},
        {"global/d": None, "global/d/a": b"3"},
    ]
    for step in steps:
        commit(repository, step)
    assert [r.number for r in repository.log(path="global/d/a")] == [8, 5, 4, 2]
    assert [r.number for r in repository.log(path="global/d/")] == [8, 7, 5, 4, 3, 2]
    assert [r.number for r in repository.log(2, before=8, path="global/d/a")] == [5, 4]
    assert [r.number for r in repository.log(path="global/other")] == [6, 1]
    assert repository.log(path="global/never") == []


@pytest.mark.parametrize("path", ["", "/", "..", "a\0b", "global//a", "\ud800", "global/a/b", "\n"])
def test_the_log_of_what_can_be_no_path_is_empty(repository: Repository, path: str) -> None:
    commit(repository, {"global/a": b"1"})
    assert repository.log(path=path) == []
    assert repository.diff(0, 1, {path}) == []
    with pytest.raises(UnknownPathError):
        repository.read(1, path)


# diff


def test_a_diff_names_what_changed_and_shows_the_lines(repository: Repository) -> None:
    commit(repository, {"global/a": b"1\n2\n", "global/b": b"x\n", "global/raw": b"\0"})
    commit(repository, {"global/a": b"1\n3\n", "global/b": None, "global/raw": b"\0\1"})
    commit(repository, {"global/c": b"caf\xe9\r\n"})
    found = {d.path: d for d in repository.diff(1, 3)}
    assert {path: d.kind for path, d in found.items()} == {
        "global/a": Kind.CHANGED,
        "global/b": Kind.DELETED,
        "global/c": Kind.ADDED,
        "global/raw": Kind.CHANGED,
    }
    assert "\n 1\n-2\n+3\n" in found["global/a"].text
    assert "+caf\ufffd\r\n" in found["global/c"].text
    assert (found["global/raw"].binary, found["global/raw"].text) == (True, "")
    assert (found["global/b"].old_mode, found["global/b"].new_mode) == (0o100644, 0)
    back = {d.path: d.kind for d in repository.diff(3, 1)}
    assert (back["global/b"], back["global/c"]) == (Kind.ADDED, Kind.DELETED)


def test_a_diff_of_some_paths(repository: Repository) -> None:
    commit(repository, {"global/a": b"1", "global/b": b"1"})
    assert [d.path for d in repository.diff(0, 1)] == ["global/a", "global/b"]
    assert [d.path for d in repository.diff(0, 1, {"global/b"})] == ["global/b"]


def test_long_texts_are_left_out_of_a_diff(repository: Repository) -> None:
    commit(repository, {"global/a": b"line\n" * 300_000, "global/b": b"1\n"})
    long, short = repository.diff(0, 1)
    assert (long.path, long.text, long.cut) == ("global/a", "", True)
    assert not short.cut


# damage


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(b"spoilt")])
def test_damaged_objects_are_told_and_not_written_over(
    repository: Repository, spoil: Callable[[Path], object]
) -> None:
    made = commit(repository, {"global/a": b"1"})
    objects = repository.directory / "objects"
    kept = {path: path.read_bytes() for path in objects.glob("??/*")}
    for path, content in kept.items():
        path.chmod(0o644)
        spoil(path)
        fresh = Repository.open(repository.directory)
        with pytest.raises((DamagedError, StorageError), match="; "):
            fresh.diff(0, 1) or fresh.read(1, "global/a")
        path.write_bytes(content)
    assert Repository.open(repository.directory).read(made.number, "global/a") == b"1"


@pytest.mark.parametrize("text", ["", "spoilt\n", "ref: refs/heads/other\n", "0" * 40 + "\n"])
def test_a_spoilt_branch_is_told(repository: Repository, text: str) -> None:
    commit(repository, {"global/a": b"1"})
    (repository.directory / "refs" / "heads" / "main").write_text(text)
    with pytest.raises((DamagedError, StorageError), match="; "):
        commit(Repository.open(repository.directory), {"global/a": b"2"})


# histories of others


@pytest.mark.parametrize(
    "message", ["by hand", "x\n\nMuster-Revision: 3\n", "x\n\nMuster-Revision: 1\n"]
)
def test_a_commit_of_somebody_else_is_refused(repository: Repository, message: str) -> None:
    made = commit(repository, {"global/a": b"1"})
    who = ("-c", "user.name=x", "-c", "user.email=x@y")
    tree = f"{made.hash}^{{tree}}"
    foreign = git(
        repository.directory, *who, "commit-tree", tree, "-p", made.hash, "-m", message
    ).strip()
    git(repository.directory, "update-ref", "refs/heads/main", foreign)
    with pytest.raises(DamagedError, match="move main back"):
        Repository.open(repository.directory).head()
    with pytest.raises(DamagedError, match="move main back"):
        commit(repository, {"global/a": b"2"})
