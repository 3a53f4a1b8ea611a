"""Real consumers on real kernels, ring B alone unless said: what an operator sees of them."""

import errno
import json
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence

import msgspec
import pytest
from typer.testing import CliRunner

from tests.integration.agents import (
    NAMES,
    SUBCLUSTER,
    VIPS,
    Cluster,
    changes,
    cluster,
    defined,
    forwarded,
    memory_mib,
    times_awake,
    wait,
)
from tests.integration.brokers import RunningBroker
from tests.integration.datagrams import bad_datagrams, flood, overheard
from workers.bus.codec import Refusal
from workers.failover.cli import app
from workers.failover.core import telling
from workers.failover.core.definitions_text import parse, render
from workers.failover.settings import read_settings
from workers.failover.tasks import define

ADDED = "198.18.78.7"
SEED = 20261124
BAD_DATAGRAMS = 3_000
WAKES_A_SECOND = 120
"""Of an agent of three at rest: ten heartbeats of its peers over two ways, its own, audits."""
MEMORY_MIB = 60.0
STOP_SECONDS = 2.0
LEASE_END_SECONDS = 2 + 0.6 + 2.0


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("nodes"), defined()) as three:
        yield three


@pytest.fixture
def running(started: Cluster) -> Cluster:
    """All three, ready, two VIPs each."""
    started.restore()
    return started


def test_each_start_is_heard_by_a_peer(started: Cluster) -> None:
    first, peer = started["mta1"], started["mta2"]
    with peer.host.inside():
        ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with ear:
        ear.bind(("198.18.77.2", 7411))
        ear.settimeout(10)
        for _ in range(3):
            first.start()
            assert ear.recv(1 << 16)
            first.kill()
            ear.setblocking(False)
            while _heard(ear):
                pass
            ear.settimeout(10)


def _heard(ear: socket.socket) -> bytes:
    try:
        return ear.recv(1 << 16)
    except BlockingIOError:
        return b""


def test_all_vips_are_owned_once_and_spread(running: Cluster) -> None:
    assert running.spread() == [2, 2, 2]
    assert running.once()
    for agent in running:
        said = {v for v, p in agent.status()["vips"].items() if p["owner"] == agent.name}
        assert said == agent.held()


def test_it_is_small_and_seldom_awake(running: Cluster) -> None:
    pids = {agent.name: agent.status()["process"]["pid"] for agent in running}
    before = {name: times_awake(pid) for name, pid in pids.items()}
    began = time.monotonic()
    time.sleep(4)
    passed = time.monotonic() - began

    for agent in running:
        pid = pids[agent.name]
        wakes = (times_awake(pid) - before[agent.name]) / passed
        print(f"{agent.name}: awake {wakes:.0f} times a second, {memory_mib(pid):.0f} MiB")
        assert 5 < wakes < WAKES_A_SECOND
        assert memory_mib(pid) < MEMORY_MIB


def test_killed_for_good_the_others_take_after_the_lease(running: Cluster) -> None:
    dead = running["mta2"]

    dead.kill()
    most = 0

    def moved() -> bool:
        nonlocal most
        owners = running.owners()
        most = max(most, *map(len, owners.values()))
        return all(names and "mta2" not in names for names in owners.values())

    wait(moved, "the survivors hold all", LEASE_END_SECONDS)
    assert most == 1
    moves = [e for agent in running for e in agent.events() if e["kind"] == "taken"]
    assert {e["vip"] for e in moves} == set(VIPS)


def test_killed_and_restarted_it_keeps_its_vips_without_a_gap(running: Cluster) -> None:
    agent = running["mta1"]
    had, before = agent.held(), agent.status()["incarnation"]

    with changes(agent.host) as changed:
        agent.kill()
        agent.start()
        wait(lambda: agent.state_word() == "ready", "ready again")
        wait(lambda: any(e["kind"] == "adopted" for e in agent.events()), "it adopted them")

    assert agent.held() == had
    assert [line for line in changed if line.startswith("Deleted")] == []
    assert changed, "the lease was renewed, and the kernel said so"
    assert agent.status()["incarnation"] > before
    assert {e["vip"] for e in agent.events() if e["kind"] == "adopted"} == had
    assert all(running.owners()[vip] == ["mta1"] for vip in had)


def test_begun_anew_it_keeps_its_process_and_its_vips(running: Cluster) -> None:
    agent = running["mta1"]
    had, before = agent.held(), agent.status()

    with changes(agent.host) as changed:
        answer = agent.ask("restart", lease_seconds=10)
        wait(lambda: agent.state_word() == "ready", "ready again")
        wait(lambda: agent.status()["incarnation"] > before["incarnation"], "a new instance")
        wait(lambda: any(e["kind"] == "adopted" for e in agent.events()), "it adopted them")

    assert answer is not None
    assert answer["restarting"]
    assert [line for line in changed if line.startswith("Deleted")] == []
    assert agent.held() == had
    assert agent.status()["process"]["pid"] == before["process"]["pid"]


