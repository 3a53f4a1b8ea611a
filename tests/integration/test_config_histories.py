"""A node's desk where histories part: it tells its own, gives it up when told to, mends itself."""

import random
from functools import partial
from pathlib import Path

import pytest

from tests.integration.brokers import SUBCLUSTER
from tests.integration.configuring import Heard, Manager, live, parts
from tests.integration.test_config_desk import desk
from tests.unit.repository.stage import sound
from workers.config.core.messages import HISTORY_BYTES, HISTORY_PARTS, Ask, Order, Past, Standing
from workers.config.core.orders import Parts
from workers.config.desk import Desk
from workers.config.replica_doctor import SUFFIX
from workers.repository.history import Revision
from workers.repository.repository import Repository


@pytest.fixture
def manager(tmp_path: Path) -> Manager:
    return Manager(tmp_path / "manager.git")


def seeded(one: Desk, heard: Heard, manager: Manager) -> Revision:
    """r1 at both."""
    first = manager.commit(main_cf="1\n")
    one.order(manager.order())
    heard.at_rest(1)
    return first


def apart(
    place: Path, one: Desk, heard: Heard, manager: Manager, **files: str
) -> tuple[Revision, Manager]:
    """r2 and r3 of another manager at the node, live; r1 and that manager."""
    first = seeded(one, heard, manager)
    rival = Manager(place / "rival.git")
    rival.repository.receive(manager.repository.pack_since(None), None, first.hash)
    rival.commit(main_cf="theirs 2\n")
    rival.commit(**{"main_cf": "theirs 3\n", **files})
    one.order(rival.order(first))
    heard.applied(3)
    heard.at_rest(3)
    return first, rival


def is_wanting(wanted: tuple[str, int], told: Standing) -> bool:
    return (told.wants, told.offset) == wanted


def asked(manager: Manager, offset: int = 0) -> Order:
    """An order that asks for what the manager lacks."""
    known = tuple(manager.repository.beside.samples())
    return manager.order(pack=b"", size=0, target=0, ask=Ask(known=known, offset=offset))


def test_a_node_tells_what_the_manager_lacks(tmp_path: Path, manager: Manager) -> None:
    big = random.Random(3).randbytes(HISTORY_BYTES * (HISTORY_PARTS + 3)).hex()
    with desk(tmp_path / "node") as (one, heard):
        first, rival = apart(tmp_path, one, heard, manager, big=big)
        manager.commit(main_cf="ours 2\n")
        assembled, file = Parts(), bytearray()
        while not assembled.complete:
            mark, all_before = len(heard.of(Past)), len(heard.messages)
            one.order(asked(manager, assembled.received))
            heard.wait(Standing, bool, all_before)
            for piece in heard.of(Past)[mark:]:
                assert len(piece.pack) <= HISTORY_BYTES
                if assembled.take(piece, 0.0):
                    file += piece.pack
            assert len(heard.of(Past)) - mark <= HISTORY_PARTS
        last = heard.of(Past)[-1]
        theirs = rival.repository.head()
        assert theirs is not None
        assert (last.since, last.commit) == (first.hash, theirs.hash)
        manager.repository.beside.receive(bytes(file), last.since, last.commit, "mta1")
        assert manager.repository.beside.parting(theirs.hash).count == 2
        assert live(tmp_path / "node" / "config")["main.cf"] == b"theirs 3\n"
        told = heard.of(Standing)[-1]
        assert (told.histories, told.repaired, told.number) == (True, "", 3)


def test_a_node_gives_its_history_up_and_goes_back(tmp_path: Path, manager: Manager) -> None:
    with desk(tmp_path / "node") as (one, heard):
        first, rival = apart(tmp_path, one, heard, manager)
        theirs = rival.repository.head()
        assert theirs is not None
        # An order of another history says nothing, whatever it names.
        one.order(manager.order())
        ours = manager.commit(main_cf="ours 2\n")
        one.order(manager.order(first))
        one.order(manager.order(first, reset=ours.hash))
        mark = len(heard.messages)
        one.order(manager.order(first, reset=theirs.hash))
        heard.wait(Standing, lambda m: (m.number, m.live, m.busy) == (2, 2, False), mark)
        assert live(tmp_path / "node" / "config") == {"main.cf": b"ours 2\n"}
        replica = Repository.open(tmp_path / "node" / "config.git")
        assert replica.log() == manager.repository.log()
        assert list(replica.beside.lost().items()) == [("000001-r3", theirs.hash)]
        assert sound(replica.directory)

        third, mark = manager.commit(main_cf="ours 3\n"), len(heard.messages)
        one.order(manager.order(ours))
        heard.wait(Standing, lambda m: (m.live, m.busy) == (3, False), mark)
        assert live(tmp_path / "node" / "config") == {"main.cf": b"ours 3\n"}
        assert heard.of(Standing)[-1].commit == third.hash


