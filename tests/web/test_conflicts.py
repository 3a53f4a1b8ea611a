"""Histories that stand against the manager's: seen, fetched, decided about, and nothing is lost."""

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cluster_admin.configs import (
    conflict_ending,
    conflict_merging,
    conflicts,
    deploying,
    index,
    sending,
)
from cluster_admin.configs.conflict_ending import Ended
from cluster_admin.configs.conflict_fetching import BYTES_MAX
from cluster_admin.configs.conflict_merging import Choice
from cluster_admin.configs.conflict_models import Conflict
from cluster_admin.configs.conflicts import HistoriesDifferError
from cluster_admin.configs.models import Replica, Revision
from cluster_admin.configs.orders import Asked
from cluster_admin.configs.store import repository
from cluster_admin.events.models import Event
from cluster_admin.inventory import node_tasks
from cluster_admin.inventory.models import Subcluster
from cluster_admin.inventory.refusals import Refused
from cluster_admin.vips.models import Vip
from tests.unit.repository import stage
from tests.web.astray import StrayNode, Wire
from tests.web.config_stage import ACTOR, add_vip, commit, head, subcluster, text
from tests.web.test_config_hearing import KEY, Bus
from workers.config.core.messages import Past
from workers.repository.errors import ConflictError

pytestmark = pytest.mark.django_db


@pytest.fixture
def home(settings: Any, tmp_path: Path) -> Subcluster:
    """r1 defines two nodes, r2 greets."""
    settings.MUSTER_BROKERS = ("memory://",)
    key = tmp_path / "key"
    key.write_text(KEY.hex() + "\n")
    key.chmod(0o600)
    settings.MUSTER_KEY_FILE = str(key)
    made = subcluster()
    commit({"global/motd": "hello\n"})
    return made


@pytest.fixture
def bus(home: Subcluster) -> Bus:
    found = Bus()
    found.began = datetime.now(UTC)  # rows are as old as they say
    return found


@pytest.fixture
def node(bus: Bus, tmp_path: Path) -> StrayNode:
    """It has r1 and r2, and goes on with r3 and r4 that the manager lacks."""
    made = StrayNode(tmp_path, bus)
    made.follow()
    made.go_on(theirs=b"3\n")
    made.go_on(theirs=b"4\n", motd=b"hello from mta1\n")
    return made


