"""The listener as a real process, with a real broker: nothing lost, nothing twice."""

from pathlib import Path

from tests.integration.histories import through_faults


def test_nothing_is_lost_or_doubled_when_broker_and_listener_are_killed(tmp_path: Path) -> None:
    told: list[str] = []

    count = through_faults(tmp_path, 10_000, told.append)

    assert (count.lost, count.doubled) == (0, 0), (count, told)
    assert count.stored == count.told == 10_000
