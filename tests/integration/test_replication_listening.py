"""The manager's view of what nodes count: a real listener and broker, nodes as processes."""

import secrets
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster_admin.replication import door
from tests.integration.brokers import NODES, RunningBroker
from tests.integration.managers import Manager, definitions
from tests.integration.node_parts import KEY
from tests.integration.replicas_counting import (
    GAUGES,
    SHARED,
    TABLES,
    WINDOWS,
    Ledger,
    Replica,
    running,
    until,
)
from tests.integration.test_metrics_worker import Node
from workers.failover.core.definitions_text import parse, render
from workers.replication.core.definitions import (
    Limit,
    Per,
    Replication,
    Scope,
    Subject,
    Table,
    TableType,
)

KNOWN_SECONDS = 30.0
LIMIT = Limit("per-client", Subject.INBOUND_MESSAGES, Per.ADDRESS, 3, window=3_600)


@pytest.fixture
def manager(tmp_path: Path, rabbitmq: RunningBroker) -> Iterator[Manager]:
    """A manager that defines what the nodes do; its listener does not run yet."""
    made = Manager(tmp_path, [rabbitmq.url("manager")])
    (tmp_path / "cluster.key").write_text(KEY + "\n")
    tables = tuple(
        Table(one["name"], TableType(one["type"]), scope=Scope(one.get("scope", "subcluster")))
        for one in sorted(TABLES, key=lambda each: each["name"])
    )
    path = tmp_path / "definitions.toml"
    replication = Replication(tables, (LIMIT,))
    path.write_text(render(replace(parse(definitions()), replication=replication)))
    made.manage("migrate", "--verbosity", "0")
    made.manage("bootstrap", "--definitions", str(path))
    yield made
    made.kill()


@pytest.fixture
def trio(tmp_path: Path, rabbitmq: RunningBroker) -> Iterator[list[Replica]]:
    with running(tmp_path / "nodes", [rabbitmq]) as replicas:
        yield replicas


def told(manager: Manager, table: str, **asked: Any) -> dict[str, Any]:
    """What the listener says of a table; {} while it does not answer."""
    question = {"ask": "rows", "table": table, "readable": None, "top": 1_000, **asked}
    try:
        return door.ask(manager.directory / "shared.sock", question)
    except door.DoorError:
        return {}


def values(manager: Manager, table: str, **asked: Any) -> dict[str, int]:
    """Key -> value."""
    rows = told(manager, table, **asked).get("rows", [])
    return {one["key"]: one["value"] for one in rows}


@pytest.mark.parametrize("table", [WINDOWS, SHARED])
def test_a_listener_that_comes_late_knows_what_was_counted_before_and_since(
    manager: Manager, trio: list[Replica], table: str
) -> None:
    ledger = Ledger(trio, secrets.randbits(32), table)
    for replica in trio:
        ledger.count(replica, 200)
    ledger.settle()

    manager.start()
    until(lambda: values(manager, table) == dict(ledger.counts), "joined", KNOWN_SECONDS)
    for replica in trio:
        ledger.count(replica, 200)
    until(lambda: values(manager, table) == dict(ledger.counts), "told", KNOWN_SECONDS)

    parts = [values(manager, table, node=node) for node in NODES]
    assert sum(sum(one.values()) for one in parts) == sum(ledger.counts.values()) == 1_200
    tree = told(manager, table, tree=True)["tree"]
    assert sum(one["total"] for one in tree if one["depth"] == 0) == 1_200
    assert stat.S_IMODE((manager.directory / "shared.sock").stat().st_mode) == 0o600


def test_a_listener_that_is_killed_knows_all_again_and_nothing_twice(
    manager: Manager, trio: list[Replica]
) -> None:
    ledger = Ledger(trio, secrets.randbits(32))
    manager.start()
    for _ in range(3):
        for replica in trio:
            ledger.count(replica, 100)
        until(lambda: values(manager, WINDOWS) == dict(ledger.counts), "told", KNOWN_SECONDS)
        manager.kill()
        for replica in trio:
            ledger.count(replica, 100)
        manager.start()

    until(lambda: values(manager, WINDOWS) == dict(ledger.counts), "told again", KNOWN_SECONDS)


def test_what_a_node_has_open_is_told_as_it_comes_and_goes(
    manager: Manager, trio: list[Replica]
) -> None:
    manager.start()
    for replica, count in zip(trio, (5, 2, 1), strict=True):
        replica.ask("gauge", table=GAUGES, key="out", n=count)
    until(lambda: values(manager, GAUGES) == {"out": 8}, "opened", KNOWN_SECONDS)
    assert values(manager, GAUGES, node=NODES[1]) == {"out": 2}

    trio[0].ask("gauge", table=GAUGES, key="out", n=-5)

    until(lambda: values(manager, GAUGES) == {"out": 3}, "closed", KNOWN_SECONDS)


def test_a_listener_that_ended_in_order_is_told_as_away(
    manager: Manager, trio: list[Replica]
) -> None:
    manager.start()
    until(lambda: told(manager, WINDOWS), "answers", KNOWN_SECONDS)

    assert manager.stop() < 10
    assert told(manager, WINDOWS) == {}
    assert "mistake" not in manager.errors.read_text()


def test_whom_a_real_node_refuses_and_why_is_told(
    manager: Manager, tmp_path: Path, rabbitmq: RunningBroker
) -> None:
    manager.start()
    place = tmp_path / "node"
    place.mkdir()
    node = Node(place, rabbitmq)
    try:
        node.wait_up()
        node.define(2, LIMIT)
        until(lambda: node.ask("GET", "/v1/limits")[1]["limits"], "defined")
        answers = [node.may() for _ in range(5)]
        assert [one.partition(" ")[0] for one in answers] == [
            *(["action=DUNNO"] * 3),
            *(["action=DEFER_IF_PERMIT"] * 2),
        ]

        def explained() -> dict[str, Any]:
            question = {"ask": "explain", "key": "192.0.2.1", "readable": ["default"]}
            return door.ask(manager.directory / "shared.sock", question)

        until(lambda: len(explained()["refusals"]) == 2, "refusals", KNOWN_SECONDS)
        until(lambda: explained()["rows"][0]["nodes"] == {"mta1": 3}, "counted", KNOWN_SECONDS)
        [row] = explained()["rows"]
        assert (row["limit"], row["value"], row["remaining"], row["stage"]) == (
            *("per-client", 3, 0),
            "RCPT",
        )
        assert {(one["node"], one["value"]) for one in explained()["refusals"]} == {("mta1", 3)}
    finally:
        node.home.end()
