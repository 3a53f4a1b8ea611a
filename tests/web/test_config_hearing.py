"""What the config ear does with what nodes tell: rows, who is told again, and what is refused."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from cluster_admin.configs import deploying, deployments, retention, sending, stands, wishes
from cluster_admin.configs.desk import Desk
from cluster_admin.configs.desk import Outcome as Found
from cluster_admin.configs.models import Application, Edit, Replica
from cluster_admin.configs.orders import Head
from cluster_admin.configs.records import EDITS_MAX
from cluster_admin.configs.sending import Asked
from cluster_admin.configs.store import repository
from cluster_admin.events.ledger import Arrival
from cluster_admin.events.moments import Moment
from cluster_admin.inventory import node_tasks
from cluster_admin.inventory.models import Node, Subcluster
from cluster_admin.inventory.refusals import Refused
from tests.integration.replicas import report
from tests.web.config_stage import ACTOR, add_vip, commit, subcluster
from workers.bus.codec import Codec
from workers.config.core.manifests import Drift, DriftKind
from workers.config.core.messages import Applied, Edited, Message, Standing
from workers.config.core.reports import Outcome

pytestmark = pytest.mark.django_db
KEY = b"0" * 32
BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RUN, LATER_RUN = "2026-01-02T03:00:00.000Z", "2026-01-02T03:30:00.000Z"
CODEC: Codec[Message] = Codec("demo", "default", [KEY], Message)


@dataclass
class Bus:
    """What the ear's thread does, by hand; `seconds` pass when they are told to."""

    desk: Desk = field(default_factory=lambda: Desk("demo", [KEY]))
    seconds: float = 0.0
    sequence: int = 0
    began: datetime = BEGAN

    def work(self, *told: Message | bytes, user: str = "mta1", after: float = 0.01) -> Found:
        """Take in a batch."""
        self.seconds += after
        bodies = [one if isinstance(one, bytes) else CODEC.encode(one) for one in told]
        now = Moment(self.seconds, self.began + timedelta(seconds=self.seconds))
        arrivals = [Arrival("default", body, user, self.seconds) for body in bodies]
        return self.desk.work(arrivals, now)

    def standing(self, **values: Any) -> Standing:
        """How mta1 stands, up to date unless said otherwise."""
        self.sequence += 1
        head = repository().head()
        assert head is not None
        told: dict[str, Any] = {"node": "mta1", "started_at": RUN, "sequence": self.sequence}
        told |= {"number": head.number, "commit": head.hash, "live": 1, "live_hash": "ab"}
        told |= {"target": head.number}
        return Standing(**told | values)

    def applied(self, sequence: int, **values: Any) -> Applied:
        """An application of mta1."""
        one = report(sequence, **values)
        return Applied(node="mta1", started_at=RUN, sequence=sequence, report=one)

    def edited(self, path: str, content: bytes | None = b"x") -> Edited:
        """An edit of mta1."""
        self.sequence += 1
        one = {"node": "mta1", "started_at": RUN, "sequence": self.sequence}
        return Edited(**one, live=1, path=path, content=content)  # type: ignore[arg-type]


@pytest.fixture
def home() -> Subcluster:
    """Two nodes, r1."""
    return subcluster()


@pytest.fixture
def bus(home: Subcluster) -> Bus:
    return Bus()


@pytest.fixture
def broker(settings: Any, tmp_path: Path) -> None:
    """A broker in memory, as the manager's Celery app has one when it is told of none."""
    settings.MUSTER_BROKERS = ("memory://",)
    key = tmp_path / "cluster.key"
    key.touch(0o600)
    key.write_text(KEY.hex())
    settings.MUSTER_KEY_FILE = str(key)


def replica() -> Replica:
    return Replica.objects.get(node="mta1")


def drift(paths: Iterable[str]) -> tuple[Drift, ...]:
    return tuple(Drift(path, DriftKind.CHANGED) for path in paths)


def test_a_standing_is_a_row(bus: Bus) -> None:
    found = drift(["main.cf"])
    told = bus.standing(busy=True, drift=found, drift_count=1, trouble="the disk is full")
    assert bus.work(told).subclusters == ("default",)

    row = replica()
    assert (row.number, row.commit, row.live, row.target) == (1, told.commit, 1, 1)
    assert (row.subcluster, row.started_at, row.busy, row.autoupdate) == (
        *("default", RUN),
        *(True, "true"),
    )
    assert (row.drift, row.drift_count) == ([{"path": "main.cf", "kind": "changed"}], 1)
    assert row.trouble == "the disk is full"
    assert row.heard_at == BEGAN + timedelta(seconds=bus.seconds)


