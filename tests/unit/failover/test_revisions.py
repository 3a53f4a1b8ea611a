"""Revisions: the acted one never goes back, waits for the members, and bars who lacks it."""

import math

import pytest

from tests.unit.failover.situation import A, B, C, Situation, define, heartbeat, vip
from workers.failover.core.actions import FactKind, HandDefinitions, Reason, Take
from workers.failover.core.definitions import Definitions, Vip
from workers.failover.core.detector import Detector
from workers.failover.core.events import Defined
from workers.failover.core.revisions import Revisions

V, W = vip(0), vip(1)


def peers_know(revisions: dict[str, int], now: float = 0.0) -> Detector:
    """Peers that have these revisions on their disks."""
    detector = Detector((A, C), 0.2, 0.6)
    for name, revision in revisions.items():
        detector.hear(heartbeat(name, 1, now, known_revision=revision), now)
    detector.verdicts(now)
    return detector


def offered(second: Definitions | None = None) -> Revisions:
    """Act on revision 1, with revision 2 offered at instant 0."""
    revisions = Revisions(define(vips=1))
    assert revisions.offer(second or define(vips=2, revision=2), 0.0)
    return revisions


@pytest.mark.parametrize("revision", [0, 1])
def test_what_is_not_newer_is_refused(revision: int) -> None:
    revisions = Revisions(define(revision=1))
    assert not revisions.offer(define(revision=revision), 0.0)
    assert revisions.known == 1
    assert revisions.deadline() == math.inf


def test_an_offer_is_known_at_once_and_acted_on_later() -> None:
    revisions = offered()
    assert (revisions.acted.revision, revisions.known) == (1, 2)
    assert revisions.switch(peers_know({A: 1, C: 2}), 0.0) is None


def test_a_pending_revision_is_not_replaced_by_an_older_one() -> None:
    revisions = offered(define(revision=3))
    assert not revisions.offer(define(revision=2), 0.1)
    assert revisions.known == 3


def test_a_newer_offer_does_not_lengthen_the_wait() -> None:
    revisions = offered()
    revisions.offer(define(revision=3), 5.0)
    assert revisions.deadline() == 10.0


def test_it_is_acted_on_when_all_members_have_it() -> None:
    revisions = offered()
    acted = revisions.switch(peers_know({A: 2, C: 2}), 0.1)
    assert acted is revisions.acted
    assert (revisions.acted.revision, revisions.pending) == (2, None)


def test_the_dead_and_the_unknown_are_not_waited_for() -> None:
    detector = peers_know({A: 1})
    detector.verdicts(0.6)
    assert offered().switch(detector, 0.6) is not None


@pytest.mark.parametrize(("now", "acts"), [(9.99, False), (10.0, True)])
def test_a_member_without_it_is_waited_for_so_long(now: float, acts: bool) -> None:
    assert (offered().switch(peers_know({A: 1}, now), now) is not None) is acts


def test_who_still_lacks_it_is_no_heir_of_what_changed() -> None:
    revisions = offered()
    revisions.switch(peers_know({A: 1, C: 2}, 10.0), 10.0)
    assert revisions.barred(peers_know({A: 1, C: 2}, 10.0)) == {W: {A}}
    assert revisions.barred(peers_know({A: 2, C: 2}, 10.0)) == {}


def test_who_lacks_only_a_later_change_is_heir_of_the_earlier() -> None:
    revisions = offered()
    revisions.switch(peers_know({A: 2}), 0.0)
    third = define(vips=[Vip(V, prefer=(A,)), Vip(W)], revision=3)
    revisions.offer(third, 0.0)
    revisions.switch(peers_know({A: 3}), 0.0)
    assert revisions.barred(peers_know({A: 2})) == {V: {A}}
    assert revisions.barred(peers_know({A: 1})) == {V: {A}, W: {A}}


def test_a_vip_that_is_defined_no_longer_bars_nobody() -> None:
    revisions = offered()
    revisions.switch(peers_know({}), 0.0)
    revisions.offer(define(vips=1, revision=3), 0.0)
    revisions.switch(peers_know({}), 0.0)
    assert revisions.barred(peers_know({A: 1})) == {}


def test_the_newest_file_is_handed_to_a_peer_at_most_once_a_second() -> None:
    revisions = offered()
    assert revisions.hand(A, 1, 0.0)
    assert not revisions.hand(A, 1, 0.99)
    assert revisions.hand(C, 1, 0.99)
    assert revisions.hand(A, 1, 1.0)


def test_a_newer_file_is_handed_at_once() -> None:
    revisions = offered()
    assert revisions.hand(A, 1, 0.0)
    revisions.offer(define(revision=3), 0.1)
    assert revisions.hand(A, 1, 0.1)
    assert not revisions.hand(A, 2, 0.2)


def test_nothing_is_handed_to_who_has_it() -> None:
    assert not offered().hand(A, 2, 0.0)
    assert not offered().hand(A, 3, 0.0)


# what the machine makes of it


def changed(second: Definitions, vips: int = 2) -> Situation:
    """A machine in peace that finds a second revision on its disk."""
    situation = Situation(define(vips=vips)).ready()
    situation.decide(Defined(second))
    return situation


def test_the_machine_tells_and_acts_when_the_members_have_it() -> None:
    situation = changed(define(vips=2, revision=2))
    situation.live(0.5)
    assert situation.machine.definitions.revision == 1
    for peer in situation.peers.values():
        peer.revision = 2
    situation.live(0.5)
    assert situation.machine.definitions.revision == 2
    assert [fact.detail for fact in situation.facts(FactKind.DEFINITIONS)] == ["r2"]


def test_the_machine_hands_the_file_to_peers_without_it() -> None:
    situation = changed(define(vips=2, revision=2)).live(3.1)
    handed = [action.to for action in situation.actions(HandDefinitions)]
    assert sorted(set(handed)) == [A, C]
    assert 3 <= handed.count(A) <= 4


def test_a_vip_no_longer_defined_is_let_go() -> None:
    situation = Situation(define(nodes=(B,), vips=2)).ready()
    assert situation.kernel == {V, W}
    situation.decide(Defined(define(nodes=(B,), vips=1, revision=2)))
    assert situation.kernel == {V}
    assert [f.vip for f in situation.facts(FactKind.RELEASED)] == [W]
    assert situation.facts(FactKind.RELEASED)[0].reason is Reason.UNDEFINED


def test_a_new_vip_is_taken_after_the_switch() -> None:
    situation = Situation(define(nodes=(B,), vips=1)).ready()
    situation.decide(Defined(define(nodes=(B,), vips=2, revision=2)))
    situation.live(0.5)
    assert situation.kernel == {V, W}
    assert [take.vips for take in situation.actions(Take)] == [(W,)]


def test_a_node_that_is_defined_no_longer_stops() -> None:
    situation = Situation(define(nodes=(A, B), vips=1)).ready()
    situation.silence(A).live(1.0)
    assert situation.kernel == {V}
    situation.decide(Defined(define(nodes=(A, C), vips=1, revision=2)))
    situation.live(0.5)
    assert situation.kernel == set()
    assert situation.machine.finished
