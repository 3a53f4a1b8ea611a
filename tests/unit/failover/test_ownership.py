"""Ownership: owners by the highest claim of the living, epochs that only grow, orphans."""

import pytest

from tests.unit.failover.situation import A, B, C, define, heartbeat, vip
from workers.failover.core.actions import Reason
from workers.failover.core.detector import Detector, Verdict
from workers.failover.core.holdings import Held, Holdings
from workers.failover.core.messages import NodeState
from workers.failover.core.ownership import Ownership, why

V, W = vip(0), vip(1)


class Register:
    """An ownership, what I hold and what the peers claim."""

    def __init__(self) -> None:
        self.ownership = Ownership()
        self.detector = Detector((A, C), 0.2, 0.6)
        self.holdings = Holdings()

    def claim(self, node: str, claims: dict[str, int], at: float = 0.0) -> None:
        """A peer claims VIPs."""
        sequence = self.detector.peers[node].sequence + 1
        self.detector.hear(heartbeat(node, sequence, at, claims=claims), at)
        self.ownership.note(node, claims, at)

    def owners(self, now: float = 0.0) -> dict[str, tuple[int, str]]:
        """Who owns what now."""
        self.detector.verdicts(now)
        self.ownership.collect(B, self.holdings, self.detector)
        return self.ownership.owners


def test_what_nobody_claims_has_no_owner() -> None:
    assert Register().owners() == {}


def test_what_my_kernel_lists_is_mine() -> None:
    register = Register()
    register.holdings.add(Held(V, 4, 0.0, Reason.UNOWNED))
    assert register.owners() == {V: (4, B)}


def test_the_highest_epoch_owns_then_the_lowest_name() -> None:
    register = Register()
    register.holdings.add(Held(V, 4, 0.0, Reason.UNOWNED))
    register.holdings.add(Held(W, 4, 0.0, Reason.UNOWNED))
    register.claim(A, {V: 4})
    register.claim(C, {V: 3, W: 5})
    assert register.owners() == {V: (4, A), W: (5, C)}


@pytest.mark.parametrize(("now", "owned"), [(0.1, True), (0.5, True), (0.6, False)])
def test_claims_count_until_the_owner_is_dead(now: float, owned: bool) -> None:
    register = Register()
    register.claim(A, {V: 4})
    assert (V in register.owners(now)) is owned


def test_epochs_and_last_owners_outlive_the_owner() -> None:
    register = Register()
    register.claim(A, {V: 4})
    register.owners(9.0)
    assert register.ownership.next_epoch(V) == 5
    assert register.ownership.last_owner[V] == A


def test_an_epoch_never_shrinks() -> None:
    register = Register()
    register.claim(A, {V: 9})
    register.claim(C, {V: 4})
    assert register.ownership.next_epoch(V) == 10


def test_a_vip_never_seen_starts_at_one() -> None:
    assert Register().ownership.next_epoch(V) == 1


def test_the_aim_is_the_assignment_with_current_owners() -> None:
    register = Register()
    register.claim(C, {V: 1})
    register.owners()
    register.ownership.aim({A: 1, B: 1, C: 1}, define(vips=1), {}, {})
    assert register.ownership.targets == {V: C}
    register.ownership.aim({A: 1, B: 1, C: 1}, define(vips=1), {V: {A, C}}, {})
    assert register.ownership.targets == {V: B}


def test_who_is_about_to_take_a_vip_counts_as_its_owner() -> None:
    ownership = Ownership()
    for heir in (A, B, C):
        ownership.aim({A: 1, B: 1, C: 1}, define(vips=1), {}, {V: heir})
        assert ownership.targets == {V: heir}


def test_my_rank_is_my_place_among_the_eligible() -> None:
    ownership = Ownership()
    assert [ownership.rank(name, {A: 1, B: 1, C: 1}) for name in (A, B, C)] == [0, 1, 2]
    assert ownership.rank(B, {A: 1, C: 1}) == 2


@pytest.mark.parametrize(("rank", "patience"), [(0, 1.0), (1, 1.3), (2, 1.6)])
def test_an_orphan_is_anybodys_after_a_second_and_a_bit_by_rank(rank: int, patience: float) -> None:
    ownership = Ownership()
    ownership.watch(V, 0.0)
    assert not ownership.overdue(V, rank, patience - 0.001)
    assert ownership.overdue(V, rank, patience)


def test_an_orphan_that_answers_is_waited_for_anew() -> None:
    ownership = Ownership()
    ownership.watch(V, 0.0)
    ownership.orphans[V].silent_since = 0.5
    assert not ownership.overdue(V, 0, 1.0)
    assert ownership.overdue(V, 0, 1.5)


def test_watching_again_does_not_start_anew() -> None:
    ownership = Ownership()
    ownership.watch(V, 0.0)
    ownership.watch(V, 0.9)
    assert ownership.overdue(V, 0, 1.0)


def test_an_heir_that_takes_others_first_is_waited_for_but_not_for_ever() -> None:
    ownership = Ownership(targets={V: A})
    ownership.watch(V, 0.0)
    ownership.note(B, {W: 1}, 0.9)
    assert ownership.overdue(V, 0, 1.0)
    for second in range(1, 20):
        ownership.note(A, {W: second}, second - 0.5)
        assert ownership.overdue(V, 0, float(second)) is (second >= 11)


def test_what_is_not_watched_is_not_overdue() -> None:
    assert not Ownership().overdue(V, 0, 99.0)


@pytest.mark.parametrize(
    ("verdict", "reason"),
    [
        (Verdict.DEAD, Reason.OWNER_DIED),
        (Verdict.SUSPECTED, Reason.OWNER_DIED),
        (Verdict.LEFT, Reason.OWNER_LEFT),
        (Verdict.ALIVE, Reason.OWNER_RELEASED),
    ],
)
def test_why_a_vip_has_no_owner(verdict: Verdict, reason: Reason) -> None:
    detector = Detector((A,), 0.2, 0.6)
    detector.hear(heartbeat(A, 1, 0.0, state=NodeState.READY), 0.0)
    detector.peers[A].verdict = verdict
    assert why(detector.peers[A]) is reason
    assert why(None) is Reason.UNOWNED
