"""Logs in a lab: every node's mail log is at every collector, whatever dies; and it is shown."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path

import httpx
import pytest

from tests.lab.looking import assert_nothing_left, roles, wait_until
from workers.lab import processes
from workers.lab.bringup import Wish, bring_up, take_down
from workers.lab.health import look, missing
from workers.lab.lab import Lab
from workers.lab.log_files import COLLECTOR, MAILLOG, ROTATION, SHIPPER, status_file

GREEN_SECONDS, ARRIVE_SECONDS = 60.0, 30.0
COLLECTORS = {"collector1": "manager1", "collector2": "collector2"}
MUSTER = Path(sys.executable).with_name("muster")


@pytest.fixture(scope="module")
def logged() -> Iterator[Lab]:
    """Two nodes with mail, a manager, two collectors; taken down without remains."""
    name = f"l{os.getpid()}"
    try:
        wish = Wish(name=name, nodes=2, vips=2, manager=True, collectors=2)
        lab = bring_up(wish, lambda _sentence: None)
        yield lab
        pids = [process.pid for process in lab.processes()]
    finally:
        take_down(name)
    assert_nothing_left(name, pids)


@pytest.fixture
def lab(logged: Lab) -> Iterator[Lab]:
    """All green before, without faults after."""
    wait_until(lambda: not missing(logged.record, look(logged.record)), GREEN_SECONDS, "all green")
    yield logged
    logged.heal("all")


def collected(lab: Lab, collector: str, node: str) -> bytes:
    """Everything that a collector has of a node's mail log, in order."""
    home = lab.host_directory(COLLECTORS[collector]) / "logs"
    files = sorted(home.glob(f"*/*/*/*/mail/default/{node}"))
    return b"".join(path.read_bytes() for path in files)


def mark(lab: Lab, node: str, text: str) -> None:
    """Write a line into a node's mail log, as its Postfix does."""
    etc = lab.host_directory(node) / "postfix" / "etc"
    words = ["/usr/sbin/postlog", "-c", str(etc), "-t", "test", text]
    done = lab.exec(node, words)
    assert done.returncode == 0, done.stderr


def arrived(lab: Lab, collector: str, node: str, text: str) -> bool:
    return text.encode() in collected(lab, collector, node)


def kill(lab: Lab, host: str, role: str) -> None:
    """Kill the processes of a role on a host; its supervisor starts them again."""
    found = processes.processes_in([lab.namespace(host)])
    processes.send([one for one in found if one.role == role], signal.SIGKILL)


def test_every_program_runs(lab: Lab) -> None:
    for node in lab.nodes:
        assert {SHIPPER, ROTATION} <= set(roles(lab, node))
    for host in COLLECTORS.values():
        assert COLLECTOR in roles(lab, host)


def test_a_mail_log_is_at_both_collectors_byte_for_byte(lab: Lab) -> None:
    for node in lab.nodes:
        mark(lab, node, f"first-of-{node}")
    for collector in COLLECTORS:
        for node in lab.nodes:
            what = f"{node}'s line is at {collector}"
            wait_until(partial(arrived, lab, collector, node, f"first-of-{node}"), 20, what)
            there = (lab.host_directory(node) / MAILLOG).read_bytes()
            assert there.startswith(collected(lab, collector, node)[: len(there)])


@pytest.mark.parametrize(
    ("host", "role"), [("mta1", SHIPPER), ("manager1", COLLECTOR), ("broker1", "broker")]
)
def test_every_line_is_there_once_when_something_is_killed(lab: Lab, host: str, role: str) -> None:
    lines = [f"numbered-{role}-{number:03}" for number in range(30)]
    for number, line in enumerate(lines):
        mark(lab, "mta1", line)
        if number == 10:
            kill(lab, host, role)
    for collector in COLLECTORS:
        wait_until(
            partial(arrived, lab, collector, "mta1", lines[-1]),
            GREEN_SECONDS,
            f"the last line is at {collector}",
        )
        text = collected(lab, collector, "mta1")
        assert [text.count(line.encode()) for line in lines] == [1] * len(lines)


def test_a_collector_that_is_away_is_shown_and_gets_all_once_it_is_back(lab: Lab) -> None:
    lab.inject("power-loss", ["collector2"])
    mark(lab, "mta1", "while-it-was-away")
    wait_until(lambda: arrived(lab, "collector1", "mta1", "while-it-was-away"), 20, "the other has")
    assert not arrived(lab, "collector2", "mta1", "while-it-was-away")
    away = ("mta1", "collector2")
    wait_until(lambda: shown(lab).get(away, {}).get("backlog_bytes", 0) > 0, 40, "it is shown")
    lab.heal("all")
    wait_until(
        lambda: arrived(lab, "collector2", "mta1", "while-it-was-away"), GREEN_SECONDS, "it is back"
    )
    text = collected(lab, "collector2", "mta1")
    assert text.count(b"while-it-was-away") == 1


def test_a_rotation_by_postfix_loses_nothing(lab: Lab) -> None:
    mark(lab, "mta2", "before-the-rotation")
    etc = lab.host_directory("mta2") / "postfix" / "etc"
    done = lab.exec("mta2", ["/usr/sbin/postfix", "-c", str(etc), "logrotate"])
    assert done.returncode == 0, done.stderr
    mark(lab, "mta2", "after-the-rotation")
    for text in ("before-the-rotation", "after-the-rotation"):
        wait_until(partial(arrived, lab, "collector1", "mta2", text), ARRIVE_SECONDS, text)
        assert collected(lab, "collector1", "mta2").count(text.encode()) == 1


def test_the_manager_reads_what_its_collector_has(lab: Lab) -> None:
    mark(lab, "mta1", "to-be-searched")
    wait_until(lambda: arrived(lab, "collector1", "mta1", "to-be-searched"), 20, "it is there")
    headers = {"Authorization": f"Bearer {lab.manager_token}"}
    with httpx.Client(base_url=lab.manager_url, headers=headers, timeout=20) as api:
        found = api.get("/api/v1/logs/lines/", params={"grep": "to-be-searched", "since": "1h"})
        assert found.status_code == HTTPStatus.OK, found.text
        assert "to-be-searched" in found.text
        metrics = api.get("/metrics").text
    assert 'muster_logs_backlog_bytes{node="mta1"' in metrics


def shown(lab: Lab) -> dict[tuple[str, str], dict[str, int]]:
    """What `muster logs show` says, by node and subscriber."""
    told = {"MUSTER_URL": lab.manager_url, "MUSTER_TOKEN": lab.manager_token}
    done = subprocess.run(
        [MUSTER, "logs", "show", "-o", "json"],
        env={**os.environ, **told},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return {(row["node"], row["subscriber"]): row for row in json.loads(done.stdout)}


def test_show_agrees_with_what_the_shipper_wrote(lab: Lab) -> None:
    written = json.loads(status_file(lab.record, "mta1").read_bytes())
    names = {one["name"] for one in written["subscribers"]}
    assert names == set(COLLECTORS)
    wait_until(lambda: {("mta1", name) for name in names} <= set(shown(lab)), 40, "it is shown")
    assert shown(lab)["mta1", "collector1"]["on_disk_bytes"] > 0
