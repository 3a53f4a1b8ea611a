"""Histories that part, with real git: brought beside main, turned to, kept, and checked."""

import os
from pathlib import Path

import pytest

from tests.unit.repository.stage import commit, contents, git, sound
from workers.repository.core.divergence import LOST_MAX, shared
from workers.repository.errors import (
    OutOfStepError,
    PackRefusedError,
    StorageError,
    UnknownRevisionError,
)
from workers.repository.history import Revision
from workers.repository.repository import Repository
from workers.repository.upkeep import damage


@pytest.fixture
def manager(tmp_path: Path) -> Repository:
    """r1 and r2."""
    made = Repository.create(tmp_path / "manager.git")
    commit(made, {"global/a": b"1\n"})
    commit(made, {"global/b": b"2\n"})
    return made


@pytest.fixture
def node(tmp_path: Path, manager: Repository) -> Repository:
    """The same, and r3 to r5 of its own."""
    made = Repository.create(tmp_path / "node.git")
    made.receive(manager.pack_since(None), None, head(manager).hash)
    for number in (3, 4, 5):
        commit(made, {"global/theirs": b"%d\n" % number})
    return made


def head(repository: Repository) -> Revision:
    found = repository.head()
    assert found is not None
    return found


def fetch(manager: Repository, node: Repository) -> str:
    """Bring the node's history beside the manager's; its newest commit."""
    since = shared(manager.beside.samples(), lambda commit: not node.lacks(commit))
    manager.beside.receive(node.pack_since(since or None), since, head(node).hash, "mta1")
    return head(node).hash


def test_a_history_is_brought_beside_main(manager: Repository, node: Repository) -> None:
    ours = commit(manager, {"global/ours": b"x\n"})
    theirs = fetch(manager, node)
    assert head(manager) == ours
    assert manager.lacks(theirs)
    assert manager.beside.foreign() == {"mta1": theirs}
    parting = manager.beside.parting(theirs)
    assert (parting.ancestor, parting.since) == (2, manager.revision(2).hash)
    assert [one.number for one in parting.revisions] == [5, 4, 3]
    assert (parting.count, parting.head) == (3, head(node))
    assert set(manager.beside.tree(theirs)) == {"global/a", "global/b", "global/theirs"}
    assert sound(manager.directory)


def test_main_turns_to_it_and_what_it_leaves_is_kept(manager: Repository, node: Repository) -> None:
    ours = commit(manager, {"global/ours": b"x\n"})
    theirs = fetch(manager, node)
    manager.beside.turn(ours.hash, theirs)
    again = Repository.open(manager.directory)
    for each in (manager, again):
        assert head(each) == head(node)
        assert contents(each, 5) == contents(node, 5)
        assert list(each.beside.lost().values()) == [ours.hash]
        assert each.beside.is_given_up(ours.hash)
        assert not each.beside.is_given_up(theirs)
        assert each.beside.parting(ours.hash).ancestor == 2
    assert sound(manager.directory)
    assert commit(manager, {"global/c": b"after"}).number == 6


def test_a_history_that_only_lacks_revisions_leaves_nothing(
    manager: Repository, node: Repository
) -> None:
    theirs = fetch(manager, node)
    manager.beside.turn(head(manager).hash, theirs)
    assert manager.beside.lost() == {}
    assert head(manager) == head(node)


def test_a_replica_gives_up_its_own(manager: Repository, node: Repository) -> None:
    mine, common = head(node).hash, manager.revision(2).hash
    ours = commit(manager, {"global/ours": b"x\n"})
    node.beside.turn(mine, ours.hash, manager.pack_since(common), common)
    assert node.log() == manager.log()
    assert list(node.beside.lost()) == ["000001-r5"]
    assert sound(node.directory)
    node.beside.turn(mine, ours.hash)  # told twice
    assert list(node.beside.lost()) == ["000001-r5"]


def test_a_replica_goes_back_to_an_older_revision_without_a_pack(
    manager: Repository, node: Repository
) -> None:
    mine = head(node).hash
    node.beside.turn(mine, head(manager).hash)
    assert node.log() == manager.log()
    assert list(node.beside.lost().values()) == [mine]