def test_what_comes_late_or_twice_changes_nothing(bus: Bus) -> None:
    older, newer = bus.standing(live=1), bus.standing(live=2)
    bus.work(newer)
    heard_at = replica().heard_at
    bus.work(older, newer)

    assert (replica().live, replica().heard_at) == (2, heard_at)


def test_ordering_writes_its_own_columns_only(bus: Bus) -> None:
    bus.work(bus.standing())
    Replica.objects.update(wanted=7, ordered_at=BEGAN)
    bus.work(bus.standing(live=2))

    assert (replica().live, replica().wanted, replica().ordered_at) == (2, 7, BEGAN)


def test_a_node_that_lags_is_told_after_a_while_and_again(bus: Bus, home: Subcluster) -> None:
    told = bus.standing()
    assert bus.work(told).asked == {}
    commit({"global/motd": "2"})
    asked = [bool(bus.work(after=1.0).asked) for _ in range(12)]

    assert asked == [at in (3, 8) for at in range(12)]
    bus.work(bus.standing())
    assert not any(bus.work(after=1.0).asked for _ in range(12))


def test_a_node_that_has_just_started_is_told_at_once(bus: Bus) -> None:
    bus.work(bus.standing())
    fresh = bus.standing(started_at=LATER_RUN, sequence=1, target=0)

    assert bus.work(fresh).asked == {"mta1": Asked()}
    assert bus.work(bus.standing(started_at=LATER_RUN, sequence=2, target=0)).asked == {}


def test_one_that_is_silent_is_not_told(bus: Bus) -> None:
    bus.work(bus.standing())
    commit({"global/motd": "2"})

    assert bus.work(after=200.0).asked == {}
    assert not any(bus.work(after=1.0).asked for _ in range(12))


def test_a_part_that_is_wanted_is_sent_and_nothing_else(bus: Bus) -> None:
    bus.work(bus.standing())
    wants = "f" * 40
    commit({"global/motd": "2"})
    told = bus.standing(number=1, commit=repository().revision(1).hash, wants=wants, offset=5)

    assert bus.work(told).asked == {"mta1": Asked(wants, 5)}
    assert [bus.work(after=1.0).asked for _ in range(5)] == [{}] * 5


def test_an_application_is_kept_once(bus: Bus) -> None:
    told = [bus.applied(n, output="a\0b", seconds={}) for n in (1, 2)]
    bus.work(*told)
    bus.work(told[1], told[0])

    rows = list(Application.objects.order_by("id").values_list("revision", "output", "live"))
    assert rows == [(1, "ab", 1), (2, "ab", 2)]


def test_the_last_word_of_a_batch_counts(bus: Bus) -> None:
    bus.work(bus.standing(live=1), bus.edited("a"), bus.standing(live=2, drift=drift("a")))

    assert replica().live == 2
    assert list(Edit.objects.values_list("path", flat=True)) == ["a"]


def test_what_was_asked_of_a_node_elsewhere_counts_no_longer(bus: Bus, home: Subcluster) -> None:
    commit({"global/motd": "2"})
    bus.work(bus.standing())
    deploying.deploy(ACTOR, home, revision=1)
    Replica.objects.update(subcluster="other", wanted=2)
    node = Node.objects.get(name="mta1")
    assert deployments.target_of(node, Head(2, "2" * 40)).revision == 1

    bus.work(bus.standing())
    assert replica().wanted == 0


def test_edits_come_and_go(bus: Bus) -> None:
    bus.work(bus.edited("a"), bus.edited("b", None), bus.edited("a", b"y"))
    kept = list(Edit.objects.values_list("path", "content"))
    assert [(path, None if c is None else bytes(c)) for path, c in kept] == [
        ("a", b"y"),
        ("b", None),
    ]
    bus.work(bus.standing(drift=drift("b"), drift_count=3))
    assert Edit.objects.count() == 2, "not every path was named"
    bus.work(bus.standing(drift=drift("b"), drift_count=1))
    assert list(Edit.objects.values_list("path", flat=True)) == ["b"]


