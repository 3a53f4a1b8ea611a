"""Holdings: what is claimed, who gives way, and when what is announced."""

import itertools

import pytest

from tests.unit.failover.situation import A, B, C, vip
from workers.failover.core.actions import Reason
from workers.failover.core.claims import digest_of
from workers.failover.core.holdings import Held, Holdings
from workers.failover.core.messages import Claim

V, W = vip(0), vip(1)


def holding(**epochs: int) -> Holdings:
    """Hold v0, v1, ... with these epochs."""
    holdings = Holdings()
    for name, epoch in epochs.items():
        address = vip(int(name[1:]))
        holdings.add(Held(address, epoch, 0.0, Reason.UNOWNED))
    return holdings


def announced(holdings: Holdings, until: float = 60.0) -> list[float]:
    """Every instant at which something is announced."""
    times = []
    while holdings.announcements and holdings.announcements[0][0] <= until:
        at = holdings.announcements[0][0]
        if holdings.due(at):
            times.append(round(at, 6))
    return times


def test_claims_are_what_the_kernel_lists_in_order() -> None:
    assert holding(v1=2, v0=7).claims() == (Claim(V, 7), Claim(W, 2))


def test_the_digest_is_that_of_the_claims_whatever_the_order() -> None:
    assert holding(v0=7, v1=2).digest == holding(v1=2, v0=7).digest == digest_of({W: 2, V: 7})
    assert holding().digest == digest_of({}) == Holdings().digest


def test_another_epoch_is_another_digest() -> None:
    assert holding(v0=7).digest != holding(v0=8).digest


def test_what_is_dropped_is_returned_once() -> None:
    holdings = holding(v0=7, v1=2)
    assert [held.vip for held in holdings.drop([V, vip(5)])] == [V]
    assert holdings.drop([V]) == []
    assert holdings.digest == digest_of({W: 2})


@pytest.mark.parametrize(
    ("epoch", "rival", "loses"),
    [(6, A, False), (8, C, True), (7, A, True), (7, C, False)],
    ids=["lower epoch", "higher epoch", "equal, lower name", "equal, higher name"],
)
def test_the_higher_epoch_keeps_then_the_lower_name(epoch: int, rival: str, loses: bool) -> None:
    assert holding(v0=7).loses(V, epoch, rival, B) is loses


def test_of_any_claims_exactly_one_keeps_in_whatever_order_they_meet() -> None:
    claims = [(A, 7), (B, 7), (C, 9), ("mta4", 9)]
    for order in itertools.permutations(claims):
        keeper = order[0]
        for rival in order[1:]:
            if holding(v0=keeper[1]).loses(V, rival[1], rival[0], keeper[0]):
                keeper = rival
        assert keeper == (C, 9)


def test_of_two_claims_exactly_one_gives_way() -> None:
    for mine, theirs in itertools.product((6, 7, 8), repeat=2):
        gives_way = holding(v0=mine).loses(V, theirs, A, B)
        other_does = holding(v0=theirs).loses(V, mine, B, A)
        assert gives_way is not other_does


def test_announcements_come_at_once_and_a_few_times_within_a_second() -> None:
    holdings = holding(v0=1)
    holdings.announce([V], 5, 10.0)
    assert announced(holdings) == [10.0, 10.05, 10.2, 10.5, 11.0]


@pytest.mark.parametrize(
    ("count", "times"), [(1, [0.0]), (3, [0.0, 0.05, 0.2]), (7, [0, 0.05, 0.2, 0.5, 1, 1.5, 2])]
)
def test_the_count_cuts_or_extends_them(count: int, times: list[float]) -> None:
    holdings = holding(v0=1)
    holdings.announce([V], count, 0.0)
    assert announced(holdings) == times


def test_what_is_due_together_is_announced_together_and_once() -> None:
    holdings = holding(v0=1, v1=1)
    holdings.announce([V], 1, 0.0)
    holdings.announce([V, W], 1, 0.0)
    assert set(holdings.due(0.0)) == {V, W}
    assert holdings.due(0.0) == ()


def test_nothing_is_announced_that_is_held_no_longer() -> None:
    holdings = holding(v0=1)
    holdings.announce([V], 5, 0.0)
    holdings.drop([V])
    assert announced(holdings) == []


def test_announcing_nothing_is_nothing() -> None:
    holdings = holding(v0=1)
    holdings.announce([], 5, 0.0)
    assert holdings.announcements == []


def test_probation_ends_by_itself() -> None:
    holdings = holding(v0=1, v1=1)
    holdings.held[V].probation_until = 4.1
    assert len(holdings.on_probation(4.0)) == 1
    assert len(holdings.on_probation(4.1)) == 0
