"""Kept: when a VIP that vanished may be put back without asking the wire; findings are bounded."""

import pytest

from workers.failover.core.actions import Reason
from workers.failover.core.definitions import Knobs
from workers.failover.findings import AT_ONCE, WARN_SECONDS, Findings
from workers.failover.kept import Kept, restore_seconds

V = "198.18.0.101"
KNOBS = Knobs()


def kept(*, lasting: bool = True, since: float = 0.0) -> Kept:
    """A VIP held since long, renewed and looked for at `since`."""
    one = Kept({V}, {V} if lasting else set())
    one.renew(since - 10, KNOBS.lease_ttl)
    for number in range(51):
        one.renew(since - 10 + number * KNOBS.heartbeat_interval, KNOBS.lease_ttl)
    if not lasting:
        one.renewed_at[V] = since
    one.clear_at = since
    return one


@pytest.mark.parametrize("lasting", [True, False])
def test_what_was_seen_and_renewed_just_before_may_be_put_back(lasting: bool) -> None:
    assert kept(lasting=lasting).restorable(V, 0.04, KNOBS)


def test_a_taker_may_have_found_it_silent_by_then() -> None:
    assert not kept().restorable(V, 0.046, KNOBS)
    assert restore_seconds(KNOBS) == pytest.approx(0.045)
    assert restore_seconds(Knobs(probe_count=1)) == pytest.approx(0.015)
    assert restore_seconds(Knobs(probe_count=9)) == pytest.approx(0.05)


def test_a_node_that_does_not_renew_is_perhaps_not_entitled() -> None:
    one = kept()
    one.clear_at = 0.31
    assert not one.restorable(V, 0.32, KNOBS)


def test_a_renewal_after_a_gap_is_no_proof_that_the_lease_went_on() -> None:
    one = kept()
    one.renew(2.95, KNOBS.lease_ttl)
    one.clear_at = 2.94
    assert not one.restorable(V, 2.96, KNOBS)
    one.clear_at = 3.0
    assert one.restorable(V, 3.01, KNOBS)


def test_a_lifetime_of_its_own_that_was_not_renewed_in_time_has_ended() -> None:
    one = kept(lasting=False)
    one.renewed_at[V] = 0.03 - KNOBS.lease_ttl
    assert not one.restorable(V, 0.02, KNOBS)
    one.forget([V])
    assert not one.restorable(V, 0.02, KNOBS)


def test_a_vip_that_vanishes_again_is_not_put_back_again_for_a_while() -> None:
    one = kept()
    one.restored([V], 0.0)
    assert not one.restorable(V, 0.04, KNOBS)
    later = kept(since=1.1)
    later.restored([V], 0.0)
    assert later.restorable(V, 1.11, KNOBS)


def test_findings_of_a_flood_are_told_as_a_number_and_warnings_end() -> None:
    findings = Findings()
    for number in range(AT_ONCE + 10):
        findings.tell(Reason.HAND_ADDED, 0.0, vip=f"198.18.0.{number}", detail="x on eth0")

    facts = findings.take()
    assert len(facts) == AT_ONCE + 1
    assert facts[-1].detail == "and 10 more were put right"
    assert findings.take() == []
    assert len(findings.warnings(1.0)) == 16
    assert findings.warnings(WARN_SECONDS + 1) == []


def test_the_same_warning_is_kept_once() -> None:
    findings = Findings()
    for now in (0.0, 500.0):
        findings.tell(Reason.PROMOTION, now, detail="/proc/sys/x")
    assert findings.warnings(1000.0) == [f"/proc/sys/x: {Reason.PROMOTION.value}"]
