"""What is worth telling people, what is told together, and how it reads."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cluster_admin.events.delivery import FIRST_PAUSE, LONGEST_PAUSE, pause
from cluster_admin.events.notices import Key, gather
from cluster_admin.events.wording import Told, body, headline

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
V, W = "198.18.0.101", "198.18.0.102"


@dataclass
class Happened:
    kind: str
    node: str = "mta2"
    vip: str = ""
    peer: str = ""
    reason: str = ""
    time: datetime = NOW
    incarnation: int = 1
    number: int = 1


def told(*events: Happened, silent: frozenset[str] = frozenset()) -> dict[Key, list[str]]:
    found = gather(events, "manager", silent, NOW)
    return {key: notice.subjects for key, notice in found.items()}


def taken(vip: str, node: str = "mta2", **values: str) -> Happened:
    return Happened("taken", node, vip, **{"peer": "mta1", "reason": "its owner died", **values})  # type: ignore[arg-type]


def test_a_storm_of_moves_is_one_notice_for_each_node_and_cause() -> None:
    vips = [f"198.18.1.{number}" for number in range(200)]
    events = [taken(vip, node) for vip in vips for node in ("mta2", "mta3")]
    events += [taken(V, reason="its owner let it go")]

    assert told(*events) == {
        Key("moved", "mta2", "its owner died"): vips,
        Key("moved", "mta3", "its owner died"): vips,
        Key("moved", "mta2", "its owner let it go"): [V],
    }


def test_a_vip_that_nobody_had_has_not_moved() -> None:
    assert told(taken(V, peer=""), taken(W, reason="it had no owner")) == {}


def test_troubles_are_told_whoever_tells_them() -> None:
    events = [
        Happened(kind, node, V)
        for kind in ("conflict", "stuck", "foreign", "unsafe")
        for node in "ab"
    ]

    assert told(*events) == {Key(kind): [V] for kind in ("conflict", "stuck", "foreign", "unsafe")}


def test_a_death_is_told_once_the_manager_says_so() -> None:
    peers = [Happened("dead", node, peer="mta1") for node in ("mta2", "mta3")]
    assert told(*peers) == {}
    assert told(Happened("dead", "manager", peer="mta1")) == {Key("dead"): ["mta1"]}


def test_nodes_in_maintenance_are_silent() -> None:
    events = [taken(V), Happened("dead", "manager", peer="mta1"), Happened("stuck", "mta1", W)]

    assert told(*events, silent=frozenset({"mta1"})) == {}


def test_what_was_caught_up_much_later_is_no_news() -> None:
    assert told(Happened("stuck", vip=V, time=NOW - timedelta(hours=2))) == {}


def test_other_happenings_are_not_told() -> None:
    assert told(*(Happened(kind, vip=V) for kind in ("view", "state", "late", "released"))) == {}


def test_how_it_reads() -> None:
    one = Told("moved", "default", "mta2", "its owner died", (V,), 1)
    many = Told("moved", "default", "mta2", "", tuple(f"10.0.0.{n}" for n in range(100)), 1000)

    assert headline(one) == f"[Muster default] VIP {V} moved to mta2: its owner died"
    assert headline(many) == "[Muster default] 1000 VIPs moved to mta2"
    text = body(many, "2026-01-02T03:04:05+00:00", "https://muster.example")
    assert "10.0.0.19\nand 980 more\n" in text
    assert text.endswith("https://muster.example/\n")


def test_pauses_grow_and_are_bounded() -> None:
    pauses = [pause(attempts) for attempts in range(1, 100)]

    assert pauses[:3] == [FIRST_PAUSE, FIRST_PAUSE * 2, FIRST_PAUSE * 4]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
