"""The view: two-way membership, its hash, agreement and maturity."""

from tests.unit.failover.situation import A, B, C, heartbeat
from workers.failover.core.detector import Detector
from workers.failover.core.view import View


class Sight:
    """A view and the detector it looks at."""

    def __init__(self) -> None:
        self.detector = Detector((A, C), interval=0.2, dead_after=0.6)
        self.view = View(B)

    def beat(self, node: str, now: float, *, hears_me: bool = True, incarnation: int = 1) -> None:
        """A peer beats, and lists me or not."""
        sequence = int(now * 1000) + 1
        message = heartbeat(node, sequence, now, incarnation=incarnation, view=self.view.hash)
        self.detector.hear(message, now)
        if hears_me:
            self.detector.peers[node].hears_me_at = now

    def members(self, now: float) -> tuple[str, ...]:
        """Who is a member now."""
        self.detector.verdicts(now)
        self.view.update(1, self.detector, now)
        return self.view.members


def test_a_node_alone_is_its_own_view() -> None:
    sight = Sight()
    assert sight.members(0.0) == (B,)
    assert sight.view.agreed(sight.detector)


def test_who_lives_and_hears_me_is_a_member() -> None:
    sight = Sight()
    sight.beat(A, 0.0)
    sight.beat(C, 0.0)
    assert sight.members(0.0) == (A, B, C)


def test_who_lives_but_does_not_hear_me_is_none() -> None:
    sight = Sight()
    sight.beat(A, 0.0, hears_me=False)
    assert sight.members(0.0) == (B,)


def test_who_has_ceased_to_hear_me_is_none_after_two_intervals_of_grace() -> None:
    sight = Sight()
    sight.beat(A, 0.0)
    for tick in range(1, 6):
        sight.beat(A, tick * 0.2, hears_me=False)
    assert sight.members(0.99) == (A, B)
    assert sight.members(1.0) == (B,)


def test_the_dead_are_no_members_and_the_suspected_still_are() -> None:
    sight = Sight()
    sight.beat(A, 0.0)
    assert sight.members(0.5) == (A, B)
    assert sight.members(0.6) == (B,)


def test_an_update_tells_only_changes() -> None:
    sight = Sight()
    sight.beat(A, 0.0)
    sight.detector.verdicts(0.0)
    assert sight.view.update(1, sight.detector, 0.0)
    assert not sight.view.update(1, sight.detector, 0.1)
    assert sight.view.changed_at == 0.0


def test_a_restarted_peer_is_a_change_of_the_view() -> None:
    sight = Sight()
    sight.beat(A, 0.0)
    sight.members(0.0)
    before = sight.view.hash
    sight.beat(A, 0.1, incarnation=2)
    assert sight.members(0.1) == (A, B)
    assert sight.view.hash != before
    assert sight.view.changed_at == 0.1


def test_all_nodes_compute_the_same_hash() -> None:
    views = []
    for me, peers in ((A, (C, B)), (B, (A, C))):
        detector = Detector(peers, 0.2, 0.6)
        for name in peers:
            detector.hear(heartbeat(name, 1, 0.0), 0.0)
            detector.peers[name].hears_me_at = 0.0
        detector.verdicts(0.0)
        views.append(View(me))
        views[-1].update(1, detector, 0.0)
    assert views[0].hash == views[1].hash


def test_a_view_is_agreed_when_every_member_reports_it() -> None:
    sight = Sight()
    sight.beat(A, 0.0)
    sight.members(0.0)
    assert not sight.view.agreed(sight.detector)
    sight.beat(A, 0.1)
    assert sight.view.agreed(sight.detector)


def test_a_view_matures_by_standing_unchanged() -> None:
    sight = Sight()
    sight.beat(A, 0.0)
    sight.members(0.0)
    sight.beat(A, 0.1)
    assert not sight.view.mature(sight.detector, 5.0, 4.99)
    assert sight.view.mature(sight.detector, 5.0, 5.0)
