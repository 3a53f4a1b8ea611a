"""Names and declarations of rooms."""

import pytest

from workers.bus.exchanges import (
    Room,
    cluster_replication_exchange,
    config_exchange,
    control_room,
    events_room,
    heartbeat_room,
    node_metrics_queue,
    node_queue,
    replication_exchange,
    replication_room,
)


def test_ring_a_has_a_name_of_its_own_per_subcluster() -> None:
    assert heartbeat_room("demo", "default", 0.6).exchange == "muster.demo.default.heartbeat"


def test_managers_and_nodes_meet_in_rooms_of_their_own() -> None:
    assert events_room("demo", "default") == Room("muster.demo.default.events", 60_000, 10_000)
    assert control_room("demo", "default") == Room("muster.demo.default.control", 10_000, 1_000)
    assert config_exchange("demo", "default") == "muster.demo.default.config"
    assert node_queue("mta1") == "node.mta1"


def test_nodes_count_together_in_a_room_of_their_subcluster_and_in_one_of_the_cluster() -> None:
    own = replication_exchange("demo", "default")
    assert replication_room(own) == Room("muster.demo.default.replication", 10_000, 1_000)
    assert cluster_replication_exchange("demo") == "muster.demo.replication"
    assert node_metrics_queue("mta1") == "node.mta1.metrics"


@pytest.mark.parametrize(("seconds", "ttl_ms"), [(0.6, 600), (0.3, 300), (0.0001, 1)])
def test_a_heartbeat_waits_for_dead_after_at_most(seconds: float, ttl_ms: int) -> None:
    assert heartbeat_room("demo", "default", seconds).message_ttl_ms == ttl_ms


def test_a_queue_is_bounded_and_keeps_the_newest() -> None:
    assert Room("r", 600, 10).queue_arguments == {
        "x-message-ttl": 600,
        "x-max-length": 10,
        "x-overflow": "drop-head",
    }
