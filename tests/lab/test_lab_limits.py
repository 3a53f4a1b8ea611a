"""Limits in a lab: real Postfix ask real workers, which count together, whatever dies."""

import dataclasses
import os
import signal
import time
from collections.abc import Iterator
from functools import partial

import pytest

from bench.replication_overshoot import bound_of, most_within
from tests.lab.limiting import (
    LIMIT,
    SENDER,
    Logs,
    acquired,
    answers,
    delivered,
    load,
    redefine,
    rows,
    value,
)
from tests.lab.looking import assert_nothing_left, roles, wait_until
from workers.lab import processes
from workers.lab.bringup import Wish, bring_up, take_down
from workers.lab.health import look, missing
from workers.lab.lab import Lab
from workers.lab.limit_files import METRICS
from workers.lab.log_files import SHIPPER
from workers.replication.core.definitions import Limit, Per, Replication, Subject

GREEN_SECONDS, SETTLE_SECONDS = 90.0, 30.0
WIDE = 100_000
KEY = f"@{SENDER}"


@pytest.fixture(scope="module")
def limited() -> Iterator[Lab]:
    """Three nodes with mail and limits; taken down without remains."""
    name = f"q{os.getpid()}"
    try:
        lab = bring_up(Wish(name=name, vips=3, limits=True), lambda _sentence: None)
        yield lab
        pids = [process.pid for process in lab.processes()]
    finally:
        take_down(name)
    assert_nothing_left(name, pids)


@pytest.fixture
def lab(limited: Lab) -> Iterator[Lab]:
    """All green before, without faults after."""
    wait_until(lambda: not missing(limited.record, look(limited.record)), GREEN_SECONDS, "green")
    yield limited
    limited.heal("all")


def limit(name: str, most: int) -> Limit:
    """A limit that begins to count with this test, since its cells have its name."""
    return dataclasses.replace(LIMIT, name=name, most=most)


def kill(lab: Lab, node: str, role: str) -> None:
    found = processes.processes_in([lab.namespace(node)])
    processes.send([one for one in found if one.role == role], signal.SIGKILL)


def wait_all(lab: Lab, name: str, count: int) -> None:
    """Every node counts just so many."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while (seen := {node: value(lab, node, KEY, name) for node in lab.nodes}) != dict.fromkeys(
        lab.nodes, count
    ):
        assert time.monotonic() < deadline, f"{seen}, but {count} were admitted"
        time.sleep(0.2)


def opened(lab: Lab, node: str, domain: str) -> int:
    """Connections to a domain, as a node sees them."""
    return rows(lab, node, "domain-connections").get(domain, 0)


def hears_peers(lab: Lab, node: str) -> bool:
    """Whether a node counts with the others."""
    return not (answers(lab, node, "/v1/health") or {"cut_off": True})["cut_off"]


def test_every_program_runs(lab: Lab) -> None:
    for node in lab.nodes:
        assert {METRICS, SHIPPER} <= set(roles(lab, node))
        assert hears_peers(lab, node)


def test_a_limit_holds_over_all_nodes_and_counts_what_was_admitted(lab: Lab) -> None:
    one = limit("holds", 200)
    redefine(lab, Replication(limits=(one,)))
    logs = Logs(lab)
    began = time.monotonic()
    with load(lab, lab.nodes, 20):
        time.sleep(15)
    seconds = time.monotonic() - began
    time.sleep(2)
    fates = [logs.fate(node) for node in lab.nodes]
    admitted = most_within([fate.admitted for fate in fates], one.window)
    asked = [(len(fate.admitted) + len(fate.refused)) / seconds for fate in fates]
    assert all(fate.refused for fate in fates)
    assert one.most <= admitted <= one.most + sum(bound_of(rate, 1) for rate in asked)
    wait_all(lab, one.name, admitted)


def test_mail_flows_and_counts_once_while_a_worker_is_killed(lab: Lab) -> None:
    one = limit("killed", WIDE)
    redefine(lab, Replication(limits=(one,)))
    logs = Logs(lab)
    with load(lab, lab.nodes, 10):
        time.sleep(4)
        kill(lab, "mta1", METRICS)
        killed_at = time.time()
        time.sleep(8)
    wait_until(lambda: value(lab, "mta1", KEY, one.name) >= 0, SETTLE_SECONDS, "mta1 is back")
    fates = [logs.fate(node) for node in lab.nodes]
    # It takes about two seconds until the worker is back; Postfix says DUNNO to itself meanwhile.
    assert [at for at in fates[0].admitted if killed_at + 0.5 < at < killed_at + 2.5]
    assert not any(fate.refused for fate in fates)
    admitted = sum(len(fate.admitted) for fate in fates)
    unasked = [at for at in fates[0].admitted if killed_at - 1 <= at < killed_at + 7]
    wait_until(
        lambda: len({value(lab, node, KEY, one.name) for node in lab.nodes}) == 1,
        SETTLE_SECONDS,
        "all see the same",
    )
    assert admitted - len(unasked) <= value(lab, "mta2", KEY, one.name) <= admitted


@pytest.mark.parametrize("role", [METRICS, SHIPPER])
def test_deliveries_are_counted_once_from_the_logs_through_kills(lab: Lab, role: str) -> None:
    redefine(lab, Replication(limits=(limit("wide", WIDE),)))
    sink = next(iter(rows(lab, "mta1", "series-delivery")))
    with load(lab, lab.nodes, 10):
        for _ in range(3):
            time.sleep(3)
            kill(lab, "mta2", role)
    wait_until(
        lambda: (
            [rows(lab, node, "series-delivery").get(sink) for node in lab.nodes]
            == [delivered(lab)] * len(lab.nodes)
        ),
        60.0,
        f"what the logs tell is counted: {delivered(lab)}",
    )


def test_without_a_broker_each_node_has_its_share_and_sums_are_right_afterwards(lab: Lab) -> None:
    one = dataclasses.replace(limit("shared", 300), window=900.0)
    redefine(lab, Replication(limits=(one,)))
    lab.inject("broker-kill", ["broker1"])
    for node in lab.nodes:
        wait_until(
            lambda node=node: (answers(lab, node, "/v1/health") or {}).get("cut_off"),
            SETTLE_SECONDS,
            f"{node} is cut off",
        )
    logs = Logs(lab)
    with load(lab, lab.nodes, 40):
        time.sleep(10)
    fates = [logs.fate(node) for node in lab.nodes]
    assert [len(fate.admitted) for fate in fates] == [one.most // len(lab.nodes)] * len(fates)
    lab.heal("all")
    for node in lab.nodes:  # the broker takes a while to start
        wait_until(partial(hears_peers, lab, node), GREEN_SECONDS, f"{node} hears its peers")
    wait_all(lab, one.name, one.most)


def test_what_a_dead_node_has_open_leaves_the_sums(lab: Lab) -> None:
    one = Limit("open", Subject.OUTBOUND_CONNECTIONS, Per.DOMAIN, 2)
    redefine(lab, Replication(limits=(one,)))
    assert acquired(lab, "mta3", "gone.test")["granted"]
    assert acquired(lab, "mta1", "gone.test")["granted"]
    open_there = partial(opened, lab, "mta2", "gone.test")
    wait_until(lambda: open_there() == 2, 10, "mta2 knows of both")
    assert not acquired(lab, "mta2", "gone.test")["granted"]
    lab.inject("power-loss", ["mta3"])
    wait_until(lambda: open_there() == 1, SETTLE_SECONDS, "what mta3 had open does not count")
    assert acquired(lab, "mta2", "gone.test")["granted"]