def test_a_stop_right_after_a_restart_is_a_stop(running: Cluster) -> None:
    """Whatever it was at just then; before it listens for signals it is ended by this one."""
    agent = running["mta1"]
    assert agent.process is not None

    agent.ask("restart", lease_seconds=4)
    agent.signal(signal.SIGTERM)

    assert agent.process.wait(10) in {0, -signal.SIGTERM}


def test_a_lease_of_no_sense_is_refused(running: Cluster) -> None:
    for wrong in (0, 121, "long"):
        answer = running["mta1"].ask("restart", lease_seconds=wrong)
        assert answer is not None
        assert "write a whole number of seconds from 1 to 120" in answer["error"]


def test_asked_to_stop_it_releases_all_and_the_others_take_at_once(running: Cluster) -> None:
    agent = running["mta3"]
    assert agent.process is not None

    agent.signal(signal.SIGTERM)
    began = time.monotonic()
    wait(lambda: not agent.held(), "its VIPs are off the kernel", 1.0)
    wait(running.once, "the others hold all", 2.0)
    code = agent.process.wait(STOP_SECONDS)

    assert time.monotonic() - began < STOP_SECONDS + 1
    assert code == 0
    assert not agent.door.exists()


def test_a_file_cut_short_is_not_acted_on_and_said(running: Cluster) -> None:
    agent = running["mta1"]
    good = agent.definitions.read_text()

    agent.put(render(defined(2, VIPS[:3])).rsplit("[vip", 1)[0])
    wait(lambda: agent.status()["definitions_problem"], "the problem is shown")

    shown = CliRunner().invoke(app, ["status", "--socket", str(agent.door)])
    assert "cut short: its last line is missing; put the whole file back" in shown.stdout
    assert agent.status()["revision"] == defined().revision
    wait(lambda: any("cut short" in e["detail"] for e in agent.events()), "an event says so")
    agent.kill()
    agent.start()
    wait(lambda: agent.state_word() == "ready", "it starts with the last good ones")
    assert "cut short" in agent.status()["definitions_problem"]
    agent.put(good)
    wait(lambda: not agent.status()["definitions_problem"], "the problem is gone")


def test_a_newer_file_on_one_node_reaches_all_and_never_goes_back(running: Cluster) -> None:
    revision = running["mta2"].status()["revision"] + 1
    wider = render(defined(revision, (*VIPS, ADDED)))

    running["mta2"].put(wider)
    wait(lambda: all(a.status()["revision"] == revision for a in running), "all act on it")
    wait(lambda: _holders(running, ADDED), "the new VIP has an owner")

    assert len(_holders(running, ADDED)) == 1
    assert running["mta3"].definitions.read_text() == wider
    assert (running["mta3"].ask("definitions") or {})["text"] == wider
    running["mta2"].put(render(defined(revision - 1)))
    wait(lambda: running["mta2"].status()["definitions_problem"], "the older one is refused")
    assert running["mta2"].status()["revision"] == revision
    running["mta2"].put(render(defined(revision + 1)))
    wait(lambda: all(a.status()["revision"] == revision + 1 for a in running), "all go on")
    wait(lambda: not _holders(running, ADDED), "what is no longer defined is off the kernel")
    assert running["mta2"].status()["definitions_problem"] == ""


def test_definitions_that_managers_push_are_acted_on_at_once(running: Cluster) -> None:
    revision = running["mta1"].status()["revision"]
    for vips in ((*VIPS, ADDED), VIPS, (*VIPS, ADDED), VIPS, (*VIPS, ADDED), VIPS):
        revision += 1
        for agent in running:
            done = define(read_settings(agent.config), SUBCLUSTER, revision, _text(revision, vips))
            assert "the agent reads it" in done  # a peer may have handed it over meanwhile
        if ADDED in vips:
            wait(lambda: _holders(running, ADDED), "the new VIP has an owner")
        else:
            wait(lambda: not _holders(running, ADDED), "it is off the kernel")


def _text(revision: int, vips: Sequence[str]) -> str:
    return render(defined(revision, vips))


def test_an_agent_briefs_its_reporter(running: Cluster) -> None:
    agent = running["mta1"]
    found = msgspec.convert(agent.ask("report"), telling.Brief)
    assert {one[0] for one in found.held} == agent.held()
    assert (found.state, found.members, found.first) == ("ready", NAMES, 1)
    assert dict(found.peers) == {"mta2": "alive", "mta3": "alive"}
    again = msgspec.convert(agent.ask("report", sums=found.sums), telling.Brief)
    assert again.held == again.buckets == ()
    [*_, now] = (agent.ask("runs") or {})["runs"]
    assert now["incarnation"] == found.incarnation == agent.status()["incarnation"]
    assert now["last"] == agent.events()[-1]["number"]
    assert (agent.ask("reread") or {})["known_revision"] == found.known_revision


def _holders(running: Cluster, vip: str) -> list[str]:
    return [agent.name for agent in running if agent.host.has(vip)]


