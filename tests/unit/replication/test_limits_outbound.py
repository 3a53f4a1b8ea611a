"""What mail servers are granted that ask before they send."""

from typing import Any

from tests.unit.replication.fake_counters import FakeCounters
from workers.replication.core import leases
from workers.replication.core.definitions import (
    CutOff,
    Exempt,
    Limit,
    Per,
    Replication,
    Subject,
)
from workers.replication.core.limits import Limits
from workers.replication.core.outbound import Asked, AskedKind

TO = Asked(AskedKind.CONNECTION, binding="b", domain="X.example", address="192.0.2.9")
MAIL = Asked(AskedKind.MESSAGE, binding="b", domain="x.example")
OPEN, SERVER, SCOPE = (
    Subject.OUTBOUND_CONNECTIONS,
    Subject.OUTBOUND_SERVER_CONNECTIONS,
    Subject.OUTBOUND_SCOPE_CONNECTIONS,
)


def limit(name: str, subject: Subject, most: int, per: Per = Per.DOMAIN, **more: Any) -> Limit:
    return Limit(name, subject, per, most, 0.0 if subject.is_gauge else 60.0, **more)


def limits(*several: Limit, nodes: int = 1, **more: Any) -> tuple[Limits, FakeCounters]:
    counters = FakeCounters()
    return Limits(Replication(limits=several, **more), counters, "n1", nodes), counters


def test_a_connection_is_counted_by_all_its_names_while_it_is_open() -> None:
    decider, counters = limits()
    verdict = decider.acquire(TO, 0.0)
    assert counters.counted() == {
        "connections-outbound:192.0.2.9": 1,
        "domain-connections:x.example": 1,
        "binding-domain-connections:b::x.example": 1,
    }

    assert verdict.lease
    assert decider.leases.release(verdict.lease.name)
    assert counters.counted() == {}


def test_at_most_so_many_connections_are_open() -> None:
    decider, counters = limits(limit("a", OPEN, 2), limit("s", SERVER, 5, Per.ADDRESS))
    granted = [decider.acquire(TO, 0.0) for _ in range(3)]

    assert [one.is_granted for one in granted] == [True, True, False]
    assert granted[2].refusal
    assert granted[2].refusal.limit == "a"
    assert counters.counted()["connections-outbound:192.0.2.9"] == 2
    assert granted[0].lease
    decider.leases.release(granted[0].lease.name)
    assert decider.acquire(TO, 0.0).is_granted


def test_connections_of_other_nodes_count() -> None:
    decider, counters = limits(limit("a", OPEN, 2))
    counters.gauge("domain-connections", "x.example").others = 2

    assert not decider.check(TO, 0.0).is_granted


def test_a_whole_scope_has_one_gauge() -> None:
    decider, counters = limits(limit("a", SCOPE, 2, binding="b"))
    others = [Asked(AskedKind.CONNECTION, binding="b", domain=name) for name in "xyz"]

    assert [decider.acquire(one, 0.0).is_granted for one in others] == [True, True, False]
    assert counters.gauge("gauge-cache", "a").own == 2


def test_a_rate_of_connections_is_not_given_back() -> None:
    decider, _ = limits(limit("a", Subject.OUTBOUND_CONNECTION_RATE, 1))
    verdict = decider.acquire(TO, 0.0)
    assert verdict.lease
    decider.leases.release(verdict.lease.name)

    refused = decider.acquire(TO, 10.0)
    assert not refused.is_granted
    assert refused.retry_after == 50.0
    assert decider.acquire(TO, 60.0).is_granted


def test_messages_are_throttled_and_need_no_lease() -> None:
    decider, counters = limits(limit("a", Subject.OUTBOUND_MESSAGES, 2, binding="b"))
    verdict = decider.acquire(MAIL, 0.0)

    assert verdict.is_granted
    assert verdict.lease is None
    assert [(one.value, one.remaining) for one in verdict.left] == [(1, 1)]
    assert counters.counted() == {"a/b::x.example": 1}
    several = Asked(AskedKind.MESSAGE, binding="b", domain="x.example", count=2)
    assert not decider.acquire(several, 0.0).is_granted
    assert counters.counted() == {"a/b::x.example": 1}


def test_the_most_specific_limit_holds_even_if_it_allows_more() -> None:
    rate = Subject.OUTBOUND_MESSAGES
    decider, _ = limits(limit("all", rate, 0), limit("one", rate, 1, domain="x.example"))

    assert decider.acquire(MAIL, 0.0).is_granted
    assert not decider.check(Asked(AskedKind.MESSAGE, domain="y.example"), 0.0).is_granted


def test_who_is_exempt_of_the_limit_that_holds_is_not_under_the_next() -> None:
    rate = Subject.OUTBOUND_MESSAGES
    several = (limit("all", rate, 0), limit("one", rate, 0, domain="x.example"))
    decider, _ = limits(*several, exempts=(Exempt("e", "one", "x.example"),))

    assert decider.acquire(MAIL, 0.0).is_granted


def test_a_named_throttle_is_asked_for_by_its_name() -> None:
    named = limit("a", Subject.NAMED, 1, Per.GLOBAL, throttle="bulk")
    decider, counters = limits(named, limit("d", Subject.NAMED, 9, throttle="bulk"))
    bulk = Asked(AskedKind.MESSAGE, domain="x.example", throttle="bulk")

    assert decider.acquire(MAIL, 0.0).is_granted
    assert [decider.acquire(bulk, 0.0).is_granted for _ in range(2)] == [True, False]
    assert counters.counted() == {"a/*": 1, "d/x.example": 1}


def test_to_check_charges_nothing() -> None:
    decider, counters = limits(limit("a", OPEN, 1))

    assert all(decider.check(TO, 0.0).is_granted for _ in range(3))
    assert counters.counted() == {}
    assert len(decider.leases) == 0


def test_a_client_that_holds_its_connection_counts_as_open() -> None:
    decider, counters = limits(limit("a", Subject.INBOUND_OPEN, 1, Per.ADDRESS))
    client = Asked(AskedKind.INBOUND, address="::ffff:192.0.2.1")

    assert [decider.acquire(client, 0.0).is_granted for _ in range(2)] == [True, False]
    assert counters.counted() == {"connections-inbound:192.0.2.1": 1}
    assert decider.acquire(client, 60.0).is_granted


def test_a_node_that_is_cut_off_has_its_share() -> None:
    decider, counters = limits(limit("a", OPEN, 5), nodes=2)
    counters.gauge("domain-connections", "x.example").others = 4
    decider.cut_off(True)

    assert [decider.acquire(TO, 0.0).is_granted for _ in range(3)] == [True, True, False]


def test_cut_off_it_may_refuse_all_that_has_a_limit() -> None:
    decider, _ = limits(limit("a", OPEN, 5, domain="x.example"), cut_off=CutOff.REFUSE)
    decider.cut_off(True)

    assert not decider.acquire(TO, 0.0).is_granted
    assert decider.acquire(Asked(AskedKind.CONNECTION, domain="y.example"), 0.0).is_granted


def test_too_many_leases_are_refused_with_the_way_out() -> None:
    decider, counters = limits()
    decider.leases.load(
        [leases.Lease(str(n), (), 1, 60.0, 60.0) for n in range(leases.LEASES_MAX)], charge=False
    )
    verdict = decider.acquire(TO, 0.0)

    assert "release" in verdict.sentence
    assert counters.counted() == {}
