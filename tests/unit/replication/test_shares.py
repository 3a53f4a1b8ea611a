"""What a node may do of each limit on its own, and what keeps a Postfix within that."""

from dataclasses import replace

import pytest

from workers.replication.core.definitions import Limit, Per, Subject
from workers.replication.core.shares import Share, share_of
from workers.replication.core.transports import DELAY_SECONDS_MAX, Transport
from workers.replication.core.transports import transport_of as transport

OPEN = Limit("open", Subject.OUTBOUND_CONNECTIONS, Per.DOMAIN, 60)
ALL = Limit("all", Subject.OUTBOUND_SCOPE_CONNECTIONS, Per.GLOBAL, 90)
SENT = Limit("sent", Subject.OUTBOUND_MESSAGES, Per.DOMAIN, 360, window=3_600.0)


def test_limits_are_divided_by_the_nodes_that_are_alive() -> None:
    assert share_of([OPEN, ALL, SENT], 3) == Share(20, 30, 1 / 30)
    assert share_of([OPEN, ALL, SENT], 2) == Share(30, 45, 0.05)
    assert share_of([OPEN, ALL, SENT], 0) == Share(60, 90, 0.1)


def test_a_node_may_always_have_one_connection() -> None:
    assert share_of([replace(OPEN, most=2)], 3).connections == 1
    assert share_of([replace(OPEN, most=0)], 3).connections == 1


def test_without_limits_nothing_is_set() -> None:
    assert share_of([], 3) == Share()
    assert transport(Share()) == Transport()


@pytest.mark.parametrize(
    "limit",
    [replace(OPEN, enabled=False), replace(OPEN, test=True), replace(OPEN, host="mx.test")],
)
def test_what_refuses_nobody_is_no_share(limit: Limit) -> None:
    assert share_of([limit], 3) == Share()


def test_the_most_specific_scope_holds() -> None:
    bulk = replace(OPEN, name="bulk", binding="bulk", most=30)
    narrow = replace(OPEN, name="narrow", binding="bulk", domain="example.org", most=9)
    limits = [OPEN, bulk, narrow]
    assert share_of(limits, 3).connections == 20
    assert share_of(limits, 3, "bulk").connections == 10
    assert share_of(limits, 3, "bulk", "example.org").connections == 3
    assert share_of(limits, 3, "other", "example.org").connections == 20


def test_of_several_limits_the_smallest_share_counts() -> None:
    day = replace(SENT, name="day", most=864, window=86_400.0)
    assert share_of([SENT, day], 1).rate == 0.01


@pytest.mark.parametrize(
    ("rate", "delay"), [(None, 0), (2.0, 0), (1.0, 1), (0.4, 3), (0.1, 10), (0, DELAY_SECONDS_MAX)]
)
def test_a_delay_is_whole_seconds_and_no_less_than_the_share_says(
    rate: float | None, delay: int
) -> None:
    assert transport(Share(rate=rate)).destination_rate_delay == delay
    assert transport(Share(all_rate=rate)).transport_rate_delay == delay


def test_all_connections_are_the_processes_of_the_transport() -> None:
    assert transport(Share(connections=8, all_connections=5)) == Transport(5, 0, 0, 5)
    assert transport(Share(connections=8, all_connections=50)) == Transport(8, 0, 0, 50)
    assert transport(Share(connections=80, all_connections=500)) == Transport()
