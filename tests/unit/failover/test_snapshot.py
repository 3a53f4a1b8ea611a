"""The snapshot: a JSON-able picture that answers who holds what, since when, and why."""

import json
import math
from typing import Any

from tests.unit.failover.situation import A, B, C, Situation, define, vip
from workers.failover.core.definitions import Vip
from workers.failover.core.node import Refusal

V, W = vip(0), vip(1)


def picture(situation: Situation) -> dict[str, Any]:
    """Take the snapshot through JSON, which must not change it."""
    taken = situation.machine.snapshot(situation.now)
    assert json.loads(json.dumps(taken, allow_nan=False)) == taken
    return taken


def test_before_the_start_it_is_a_picture_already() -> None:
    taken = picture(Situation())
    assert (taken["node"], taken["state"], taken["incarnation"]) == (B, "joining", 1)
    assert taken["evidence_age"] is None


def test_it_shows_the_view_and_the_peers() -> None:
    situation = Situation().ready().silence(C).live(1.0)
    taken = picture(situation)
    assert taken["view"]["members"] == [A, B]
    assert {n: p["verdict"] for n, p in taken["peers"].items()} == {A: "alive", C: "dead"}
    assert taken["rings"] == {"a": True, "b": True}


def test_it_tells_of_a_vip_who_since_when_and_why() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B)), Vip(W, prefer=(A, C))]))
    situation.peers[A].claims = {V: 5}
    situation.peers[C].claims = {W: 3}
    situation.ready().silence(A).live(2.0)
    vips = picture(situation)["vips"]
    assert vips[V]["owner"] == B
    assert vips[V]["epoch"] == 6
    assert vips[V]["reason"] == "its owner died"
    assert vips[V]["previous"] == A
    assert vips[V]["state"] == "owned"
    assert math.isclose(vips[V]["since"], 1.41, abs_tol=0.01)
    assert (vips[W]["owner"], vips[W]["epoch"], vips[W]["since"]) == (C, 3, None)


def test_it_shows_what_is_being_taken_and_who_answers_for_it() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B))]))
    situation.peers[A].claims = {V: 5}
    situation.ready().silence(A)
    situation.answers[V] = "02:00:00:00:00:01"
    one = picture(situation.live(1.0))["vips"][V]
    assert one["state"] == "unowned"
    assert one["taking"]["answered_by"] == "02:00:00:00:00:01"


def test_it_tells_why_a_node_may_hold_nothing() -> None:
    taken = picture(Situation().ready().cut().live(2.0))
    assert taken["state"] == "isolated"
    assert taken["objection"] == "no member and no witness answers"


def test_a_finished_machine_still_has_a_picture() -> None:
    situation = Situation().ready()
    situation.machine.finished = True
    assert picture(situation)["node"] == B


def stands(situation: Situation, address: str = V) -> tuple[str, str, str]:
    one = picture(situation)["vips"][address]
    return one["state"], one["cause"], one["note"]


def owned_by_a(*, hook: str = "") -> Situation:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B), hook=hook)]))
    situation.peers[A].claims = {V: 5}
    return situation.ready()


def test_it_tells_how_a_vip_stands() -> None:
    assert stands(owned_by_a()) == ("owned", "", "")
    assert stands(owned_by_a(hook="/bin/true"))[:2] == ("UNSAFE", "hook")
    assert stands(owned_by_a().silence(C).silence(A).live(2.0)) == (
        "owned",
        "no-heir",
        "no other enabled node is ready that could take it",
    )


def test_a_node_whose_kernel_refused_a_vip_could_not_take_it() -> None:
    situation = owned_by_a()
    situation.machine.refusals[V] = Refusal("", situation.now + 10, 10.0)
    assert stands(situation) == (
        "UNSAFE",
        "not-everywhere",
        f"{B} could not take it: its kernel refused it",
    )


def test_a_check_that_fails_on_a_node_keeps_its_vips_from_there() -> None:
    situation = Situation(
        define(vips=[Vip(V, prefer=(A, B), check="tcp:25"), Vip(W, prefer=(A, B))])
    )
    situation.peers[A].claims = {V: 5, W: 5}
    situation.ready()
    situation.machine.unhealthy = {"tcp:25": "refused"}
    assert stands(situation) == (
        "UNSAFE",
        "not-everywhere",
        f"{B} could not take it: its health check fails there: tcp:25: refused",
    )
    assert stands(situation, W)[0] == "owned"

    situation.machine.unhealthy = {}
    situation.machine.detector.peers[C].unhealthy = frozenset(("tcp:25",))
    assert stands(situation)[2] == f"{C} could not take it: its health check fails there: tcp:25"


def test_a_vip_on_a_wire_that_nothing_proves_says_so() -> None:
    situation = Situation(define(nodes=(B,), vips=[Vip(V)], witnesses=())).ready().live(5.0)
    assert stands(situation)[0] == "unowned"
    assert "nothing proves the wire of 198.18.0.0/24; name a witness" in stands(situation)[2]
