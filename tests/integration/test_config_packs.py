"""Packs in parts: what nodes put together is a replica; what is gone is begun anew."""

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cluster_admin.configs.orders import Head, Part
from cluster_admin.configs.packs import KEPT, Shelf
from workers.config.core.messages import PART_BYTES
from workers.repository.committing import Proposal
from workers.repository.core.changes import Entry
from workers.repository.errors import DivergedError
from workers.repository.repository import Repository

LARGE = random.Random(1).randbytes(2 * PART_BYTES + 7)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "manager" / "main.git")


@pytest.fixture
def replica(tmp_path: Path) -> Repository:
    return Repository.create(tmp_path / "replica.git")


def commit(repository: Repository, content: bytes) -> Head:
    head = repository.head()
    when = datetime(2026, 1, 2, tzinfo=UTC)
    proposal = Proposal({"global/file": Entry(content)}, "ann", "ann@example.org", "x", when)
    made = repository.commit(head.number if head else 0, proposal)
    return Head(made.number, made.hash)


def whole(shelf: Shelf, since: str, wanted: str = "") -> tuple[Head, bytes]:
    """A pack put together as nodes do."""
    part = shelf.part(since, wanted)
    data = part.data
    while len(data) < part.size:
        data += shelf.part(since, part.head.commit, len(data)).data
    return part.head, data


def test_an_empty_replica_gets_all_in_parts(repository: Repository, replica: Repository) -> None:
    commit(repository, LARGE)
    head, pack = whole(Shelf(repository), "")

    assert len(pack) > 2 * PART_BYTES
    assert replica.receive(pack, None, head.commit).number == 1
    assert replica.read(1, "global/file") == LARGE


def test_one_that_has_the_newest_gets_nothing(repository: Repository) -> None:
    assert Shelf(repository).part("") == Part("", Head())
    head = commit(repository, b"1")
    assert Shelf(repository).part(head.commit) == Part(head.commit, head)


def test_a_pack_that_was_begun_goes_on_though_others_commit(
    repository: Repository, replica: Repository
) -> None:
    shelf = Shelf(repository)
    first = commit(repository, LARGE)
    begun = shelf.part("")
    second = commit(repository, b"2")
    rest = whole(shelf, "", begun.head.commit)[1]

    assert begun.head == first
    assert replica.receive(rest, None, first.commit).number == 1
    head, pack = whole(shelf, first.commit)
    assert (head, replica.receive(pack, first.commit, second.commit).number) == (second, 2)


def test_another_process_goes_on_with_the_same_bytes(repository: Repository) -> None:
    head = commit(repository, LARGE)
    begun = Shelf(repository).part("")
    other = Shelf(repository).part("", head.commit, len(begun.data))

    assert (other.offset, other.size) == (PART_BYTES, begun.size)
    assert begun.data + other.data == whole(Shelf(repository), "")[1][: 2 * PART_BYTES]


def test_a_pack_that_is_gone_gives_way_to_the_newest(repository: Repository) -> None:
    first = commit(repository, b"1")
    second = commit(repository, b"2")
    part = Shelf(repository).part("", first.commit, 10)

    assert (part.head, part.offset) == (second, 0)


def test_an_offset_beyond_the_end_begins_anew(repository: Repository) -> None:
    head = commit(repository, b"1")

    assert Shelf(repository).part("", head.commit, 10**9).offset == 0


def test_a_replica_of_another_history_is_told_from_ours(repository: Repository) -> None:
    commit(repository, b"1")

    with pytest.raises(DivergedError, match="no revision here"):
        Shelf(repository).part("f" * 40)


def test_few_packs_are_kept_and_nothing_is_left_on_the_disk(repository: Repository) -> None:
    shelf = Shelf(repository)
    heads = [commit(repository, str(n).encode()) for n in range(2 * KEPT)]
    for head in heads[:-1]:
        shelf.part(head.commit)

    assert len(shelf) == KEPT
    assert [path.name for path in repository.directory.parent.iterdir()] == ["main.git"]
