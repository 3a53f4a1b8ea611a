"""Names and declarations of rooms."""

import pytest

from workers.bus.exchanges import Room, heartbeat_room


def test_ring_a_has_a_name_of_its_own_per_subcluster() -> None:
    assert heartbeat_room("demo", "default", 0.6).exchange == "muster.demo.default.heartbeat"


@pytest.mark.parametrize(("seconds", "ttl_ms"), [(0.6, 600), (0.3, 300), (0.0001, 1)])
def test_a_heartbeat_waits_for_dead_after_at_most(seconds: float, ttl_ms: int) -> None:
    assert heartbeat_room("demo", "default", seconds).message_ttl_ms == ttl_ms


def test_a_queue_is_bounded_and_keeps_the_newest() -> None:
    assert Room("r", 600, 10).queue_arguments == {
        "x-message-ttl": 600,
        "x-max-length": 10,
        "x-overflow": "drop-head",
    }