def test_who_was_away_is_handed_what_it_missed(running: Cluster) -> None:
    revision = running["mta1"].status()["revision"] + 1
    newer = render(defined(revision))
    running["mta3"].kill()
    running["mta1"].put(newer)
    wait(lambda: running["mta2"].status()["revision"] == revision, "the other one has it")

    running["mta3"].start()
    wait(lambda: running["mta3"].status()["revision"] == revision, "it was handed over")

    assert running["mta3"].definitions.read_text() == newer


# Bad messages on ring B.


def test_bad_messages_are_counted_and_change_nothing(running: Cluster) -> None:
    """Thousands of them, of every kind, in the middle of the work."""
    agent, before = running["mta1"], running.owners()
    bad = bad_datagrams(random.Random(SEED), overheard(agent.host, 40))
    count_before = len(agent.events())

    with changes(agent.host) as changed, running["mta2"].host.inside():
        mouth = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with mouth:
            refused = flood(agent, mouth, bad)

    print(f"seed {SEED}, {len(bad)} datagrams, refused: {refused}")
    assert refused.keys() == {refusal.name for refusal in Refusal}
    assert sum(refused.values()) >= BAD_DATAGRAMS
    assert running.owners() == before
    assert [line for line in changed if line.startswith("Deleted")] == []
    assert {e["kind"] for e in agent.events()[count_before:]} <= {"late"}
    assert agent.state_word() == "ready"


def test_a_log_that_nobody_reads_does_not_stop_it(running: Cluster) -> None:
    """Given a log pipe that nobody empties, the agent still starts, takes and answers."""
    agent = running["mta3"]
    agent.kill()
    read_end, write_end = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(write_end, False)
    while _filled(write_end):
        pass
    os.set_blocking(write_end, True)
    agent.process = subprocess.Popen(agent.command(), stdout=write_end, stderr=write_end)
    try:
        wait(lambda: agent.state_word() == "ready", "ready with a full pipe")
        wait(lambda: agent.status()["unlogged"], "the lost lines are counted")
    finally:
        agent.kill()
        os.close(read_end)
        os.close(write_end)


def _filled(pipe: int) -> int:
    try:
        return os.write(pipe, b"x" * 65536)
    except BlockingIOError:
        return 0


# The door of an agent at work; more in test_door.


def test_hostile_clients_cost_nothing(running: Cluster) -> None:
    """Given clients that say too much, or never read, failover and others go on."""
    agent = running["mta1"]
    before = running.owners()
    with agent.connected() as deaf, agent.connected() as endless:
        assert _fill(endless, b"x" * 65536) in {errno.EPIPE, errno.ECONNRESET}
        deaf.settimeout(0.2)
        assert _fill(deaf, b'{"command": "status"}\n' * 100) is None
        crowd = [agent.connected() for _ in range(40)]
        for one in crowd:
            one.__enter__()
        for one in crowd:
            one.__exit__(None, None, None)
    wait(lambda: agent.ask("status"), "others are answered")

    assert running.owners() == before
    assert agent.status()["loop"]["max_step_ms"] < 200


def _fill(client: socket.socket, request: bytes) -> int | None:
    """Send until the other side takes no more: the error, None when it just does not read."""
    try:
        while True:
            client.sendall(request)
    except TimeoutError:
        return None
    except OSError as error:
        return error.errno


def test_events_are_followed_without_a_gap(running: Cluster) -> None:
    agent = running["mta1"]
    with agent.connected() as client, client.makefile("rb") as lines:
        client.sendall(b'{"command": "events", "follow": true}\n')
        told = json.loads(lines.readline())["events"]
        running["mta2"].kill()
        while not any(e["kind"] == "dead" for e in told):
            told.append(json.loads(lines.readline()))

    assert [e["number"] for e in told] == list(range(1, len(told) + 1))
    kept = (agent.state / "events.jsonl").read_text().splitlines()
    assert json.loads(kept[-1])["number"] >= told[-1]["number"]


# With a broker.


def test_with_a_broker_both_rings_carry(running: Cluster, rabbitmq: RunningBroker) -> None:
    port = rabbitmq.broker.port
    one, two = running["mta1"], running["mta2"]
    with forwarded(one.host, port), forwarded(two.host, port):
        for agent in (one, two):
            agent.kill()
            agent.brokers = (rabbitmq.url(agent.name),)
            agent.write(parse(agent.definitions.read_text()))
            agent.start()
        wait(
            lambda: all(a.status()["messages"]["a"]["received"] > 5 for a in (one, two)),
            "heartbeats on ring A",
        )
        assert one.status()["rings"] == two.status()["rings"] == {"a": True, "b": True}
        shown = CliRunner().invoke(app, ["status", "--socket", str(one.door)])
        assert shown.stdout.count(f"127.0.0.1:{port}") == 1
    wait(lambda: one.status()["rings"]["a"] is False, "the lost broker is noticed")
    wait(running.settled, "ring B alone carries on")
    assert set(NAMES) == set(one.status()["view"]["members"])
