"""How VIPs are spread over rounds."""

from hypothesis import given
from hypothesis import strategies as st

from workers.lab.core.probe_plan import BURST, INTERVAL_SECONDS, SAMPLE, plan


def test_few_vips_are_all_asked_in_every_round() -> None:
    """Given no more VIPs than a burst, then each is asked both ways each time."""
    vips = [f"v{n}" for n in range(BURST)]
    found = plan(vips)
    assert found.cohorts == (tuple(vips),)
    assert found.echoed == tuple(vips)
    assert found.raw_interval(INTERVAL_SECONDS) == INTERVAL_SECONDS


@given(st.integers(1, 11_000))
def test_no_round_asks_more_than_a_burst_and_no_vip_is_forgotten(count: int) -> None:
    """Given any number of VIPs, then cohorts cover all of them once and stay within the burst."""
    vips = [f"v{n}" for n in range(count)]
    found = plan(vips)
    assert sorted(vip for cohort in found.cohorts for vip in cohort) == sorted(vips)
    assert all(0 < len(cohort) <= BURST for cohort in found.cohorts)
    assert len(found.echoed) == (count if count <= BURST else SAMPLE)
    assert len(set(found.echoed)) == len(found.echoed)


def test_a_vip_named_twice_is_asked_once() -> None:
    """Given repeated VIPs, then the plan has each once, in order."""
    assert plan(["b", "a", "b"]).echoed == ("b", "a")
