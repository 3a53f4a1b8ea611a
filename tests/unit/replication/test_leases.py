"""Open connections are counted until they are released, or nobody says any more that they are."""

from tests.unit.replication.fake_counters import FakeCounters
from workers.replication.core.definitions import TableType
from workers.replication.core.leases import Lease, Leases

CELLS = ((TableType.DOMAIN_CONNECTIONS, "x.example"), (TableType.CONNECTIONS_OUTBOUND, "192.0.2.1"))


def leases() -> tuple[Leases, FakeCounters]:
    counters = FakeCounters()
    return Leases("n1", lambda table, key: counters.gauge(table, key)), counters


def held(counters: FakeCounters) -> set[int]:
    return {gauge.own for gauge in counters.gauges.values()}


def test_a_lease_counts_until_it_is_released_once() -> None:
    found, counters = leases()
    lease = found.acquire(CELLS, 3, 60.0, 0.0)
    assert held(counters) == {3}
    found.acquire(CELLS, 1, 60.0, 0.0)

    assert found.release(lease.name)
    assert not found.release(lease.name)
    assert held(counters) == {1}


def test_a_lease_that_nobody_renews_ends() -> None:
    found, counters = leases()
    lease = found.acquire(CELLS, 1, 60.0, 0.0)
    assert found.end(59.9) == 0
    assert found.renew(lease.name, None, 59.9)
    assert found.end(60.1) == 0
    assert found.next_end() == 59.9 + 60.0

    assert found.end(119.9) == 1
    assert held(counters) == {0}
    assert found.renew(lease.name, None, 120.0) is None
    assert not found.release(lease.name)
    assert found.ended == 1


def test_a_renewal_may_shorten_a_lease() -> None:
    found, _ = leases()
    lease = found.acquire(CELLS, 1, 60.0, 0.0)
    found.renew(lease.name, 2.0, 1.0)

    assert found.end(3.0) == 1


def test_many_renewals_leave_no_memory() -> None:
    found, _ = leases()
    lease = found.acquire(CELLS, 1, 60.0, 0.0)
    for number in range(10_000):
        found.renew(lease.name, None, float(number) / 1_000)

    assert len(found._ends) <= 1_025


def test_what_an_earlier_life_held_is_held_once() -> None:
    before, _ = leases()
    lease = before.acquire(CELLS, 2, 60.0, 0.0)
    after, counters = leases()
    kept = list(before.dump())
    after.load(kept, charge=True)
    after.load(kept, charge=True)

    assert held(counters) == {2}
    assert after.release(lease.name)
    assert held(counters) == {0}


def test_a_lease_of_an_earlier_life_ends_in_its_time() -> None:
    found, counters = leases()
    found.load([Lease("old-1", CELLS, 1, 60.0, 5.0)], charge=True)

    assert found.end(5.0) == 1
    assert held(counters) == {0}
