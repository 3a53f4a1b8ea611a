"""Limits hold in the real tables of a node: within no span of a window are there too many."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.replication.asking import asked
from workers.replication.core.definitions import Limit, Per, Replication, Subject, TableType
from workers.replication.core.limits import Limits
from workers.replication.core.outbound import Asked, AskedKind
from workers.replication.core.policy_protocol import DUNNO
from workers.replication.core.tables import Tables

BEGIN = 1_000_000.0
WINDOW_SECONDS, MOST = 60.0, 3
REPLICATION = Replication(
    limits=(
        Limit("a", Subject.INBOUND_MESSAGES, Per.ADDRESS, MOST, WINDOW_SECONDS),
        Limit("n", Subject.INBOUND_MESSAGES, Per.NETWORK, MOST + 1, WINDOW_SECONDS, prefix_v4=24),
        Limit("o", Subject.OUTBOUND_CONNECTIONS, Per.DOMAIN, MOST),
    )
)
pauses = st.sampled_from((0.0, 0.5, 1.0, 10.0, 29.5, 59.0, 60.0, 61.0)) | st.floats(0, 70)


def decider() -> tuple[Limits, Tables]:
    tables = Tables("n1", REPLICATION.every_table, incarnation=1, now=BEGIN)
    return Limits(REPLICATION, tables, "n1"), tables


@given(st.lists(st.tuples(st.integers(1, 2), pauses), max_size=40))
def test_no_span_of_the_window_has_more_than_its_limit(asking: list[tuple[int, float]]) -> None:
    limits, _ = decider()
    now, admitted = BEGIN, []
    for number, (host, pause) in enumerate(asking):
        now += pause
        request = asked(client_address=f"192.0.2.{host}", instance=str(number))
        if limits.answer(request, now) == DUNNO:
            admitted.append((now, host))
        recent = [one for at, one in admitted if at > now - WINDOW_SECONDS]
        assert len(recent) <= MOST + 1
        assert max((recent.count(one) for one in recent), default=0) <= MOST


@given(st.lists(st.tuples(st.integers(1, 2), pauses), max_size=40))
def test_nobody_is_refused_below_the_limit(asking: list[tuple[int, float]]) -> None:
    limits, _ = decider()
    now, admitted = BEGIN, []
    late = WINDOW_SECONDS * 61 / 60
    for number, (host, pause) in enumerate(asking):
        now += pause
        recent = [one for at, one in admitted if at > now - late - 0.001]
        request = asked(client_address=f"192.0.2.{host}", instance=str(number))
        is_admitted = limits.answer(request, now) == DUNNO
        if len(recent) <= MOST and recent.count(host) < MOST:
            assert is_admitted
        if is_admitted:
            admitted.append((now, host))


@given(
    st.lists(
        st.tuples(st.sampled_from(("acquire", "acquire", "release")), st.integers(0, 9), pauses),
        max_size=40,
    )
)
def test_no_more_connections_are_open_than_the_limit_allows(
    doing: list[tuple[str, int, float]],
) -> None:
    limits, tables = decider()
    held: list[tuple[str, float]] = []
    now = BEGIN
    for act, number, pause in doing:
        now += pause
        held = [one for one in held if one[1] > now]
        if act == "acquire":
            verdict = limits.acquire(Asked(AskedKind.CONNECTION, domain="x.example"), now, 60.0)
            assert verdict.is_granted == (len(held) < MOST)
            if verdict.lease is not None:
                held.append((verdict.lease.name, now + 60.0))
        elif held:
            name, _ = held.pop(number % len(held))
            assert limits.leases.release(name)
        limits.leases.end(now)
        assert tables.gauge(TableType.DOMAIN_CONNECTIONS, "x.example").own == len(held)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=200), st.integers(4, 64))
def test_windows_that_were_cold_count_on(hosts: list[int], most_keys: int) -> None:
    table = REPLICATION.table_of(TableType.NAMED_THROTTLES)
    small = Replication(
        tables=(type(table)(table.name, table.type, max_size=1_000),), limits=REPLICATION.limits[:1]
    )
    tables = Tables("n1", small.every_table, incarnation=1, now=BEGIN)
    tables.windows(table.name, WINDOW_SECONDS).hot.resize(most_keys)
    limits = Limits(small, tables, "n1")
    admitted: dict[int, int] = {}
    for number, host in enumerate(hosts):
        request = asked(client_address=f"10.0.{host >> 8}.{host & 255}", instance=str(number))
        is_admitted = limits.answer(request, BEGIN) == DUNNO
        assert is_admitted == (admitted.get(host, 0) < MOST)
        admitted[host] = admitted.get(host, 0) + is_admitted