@pytest.fixture
def wire(bus: Bus, node: StrayNode, monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire(bus, node)
    monkeypatch.setattr(node_tasks.Post, "send", lambda *words: made.post(*words))
    return made


def states() -> dict[str, str]:
    return dict(Conflict.objects.values_list("node", "state"))


def test_a_head_that_the_manager_lacks_stops_commits(bus: Bus, node: StrayNode) -> None:
    commit({"global/motd": "still\n"})
    node.tell()

    assert states() == {"mta1": "open"}
    with pytest.raises(HistoriesDifferError, match="mta1 told of revisions that this manager"):
        commit({"global/motd": "no\n"})
    with pytest.raises(Refused, match="muster config conflict"):
        add_vip(Subcluster.objects.get(), "198.18.0.102")
    commit({"global/motd": "tried\n"}, dry_run=True)
    assert text("global/motd") == "still\n"
    event = Event.objects.get(kind="histories")
    assert (event.node, event.peer) == ("manager", "mta1")
    node.tell()
    assert Event.objects.filter(kind="histories").count() == 1


def test_its_history_is_fetched_in_parts(bus: Bus, node: StrayNode, wire: Wire) -> None:
    node.go_on(large=bytes(range(256)) * 8_000, noise=_noise(1_500_000))
    commit({"global/motd": "ours\n"})
    wire.settle(3)

    row = Conflict.objects.get()
    assert (row.number, row.commit, row.trouble) == (5, node.head.hash, "")
    parting = repository().beside.parting(row.commit)
    assert (parting.ancestor, parting.count) == (2, 3)
    assert len(node.orders) >= 2
    assert all(order.ask is not None for order in node.orders)
    node.orders.clear()
    wire.settle(3)
    assert node.orders == [], "it is left alone then"


def _noise(size: int) -> bytes:
    return random.Random(9).randbytes(size)


def test_the_nodes_history_may_count(bus: Bus, node: StrayNode, wire: Wire) -> None:
    commit({"global/motd": "ours\n"})
    ours = repository().revision(3).hash
    wire.settle(3)

    tried = conflict_ending.master(ACTOR, "mta1", dry_run=True)
    assert (tried, head()) == (Ended(4, 1, ()), 3)
    assert conflict_ending.master(ACTOR, "mta1") == Ended(4, 1, ())
    assert repository().log() == node.replica.repository.log()
    assert list(Revision.objects.values_list("commit", flat=True)) == [
        one.hash for one in repository().log()
    ]
    assert text("global/motd") == "hello from mta1\n"
    assert list(repository().beside.lost().values()) == [ours]
    assert (states(), repository().beside.foreign()) == ({}, {})
    commit({"global/motd": "again\n"})
    wire.settle(20)
    assert node.head.number == 5
    assert states() == {}


def test_another_node_follows_the_history_that_counts(
    bus: Bus, node: StrayNode, wire: Wire, tmp_path: Path
) -> None:
    commit({"global/motd": "ours\n"})
    other = StrayNode(tmp_path, bus, "mta2")
    other.follow()
    wire.nodes["mta2"] = other
    wire.settle(3)
    conflict_ending.master(ACTOR, "mta1")

    wire.settle(20)
    assert other.head == node.head
    assert states() == {}
    assert len(other.replica.repository.beside.lost()) == 1


def test_the_managers_history_may_count(bus: Bus, node: StrayNode, wire: Wire) -> None:
    commit({"global/motd": "ours\n"})
    wire.settle(3)
    theirs = node.head.hash

    assert conflict_ending.override(ACTOR, "mta1") == Ended(3, 2, ())
    commit({"global/motd": "goes on\n"})
    wire.settle(20)
    assert node.replica.repository.log() == repository().log()
    assert list(node.replica.repository.beside.lost().values()) == [theirs]
    assert list(repository().beside.lost().values()) == [theirs]
    assert states() == {}


def test_a_node_that_only_went_further_goes_back(bus: Bus, node: StrayNode, wire: Wire) -> None:
    wire.settle(3)
    conflict_ending.override(ACTOR, "mta1")
    wire.settle(10)

    assert node.head.number == 2
    assert states() == {}


def test_many_nodes_with_the_same_history_are_decided_about_at_once(
    bus: Bus, node: StrayNode, wire: Wire, tmp_path: Path
) -> None:
    other = StrayNode(tmp_path, bus, "mta2")
    other.replica.repository.receive(node.replica.repository.pack_since(None), None, node.head.hash)
    other.replica.open()
    wire.nodes["mta2"] = other
    wire.settle(4)
    assert states() == {"mta1": "open", "mta2": "open"}
    asked = [one.ask for each in wire.nodes.values() for one in each.orders if one.ask]
    assert len(asked) == 1, "one fetch will do"

    assert conflict_ending.override(ACTOR, "mta1", dry_run=True).open == ()
    assert conflict_ending.master(ACTOR, "mta1", dry_run=True).open == ()
    assert conflict_ending.override(ACTOR, "mta1").open == ()
    wire.settle(20)
    assert [each.head.number for each in wire.nodes.values()] == [2, 2]
    assert states() == {}


def test_both_histories_are_merged(bus: Bus, node: StrayNode, wire: Wire) -> None:
    commit({"global/ours": "3\n"})
    wire.settle(3)

    made, ended = conflict_merging.resolve(ACTOR, "mta1")
    assert made is not None
    assert made.revision is not None
    assert (made.revision.number, ended.open) == (4, ())
    assert "r4" in made.revision.message
    found = {path: text(path) for path in ("global/ours", "global/theirs", "global/motd")}
    assert list(found.values()) == ["3\n", "4\n", "hello from mta1\n"]
    wire.settle(20)
    assert node.replica.repository.log() == repository().log()


def test_what_clashes_is_shown_and_chosen(bus: Bus, node: StrayNode, wire: Wire) -> None:
    commit({"global/motd": "hello from the manager\n"})
    wire.settle(3)

    with pytest.raises(ConflictError) as caught:
        conflict_merging.resolve(ACTOR, "mta1")
    sides = caught.value.paths["global/motd"]
    assert (sides.base, sides.ours, sides.theirs) == (
        b"hello\n",
        b"hello from mta1\n",
        b"hello from the manager\n",
    )
    assert states() == {"mta1": "open"}
    tried, _ = conflict_merging.resolve(ACTOR, "mta1", Choice.THEIRS, dry_run=True)
    assert tried is not None
    assert (head(), states()) == (3, {"mta1": "open"})
    conflict_merging.resolve(ACTOR, "mta1", Choice.THEIRS)
    assert (text("global/motd"), text("global/theirs")) == ("hello from mta1\n", "4\n")
    assert states() == {"mta1": "overridden"}


def test_the_managers_side_may_be_chosen(bus: Bus, node: StrayNode, wire: Wire) -> None:
    commit({"global/motd": "hello from the manager\n"})
    wire.settle(3)
    conflict_merging.resolve(ACTOR, "mta1", Choice.MINE)
    assert (text("global/motd"), text("global/theirs")) == ("hello from the manager\n", "4\n")


def test_definitions_are_merged_by_what_they_say(
    home: Subcluster, bus: Bus, tmp_path: Path, wire: Wire, node: StrayNode
) -> None:
    other = StrayNode(tmp_path, bus, "mta2")
    other.follow()
    add_vip(home, "198.18.0.102")
    theirs = text("default/definitions.toml").replace("198.18.0.102", "198.18.0.103")
    _commit_at(other, {"default/definitions.toml": theirs.encode()})
    wire.nodes = {"mta2": other}
    wire.settle(3)

    conflict_merging.resolve(ACTOR, "mta2")
    found = text("default/definitions.toml")
    assert "198.18.0.102" in found
    assert "198.18.0.103" in found
    assert sorted(Vip.objects.values_list("address", flat=True)) == [
        *("198.18.0.101", "198.18.0.102", "198.18.0.103"),
    ]


def _commit_at(node: StrayNode, files: dict[str, Any]) -> None:
    stage.commit(node.replica.repository, files)
    node.replica.open()


def test_definitions_of_the_history_that_counts_are_the_rows(
    home: Subcluster, bus: Bus, node: StrayNode, wire: Wire
) -> None:
    for last in (102, 103, 104):
        add_vip(home, f"198.18.0.{last}")
    wire.settle(3)
    conflict_ending.master(ACTOR, "mta1")

    assert list(Vip.objects.values_list("address", flat=True)) == ["198.18.0.101"]
    home.refresh_from_db()
    assert home.revision > 4, "nodes never go back"
    assert f"revision = {home.revision}" in text("default/definitions.toml")
    assert index.follow() == head() == 5


def test_a_death_after_the_turn_is_mended(bus: Bus, node: StrayNode, wire: Wire) -> None:
    for number in range(5):
        commit({"global/motd": f"{number}\n"})
    wire.settle(3)
    ours = repository().head()
    assert ours is not None
    repository().beside.turn(ours.hash, node.head.hash)

    assert index.follow() == 4
    assert Revision.objects.count() == 4
    conflict_ending.resume(ACTOR)
    assert states() == {}


def test_resuming_takes_an_end_or_force(bus: Bus, node: StrayNode, wire: Wire) -> None:
    with pytest.raises(Refused, match="there is no conflict"):
        conflict_ending.resume(ACTOR)
    wire.settle(3)
    with pytest.raises(Refused, match="mta1 still differ"):
        conflict_ending.resume(ACTOR)
    conflict_ending.resume(ACTOR, force=True)
    assert states() == {"mta1": "passed"}
    commit({"global/motd": "goes on\n"})
    wire.settle(4)
    assert (node.head.number, states()) == (4, {"mta1": "passed"})

    node.go_on(theirs=b"5\n")
    node.tell()
    assert states() == {"mta1": "open"}, "it went on along its own line"
    Replica.objects.update(commit="", number=0)
    conflict_ending.resume(ACTOR)
    assert states() == {}


def test_what_cannot_be_decided_yet_is_refused(bus: Bus, node: StrayNode, home: Subcluster) -> None:
    for decide in (conflict_ending.master, conflict_ending.override, conflict_merging.resolve):
        with pytest.raises(Refused, match="mta1 does not stand against"):
            decide(ACTOR, "mta1")
    node.tell()
    for decide in (conflict_ending.master, conflict_merging.resolve):
        with pytest.raises(Refused, match="was not fetched yet"):
            decide(ACTOR, "mta1")
    conflict_ending.override(ACTOR, "mta1")
    assert states() == {"mta1": "overridden"}


def test_a_subcluster_pinned_to_what_would_go_is_in_the_way(
    home: Subcluster, bus: Bus, node: StrayNode, wire: Wire
) -> None:
    commit({"global/motd": "ours\n"})
    deploying.deploy(ACTOR, home, revision=3)
    wire.settle(3)
    with pytest.raises(Refused, match="default is deployed by hand"):
        conflict_ending.master(ACTOR, "mta1")
    deploying.deploy(ACTOR, home, revision=2)
    Replica.objects.filter(node="mta1").update(wanted=3)
    with pytest.raises(Refused, match="default is deployed by hand"):
        conflict_ending.master(ACTOR, "mta1")
    deploying.deploy(ACTOR, home, revision=2)
    conflict_ending.master(ACTOR, "mta1")


def test_an_empty_manager_asks_and_takes_up_a_history(
    bus: Bus, node: StrayNode, wire: Wire, tmp_path: Path, settings: Any
) -> None:
    settings.MUSTER_REPOSITORY_DIRECTORY = tmp_path / "new.git"
    assert repository().head() is None
    Revision.objects.all().delete()
    wire.settle(3)
    with pytest.raises(Refused, match="no revision that could count"):
        conflict_ending.override(ACTOR, "mta1")
    assert conflict_ending.master(ACTOR, "mta1").head == 4
    assert repository().log() == node.replica.repository.log()


def test_a_node_that_cannot_tell_is_left_alone(bus: Bus, node: StrayNode, wire: Wire) -> None:
    bus.work(node.told(histories=False))
    asked = [bus.work(after=1.0).asked for _ in range(8)]
    assert not any(asked)
    assert conflicts.side_of(node.head.hash, None).value == "foreign"


@pytest.mark.parametrize(
    "wrong", [{"pack": b""}, {"size": 1}, {"offset": 10**6}, {"pack": b"no pack", "size": 7}]
)
def test_what_makes_no_sense_ends_the_fetch(
    bus: Bus, node: StrayNode, wire: Wire, wrong: dict[str, Any]
) -> None:
    sending.send(bus.work(node.told()).asked)
    ((_, order),) = wire.sent
    (past,) = node.take(order)
    bus.work(replace(past, **wrong))
    assert Conflict.objects.get().trouble
    assert bus.work(after=1.0).asked == {}, "it rests"
    asked = bus.work(node.told(), after=61.0).asked
    assert asked == {"mta1": Asked(history=0)}


def test_a_history_may_be_overridden_unseen(bus: Bus, node: StrayNode, wire: Wire) -> None:
    node.tell()
    conflict_ending.override(ACTOR, "mta1")
    wire.settle(10)
    assert node.replica.repository.log() == repository().log()
    assert list(node.replica.repository.beside.lost()) == ["000001-r4"]
    assert states() == {}


def test_a_listener_that_begins_asks_how_every_node_stands(
    bus: Bus, node: StrayNode, wire: Wire
) -> None:
    Replica.objects.create(
        node="mta1",
        subcluster="default",
        number=2,
        commit=repository().revision(2).hash,
        heard_at=bus.began,
        target=2,
    )
    bus.desk.entered("default")
    asked = bus.work(after=1.0).asked
    assert asked["mta1"] == Asked(tells=True)
    assert asked["mta2"] == Asked(), "it was never heard"
    sending.send(asked)
    (order,) = [order for name, order in wire.sent if name == "mta1"]
    assert (order.head, order.target, order.pack, order.ask) == (2, 0, b"", None)
    assert Replica.objects.get().ordered_at is None
    wire.settle(3)
    assert states() == {"mta1": "open"}


def test_a_history_that_is_too_large_is_told(bus: Bus, node: StrayNode, wire: Wire) -> None:
    sending.send(bus.work(node.told()).asked)
    ((_, order),) = wire.sent
    (past,) = node.take(order)
    assert isinstance(past, Past)
    bus.work(replace(past, size=BYTES_MAX + 1))
    assert "more than" in Conflict.objects.get().trouble
    assert bus.work(after=1.0).asked == {}
    bus.work(past)
    assert not repository().beside.has(node.head.hash), "nobody asked for it any more"