def test_edits_of_a_node_are_bounded(bus: Bus) -> None:
    bus.work(*(bus.edited(f"file{number}") for number in range(EDITS_MAX + 5)))
    bus.work(bus.edited("file3", b"new"))

    assert Edit.objects.count() == EDITS_MAX
    assert bytes(Edit.objects.get(path="file3").content or b"") == b"new"


def test_nobody_speaks_for_another(bus: Bus) -> None:
    told = bus.standing(), bus.standing(node="mta3"), b"rubbish"
    bus.work(told[0], user="mta2")
    bus.work(told[0], user="")
    bus.work(told[1], user="mta3")
    outcome = bus.work(told[2])

    assert bus.desk.refused == {"mta2": 1, "": 1, "mta3": 1, "mta1": 1}
    assert outcome.sentences == [
        "mta1: messages about configuration refused so far: 1; "
        "check its key, its account and its subcluster"
    ]
    assert Replica.objects.count() == 0


def test_a_flood_of_rubbish_is_said_seldom(bus: Bus) -> None:
    said = [sentence for _ in range(120) for sentence in bus.work(b"x").sentences]

    assert [sentence.split(";")[0][-3:].strip(" :") for sentence in said] == ["1", "10", "100"]


def test_a_node_that_is_new_is_heard_at_once(bus: Bus, home: Subcluster) -> None:
    bus.work(bus.standing())
    Node.objects.create(subcluster=home, name="mta9", address="198.18.0.19")
    bus.work(bus.standing(node="mta9"), user="mta9")

    assert Replica.objects.filter(node="mta9").exists()


@pytest.mark.usefixtures("broker")
def test_who_follows_has_the_newest_and_who_does_not_what_was_said(
    bus: Bus, home: Subcluster
) -> None:
    node, head = Node.objects.get(name="mta1"), Head(3, "3" * 40)
    bus.work(bus.standing())
    commit({"global/motd": "2"})
    commit({"global/motd": "3"})
    assert deployments.target_of(node, head).revision == 3

    deploying.deploy(ACTOR, home, revision=2)
    assert deployments.target_of(node, head).revision == 2
    deploying.apply(ACTOR, node, revision=1)
    assert deployments.target_of(node, head).revision == 1
    deploying.deploy(ACTOR, home, mode="follow")
    assert deployments.target_of(node, head).revision == 3
    deploying.deploy(ACTOR, home, mode="manual")
    assert deployments.target_of(node, head).revision == 3, "it holds what is deployed"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"mode": "sometimes"}, "'sometimes' is no mode"),
        ({}, "'' is no mode"),
        ({"mode": "follow", "revision": 1}, "leave the revision out"),
        ({"revision": 9}, "r9: no such revision here; the newest is r1"),
        ({"revision": 0}, "r0 is no revision"),
    ],
)
def test_a_deployment_that_makes_no_sense_is_refused(
    home: Subcluster, values: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Refused, match=sentence):
        deploying.deploy(ACTOR, home, **values)
    assert deployments.pointer("default").mode == "follow"


def test_applying_what_cannot_be_is_refused(home: Subcluster) -> None:
    node = Node.objects.get(name="mta1")
    add_vip(home, "198.18.0.102")
    with pytest.raises(Refused, match="subcluster default follows, r2 is next"):
        deploying.apply(ACTOR, node, revision=1)
    deploying.deploy(ACTOR, home, mode="manual")
    with pytest.raises(Refused, match="mta1 was never heard of"):
        deploying.apply(ACTOR, node, revision=1)


@pytest.mark.usefixtures("broker")
def test_what_was_sent_is_written_down(bus: Bus, home: Subcluster) -> None:
    bus.work(bus.standing())
    Replica.objects.update(heard_at=datetime.now(UTC))
    assert sending.send({"mta1": Asked(), "mta2": Asked(), "nobody": Asked()}) == {}
    assert replica().wanted == 1
    assert replica().ordered_at is not None

    deploying.deploy(ACTOR, home, revision=1)
    Replica.objects.update(wanted=0)
    sending.send({"mta1": Asked()})
    assert replica().wanted == 0, "what an operator said is not written over"


