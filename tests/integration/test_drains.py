"""Draining on real kernels: who is told to drain gives all away at once, and gets it back later."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from tests.integration.agents import NAMES, Cluster, cluster, defined, wait
from workers.failover.core.definitions import AdminState, Definitions
from workers.failover.core.definitions_text import render

GONE_SECONDS = 1.0
"""From the file on one node's disk to all VIPs on the others' kernels, seen every 20 ms."""
GAP_SECONDS = 0.4


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("nodes"), defined()) as three:
        three.restore()
        yield three


def administered(revision: int, state: AdminState, *names: str) -> Definitions:
    nodes = defined().nodes
    changed = {name: replace(nodes[name], admin_state=state) for name in names}
    return replace(defined(revision), nodes={**nodes, **changed})


def test_a_drained_node_holds_nothing_and_gets_its_share_back(running: Cluster) -> None:
    drained = running["mta3"]
    had = drained.held()

    running["mta1"].put(render(administered(2, AdminState.DRAINING, "mta3")))
    running["mta1"].ask("reread")
    began = time.monotonic()
    wait(lambda: not drained.held() and running.once(), "all is on the others", GONE_SECONDS)
    took = time.monotonic() - began

    assert took < GONE_SECONDS
    assert drained.state_word() == "draining"
    released = {e["vip"]: e for e in drained.events() if e["kind"] == "released"}
    assert {vip for vip, e in released.items() if e["reason"] == "this node is draining"} == had
    for vip in had:
        taken = _newest_taken(running, vip)
        assert taken["reason"] == "its owner is draining"
        gap = datetime.fromisoformat(taken["time"]) - datetime.fromisoformat(released[vip]["time"])
        assert gap.total_seconds() < GAP_SECONDS

    running["mta1"].put(render(defined(3)))
    wait(running.settled, "it is ready again and has its share")


def test_with_all_drained_everything_stays_where_it_is(running: Cluster) -> None:
    before = running.owners()

    running["mta2"].put(render(administered(4, AdminState.MAINTENANCE, *NAMES)))
    wait(lambda: all(a.state_word() == "draining" for a in running), "all are draining")
    moved = [e for a in running for e in a.events() if e["kind"] == "released"]

    assert running.owners() == before
    running["mta2"].put(render(defined(5)))
    wait(running.settled, "all are ready")
    assert running.owners() == before
    assert [e for a in running for e in a.events() if e["kind"] == "released"] == moved


def _newest_taken(running: Cluster, vip: str) -> dict[str, str]:
    taken = [e for a in running for e in a.events() if e["kind"] == "taken" and e["vip"] == vip]
    return max(taken, key=lambda e: str(e["time"]))
