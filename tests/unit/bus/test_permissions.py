"""What accounts may do at brokers, by the patterns that the broker is given."""

import re

import pytest

from workers.bus.permissions import (
    Permissions,
    manager_permissions,
    node_permissions,
    room_permissions,
)

NODE = node_permissions("demo", "default", "mta1")
MANAGER = manager_permissions("demo")
ROOM = "muster.demo.default."
NODE_QUEUES = ("node.mta1", "node.mta11", "node.mta2", "node.mta1.logs", "node.mta2.logs")
METRICS_QUEUES = ("node.mta1.metrics", "node.mta2.metrics")
EVERYTHING = (
    *("amq.gen-x", "amq.default", "manager", *NODE_QUEUES, "muster.demo.logs.archive"),
    *METRICS_QUEUES,
    *(f"{ROOM}replication", "muster.demo.replication", "muster.other.replication"),
    *("muster.demo.second.replication", "musterxdemo.replication", "muster.demo.xreplication"),
    *(f"{ROOM}logs", f"{ROOM}logs.kept"),
    *(f"{ROOM}heartbeat", f"{ROOM}events", f"{ROOM}control", f"{ROOM}config"),
    f"{ROOM}managers.config",
    *("muster.other.default.events", "muster.demo.second.events", "musterxdemo.default.events"),
)


def allowed(permissions: Permissions, right: str) -> set[str]:
    """Names that a right covers; RabbitMQ looks for the pattern anywhere, ours are anchored."""
    return {name for name in EVERYTHING if re.search(getattr(permissions, right), name)}


@pytest.mark.parametrize(
    ("right", "names"),
    [
        ("configure", {"amq.gen-x", "node.mta1", "node.mta1.logs", "node.mta1.metrics"}),
        (
            "write",
            {
                *("amq.gen-x", "muster.demo.replication"),
                *(f"{ROOM}{name}" for name in ("heartbeat", "replication")),
                *(f"{ROOM}{name}" for name in ("events", "config", "logs")),
            },
        ),
        (
            "read",
            {
                *("amq.gen-x", "node.mta1", "node.mta1.logs", "node.mta1.metrics"),
                "muster.demo.replication",
                *(f"{ROOM}{name}" for name in ("heartbeat", "replication")),
                *(f"{ROOM}{name}" for name in ("control", "logs.kept")),
            },
        ),
    ],
)
def test_a_node_reaches_its_own_queue_and_the_rooms_of_its_subcluster(
    right: str, names: set[str]
) -> None:
    assert allowed(NODE, right) == names


@pytest.mark.parametrize(
    ("right", "others"),
    [
        ("configure", {"manager", *NODE_QUEUES, *METRICS_QUEUES}),
        ("write", {"manager", "amq.default"}),
        ("read", {"manager"}),
    ],
)
def test_the_manager_reaches_every_subcluster_of_its_cluster(right: str, others: set[str]) -> None:
    names = ("events", "control", "config", "managers.config", "logs", "logs.kept", "replication")
    own = {f"{ROOM}{name}" for name in names}
    seconds = (f"muster.demo.second.{name}" for name in ("events", "replication"))
    rooms = {*own, *seconds, "muster.demo.logs.archive", "muster.demo.replication"}
    assert allowed(MANAGER, right) == {"amq.gen-x", *rooms, *others}


def test_rooms_alone() -> None:
    found = room_permissions((f"{ROOM}events",))
    assert allowed(found, "configure") == {"amq.gen-x"}
    assert allowed(found, "write") == allowed(found, "read") == {"amq.gen-x", f"{ROOM}events"}