def test_a_node_goes_back_to_what_it_has(tmp_path: Path, manager: Manager) -> None:
    with desk(tmp_path / "node") as (one, heard):
        first, rival = apart(tmp_path, one, heard, manager)
        theirs = rival.repository.head()
        assert theirs is not None
        mark = len(heard.messages)
        one.order(manager.order(first, pack=b"", size=0, reset=theirs.hash))
        heard.wait(Standing, lambda m: (m.number, m.live, m.busy) == (1, 1, False), mark)
        assert live(tmp_path / "node" / "config") == {"main.cf": b"1\n"}
        assert heard.of(Standing)[-1].commit == first.hash


def test_a_large_history_replaces_another_part_by_part(tmp_path: Path, manager: Manager) -> None:
    with desk(tmp_path / "node") as (one, heard):
        first, rival = apart(tmp_path, one, heard, manager)
        theirs = rival.repository.head()
        assert theirs is not None
        manager.commit(main_cf=random.Random(5).randbytes(5_000))
        pieces = parts(manager.order(first, reset=theirs.hash), 1_000)
        for number, piece in enumerate(pieces[:-1]):
            one.order(piece)
            wanted = piece.commit, pieces[number + 1].offset
            heard.wait(Standing, partial(is_wanting, wanted))
        one.order(pieces[-1])
        heard.wait(Standing, lambda m: (m.number, m.live, m.busy) == (2, 2, False))


def test_a_worker_that_dies_in_between_goes_back_all_the_same(
    tmp_path: Path, manager: Manager
) -> None:
    with desk(tmp_path / "node") as (one, heard):
        first, rival = apart(tmp_path, one, heard, manager)
        theirs = rival.repository.head()
        assert theirs is not None
    replica = Repository.open(tmp_path / "node" / "config.git")
    replica.beside.turn(theirs.hash, first.hash)
    with desk(tmp_path / "node") as (one, heard):
        assert heard.wait(Standing).live == 3
        one.order(manager.order(first, pack=b"", size=0))
        heard.at_rest(1)
        assert live(tmp_path / "node" / "config") == {"main.cf": b"1\n"}


@pytest.mark.parametrize("harm", ["object", "branch", "head", "missing commit"])
def test_a_damaged_replica_is_put_aside_and_fetched_anew(
    tmp_path: Path, manager: Manager, harm: str
) -> None:
    place = tmp_path / "node"
    with desk(place) as (one, heard):
        seeded(one, heard, manager)
    harmed(place / "config.git", harm)
    with desk(place) as (one, heard):
        told = heard.wait(Standing, lambda m: m.repaired)
        assert str(place / f"config.git{SUFFIX}") in told.repaired
        assert (told.number, told.commit, told.live) == (0, "", 1)
        second = manager.commit(main_cf="2\n")
        one.order(manager.order())
        told = heard.at_rest(2)
        assert (told.commit, told.trouble) == (second.hash, "")
        assert told.repaired
    assert (place / f"config.git{SUFFIX}").is_dir()
    assert sound(place / "config.git")


def harmed(directory: Path, harm: str) -> None:
    """Spoil a replica, as disks and people do."""
    main = directory / "refs" / "heads" / "main"
    if harm == "object":
        for pack in (directory / "objects" / "pack").glob("*.pack"):
            pack.chmod(0o600)
            data = bytearray(pack.read_bytes())
            data[len(data) // 2] ^= 0xFF
            pack.write_bytes(bytes(data))
    elif harm == "branch":
        main.write_bytes(bytes(41))
    elif harm == "head":
        (directory / "HEAD").write_bytes(b"")
    else:
        main.write_text("f" * 40 + "\n")


def test_a_replica_in_other_trouble_stays(tmp_path: Path, manager: Manager) -> None:
    place = tmp_path / "node"
    place.mkdir()
    wrong = place / "config.git"
    wrong.mkdir()
    (wrong / "precious").write_text("mine")
    with desk(place) as (one, heard):
        told = heard.wait(Standing)
        assert "no repository can be opened" in told.trouble
        one.order(manager_order(manager))
        told = heard.wait(Standing, bool, len(heard.messages))
        assert told.repaired == ""
    assert (wrong / "precious").read_text() == "mine"


def manager_order(manager: Manager) -> Order:
    manager.commit(main_cf="1\n")
    assert f"{SUBCLUSTER}/definitions.toml" in manager.repository.tree(1)
    return manager.order()
