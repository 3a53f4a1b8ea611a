"""Shares of all nodes add up to no more than the limit, however many they are."""

from hypothesis import given
from hypothesis import strategies as st

from workers.replication.core.definitions import Limit, Per, Subject
from workers.replication.core.shares import share_of
from workers.replication.core.transports import transport_of

PERS = st.sampled_from([Per.DOMAIN, Per.GLOBAL, Per.BINDING])
OPEN = st.builds(
    Limit,
    name=st.sampled_from(["a", "b"]),
    subject=st.sampled_from([Subject.OUTBOUND_CONNECTIONS, Subject.OUTBOUND_SCOPE_CONNECTIONS]),
    per=PERS,
    most=st.integers(0, 10_000),
)
SENT = st.builds(
    Limit,
    name=st.just("sent"),
    subject=st.just(Subject.OUTBOUND_MESSAGES),
    per=PERS,
    most=st.integers(0, 10_000),
    window=st.floats(1.0, 86_400.0),
)


@given(OPEN, st.integers(1, 100))
def test_connections_of_all_nodes_are_within_the_limit(limit: Limit, nodes: int) -> None:
    found = transport_of(share_of([limit], nodes), 100_000, 100_000)
    together = found.process_limit if limit.per is not Per.DOMAIN else None
    if limit.subject is Subject.OUTBOUND_SCOPE_CONNECTIONS:
        together = found.process_limit
    count = found.destination_concurrency_limit if together is None else together
    assert count * nodes <= max(limit.most, nodes)


@given(SENT, st.integers(1, 100))
def test_messages_of_all_nodes_are_within_the_limit_where_there_is_a_delay(
    limit: Limit, nodes: int
) -> None:
    found = transport_of(share_of([limit], nodes))
    delay = max(found.destination_rate_delay, found.transport_rate_delay)
    if delay and limit.most:
        assert limit.window / delay * nodes <= limit.most + 1e-6


@given(st.lists(OPEN | SENT, max_size=6), st.integers(1, 50))
def test_fewer_nodes_never_have_smaller_shares(limits: list[Limit], nodes: int) -> None:
    fewer, more = share_of(limits, nodes), share_of(limits, nodes + 1)
    assert (fewer.connections or 0) >= (more.connections or 0)
    assert (fewer.all_connections or 0) >= (more.all_connections or 0)
    assert (fewer.rate or 0) >= (more.rate or 0)
    assert (fewer.all_rate or 0) >= (more.all_rate or 0)