def test_nothing_in_common_is_no_hindrance(manager: Repository, tmp_path: Path) -> None:
    other = Repository.create(tmp_path / "other.git")
    for number in range(4):
        commit(other, {"global/x": b"%d" % number})
    theirs = fetch(manager, other)
    assert manager.beside.parting(theirs).ancestor == 0
    mine = head(manager).hash
    manager.beside.turn(mine, theirs)
    assert manager.log() == other.log()
    empty = Repository.create(tmp_path / "empty.git")
    fetch(empty, other)
    assert empty.beside.turn("", theirs) == head(other)


def test_what_was_left_can_be_turned_to_again(manager: Repository, node: Repository) -> None:
    ours = commit(manager, {"global/ours": b"x\n"}).hash
    theirs = fetch(manager, node)
    manager.beside.turn(ours, theirs)
    manager.beside.turn(theirs, ours)
    assert head(manager).hash == ours
    assert manager.beside.is_given_up(theirs)
    assert not manager.beside.is_given_up(ours)


def test_a_death_before_main_moves_leaves_it_where_it_was(
    manager: Repository, node: Repository
) -> None:
    ours = commit(manager, {"global/ours": b"x\n"}).hash
    theirs = fetch(manager, node)
    manager.beside.keep(ours)  # and dies
    again = Repository.open(manager.directory)
    assert head(again).hash == ours
    assert not again.beside.is_given_up(ours)
    again.beside.turn(ours, theirs)
    assert list(again.beside.lost().values()) == [ours]
    assert again.beside.is_given_up(ours)


def test_only_so_many_are_kept(manager: Repository) -> None:
    base = manager.revision(1).hash
    left = []
    for number in range(LOST_MAX + 3):
        left.append(commit(manager, {"global/n": b"%d" % number}).hash)
        manager.beside.turn(left[-1], base)
    assert list(manager.beside.lost().values()) == left[-LOST_MAX:]
    assert not manager.beside.is_given_up(left[0])
    manager.beside.keep(left[-1])
    assert list(manager.beside.lost().values()) == left[-LOST_MAX:]


def test_what_is_not_whole_changes_nothing(manager: Repository, node: Repository) -> None:
    common = manager.revision(2).hash
    pack, theirs = node.pack_since(common), head(node).hash
    for bad in (pack[:-30], b"no pack", pack[:40] + b"\0" + pack[41:]):
        with pytest.raises(PackRefusedError):
            manager.beside.receive(bad, common, theirs, "mta1")
    with pytest.raises(OutOfStepError, match="is no revision here"):
        manager.beside.receive(pack, theirs, theirs, "mta1")
    with pytest.raises(OutOfStepError, match="look again"):
        manager.beside.turn(theirs, manager.revision(1).hash)
    with pytest.raises(UnknownRevisionError, match="have it fetched"):
        manager.beside.turn(common, theirs)
    with pytest.raises(UnknownRevisionError, match="have it fetched"):
        manager.beside.parting(theirs)
    assert manager.beside.foreign() == {}
    assert not manager.beside.has(theirs)
    assert len(manager.log()) == 2


def test_a_lock_of_a_dead_process_is_cleared_away(manager: Repository, node: Repository) -> None:
    theirs = fetch(manager, node)
    lock = manager.directory / "refs" / "muster" / "foreign" / "mta1.lock"
    lock.touch()
    manager.beside.drop("mta1")
    manager.beside.drop("mta1")
    assert manager.beside.foreign() == {}
    assert not manager.beside.has(theirs), "housekeeping may take it away"


def test_damage_is_told(node: Repository) -> None:
    assert damage(node.directory) == ""
    node.beside.keep(node.revision(3).hash)
    assert damage(node.directory) == ""
    tree = git(node.directory, "rev-parse", "main:global/theirs").strip()
    loose = node.directory / "objects" / tree[:2] / tree[2:]
    loose.chmod(0o600)
    loose.write_bytes(b"rot")
    assert "is damaged" in damage(node.directory)
    loose.unlink()
    assert "is damaged" in damage(node.directory)


def test_an_empty_repository_is_not_damaged(tmp_path: Path) -> None:
    assert damage(Repository.create(tmp_path / "empty.git").directory) == ""


@pytest.mark.skipif(os.getuid() == 0, reason="the superuser reads everything")
def test_what_may_not_be_read_is_not_damaged(node: Repository) -> None:
    objects = node.directory / "objects"
    objects.chmod(0)
    try:
        with pytest.raises(StorageError):
            damage(node.directory)
    finally:
        objects.chmod(0o755)
