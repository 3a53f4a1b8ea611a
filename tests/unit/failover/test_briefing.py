"""The briefing: what a reporter asks of the agent, cheap and sufficient."""

from typing import Any

import msgspec
import pytest

from tests.unit.failover.situation import A, B, C, Situation, define, vip
from workers.failover.core.briefing import asked, briefing
from workers.failover.core.claims import BUCKETS, bucket_of
from workers.failover.core.definitions import Vip
from workers.failover.core.node import Refusal
from workers.failover.core.telling import Brief

V, W = vip(0), vip(1)
SHELL = {"problem": "", "warnings": [], "first": 1}
"""What the process adds."""


def brief(situation: Situation, **request: Any) -> Brief:
    """The briefing as it comes out at the other end of the socket."""
    question = asked(msgspec.json.decode(msgspec.json.encode(request)))
    found: dict[str, Any] = briefing(situation.machine, situation.now, *question) | SHELL
    return msgspec.json.decode(msgspec.json.encode(found), type=Brief)


def test_it_says_how_the_node_is_and_judges_its_peers() -> None:
    found = brief(Situation().ready().silence(C).live(1.0))
    assert (found.state, found.incarnation, found.revision) == ("ready", 1, 1)
    assert found.members == (A, B)
    assert dict(found.peers) == {A: "alive", C: "dead"}
    assert dict(found.rings) == {"a": True, "b": True}


def test_it_lists_what_is_held_and_nothing_else() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B)), Vip(W, prefer=(A, C))]))
    situation.peers[A].claims = {V: 5}
    situation.peers[C].claims = {W: 3}
    [held] = brief(situation.ready().silence(A).live(2.0)).held
    assert held[:2] == (V, 6)
    assert 1.3 < held[2] < 1.5
    assert held[3:] == ("its owner died", A)


def test_who_knows_the_checksum_is_not_told_the_same_again() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(B,))])).start().live(4.0)
    found = brief(situation)
    assert [one[0] for one in found.held] == [V]
    assert found.buckets == tuple(range(BUCKETS))
    again = brief(situation, sums=found.sums)
    assert (again.held, again.buckets, again.count, again.more) == ((), (), 1, False)
    other = [one + 1 if one else 0 for one in found.sums]
    assert brief(situation, sums=other).held == found.held
    assert brief(situation, sums=other).buckets == (bucket_of(V),)


@pytest.mark.parametrize("request_", [{"sums": 3, "first": "x"}, {"sums": [1], "first": 64}])
def test_who_asks_without_sense_is_told_everything(request_: dict[str, Any]) -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(B,))])).start().live(4.0)
    assert brief(situation, **request_).buckets == tuple(range(BUCKETS))


def test_it_names_who_answers_for_what_nobody_should_hold() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B))]))
    situation.peers[A].claims = {V: 5}
    situation.ready().silence(A)
    situation.answers[V] = "02:00:00:00:00:99"
    assert brief(situation.live(20.0)).troubles == ((V, "foreign", "02:00:00:00:00:99"),)


def test_it_names_what_the_kernel_refused() -> None:
    situation = Situation(define(vips=[Vip(V, prefer=(A, B))])).ready()
    situation.machine.refusals[V] = Refusal("", situation.now + 10, 10.0)
    assert brief(situation).cannot == ((V, "its kernel refused it"),)
    situation.machine.refusals[V] = Refusal("no room", situation.now + 10, 10.0)
    assert brief(situation).cannot == ((V, "no room"),)


def test_it_names_the_health_checks_that_fail() -> None:
    situation = Situation().ready()
    situation.machine.unhealthy = {"tcp:25": "refused"}
    assert brief(situation).unhealthy == (("tcp:25", "refused"),)