@pytest.mark.usefixtures("broker")
def test_what_an_operator_asked_for_is_sent_until_a_report_answers_it(
    bus: Bus, home: Subcluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(node_tasks.Post, "send", lambda *words: sent.append(words[3][0]))
    bus.work(bus.standing())
    deploying.apply(ACTOR, Node.objects.get(name="mta1"), over_edits=True)
    (first,) = sent
    assert (first["ordered"], first["over_edits"]) == (True, True)

    # It is lost: the node knows its target, and of no wish.
    bus.work(bus.standing())
    due = [bus.work(after=1.0).asked for _ in range(6)]
    assert any("mta1" in one for one in due)
    sending.send({"mta1": Asked()})
    assert sent[1] == first

    bus.work(bus.standing(wish=first["wish"]))
    assert not any(bus.work(after=1.0).asked for _ in range(12)), "the node knows of it"
    bus.work(bus.applied(1, outcome=Outcome.REFUSED))
    assert replica().wish, "it may have been refused for something else"
    bus.work(replace(bus.applied(1), sequence=2))
    assert replica().wish == 0
    bus.work(bus.standing(started_at=LATER_RUN, target=0))
    sending.send({"mta1": Asked()})
    assert (sent[2]["wish"], sent[2]["over_edits"]) == (0, False)


def test_a_wish_ends_with_its_revision(bus: Bus, home: Subcluster) -> None:
    bus.work(bus.standing())
    node = Node.objects.get(name="mta1")
    assert wishes.ask("mta1", 1, over_edits=True)
    assert deployments.target_of(node, Head(1)).over_edits
    assert not deployments.target_of(node, Head(2)).over_edits
    second = wishes.ask("mta1", 1)
    assert deployments.target_of(node, Head(1)).wish == second
    wishes.withdraw("mta1", second - 1)
    assert deployments.target_of(node, Head(1)).ordered
    wishes.withdraw("mta1", second)
    assert not deployments.target_of(node, Head(1)).ordered
    assert wishes.ask("nobody", 1) == 0


def test_a_wish_that_could_not_be_sent_is_taken_back(
    bus: Bus, home: Subcluster, settings: Any
) -> None:
    settings.MUSTER_BROKERS, settings.MUSTER_KEY_FILE = ("memory://",), ""
    bus.work(bus.standing())
    with pytest.raises(Refused, match="mta1 cannot be told: MUSTER_KEY_FILE is not set"):
        deploying.apply(ACTOR, Node.objects.get(name="mta1"))
    assert replica().wish == 0


def test_a_report_that_the_next_run_tells_again_counts_once(bus: Bus) -> None:
    first, later = bus.applied(1, key="ab"), bus.applied(2, key="ab", outcome=Outcome.STRANDED)
    bus.work(first, replace(first, started_at=LATER_RUN, sequence=7))
    assert Application.objects.count() == 1
    bus.work(later, bus.applied(3), bus.applied(4))
    assert Application.objects.count() == 4


def test_tasks_that_a_node_refused_are_counted(bus: Bus) -> None:
    bus.work(bus.standing(refused=7))
    assert replica().refused == 7


@pytest.mark.usefixtures("broker")
def test_a_node_with_another_history_gets_no_order(bus: Bus) -> None:
    bus.work(bus.standing(commit="f" * 40))
    Replica.objects.update(heard_at=datetime.now(UTC))

    assert "no revision here" in sending.send({"mta1": Asked()})["mta1"]


def test_what_is_old_goes_but_the_newest_of_each_node_stays(bus: Bus) -> None:
    bus.work(*(bus.applied(n) for n in range(1, 31)))
    Application.objects.create(node="gone", subcluster="default", at=BEGAN, revision=1)
    Edit.objects.create(node="gone", subcluster="default", path="a", live=1, at=BEGAN)
    Replica.objects.create(node="gone", subcluster="default", heard_at=BEGAN)
    now = BEGAN + timedelta(days=31)

    assert retention.prune(now, kept=10, batch=5) == 5
    assert Application.objects.count() == 26
    while retention.prune(now, kept=10, batch=5):
        pass
    assert Application.objects.count() == 10
    assert (Edit.objects.count(), Replica.objects.count()) == (0, 0)
    retention.prune(now + timedelta(days=365))
    assert list(Application.objects.values_list("node", "revision")) == [("mta1", 30)]


def test_stands_are_read_from_rows(bus: Bus) -> None:
    bus.work(bus.standing())
    Replica.objects.create(node="mta2", subcluster="default")
    known = stands.of(Replica.objects.all())

    assert known["mta1"].number == 1
    assert known["mta2"].heard_at == stands.LONG_AGO
