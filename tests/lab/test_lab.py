"""A lab comes up green, shows what it has, and leaves nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.looking import assert_nothing_left, owners, wait_until
from workers.lab import network, state
from workers.lab.bringup import Wish, bring_up, take_down
from workers.lab.counters import read_counters
from workers.lab.errors import LabError, LabRefused
from workers.lab.health import in_namespace, look, missing
from workers.lab.lab import Lab
from workers.lab.processes import started_at

PROGRAM = [sys.executable, "-c", "from workers.lab.cli import app; app()"]
ROOT = Path(__file__).parents[2]


def muster_lab(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `muster lab ...` to its end."""
    return subprocess.run(
        [*PROGRAM, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def small(name: str) -> Wish:
    """A lab that is up within two seconds."""
    return Wish(name=name, nodes=2, vips=2, brokers=0, mail=False)


@pytest.fixture
def other_name() -> Iterator[str]:
    """A name for a second lab, which is gone at the end whatever happened."""
    name = f"u{os.getpid()}"
    yield name
    take_down(name)


def test_comes_up_green_with_vips_spread_evenly(lab: Lab, started: tuple[Lab, list[str]]) -> None:
    assert any("all green" in sentence for sentence in started[1])
    held = owners(lab)
    assert all(len(nodes) == 1 for nodes in held.values())
    assert sorted(node for (node,) in held.values()) == sorted([*lab.nodes, *lab.nodes])


def test_status_tells_who_holds_what_since_when_and_why(lab: Lab) -> None:
    shown = json.loads(muster_lab("status", "--name", lab.name, "-o", "json").stdout)
    assert shown["green"]
    assert [node["state"] for node in shown["nodes"]] == ["ready"] * 3
    held = owners(lab)
    for vip in shown["vips"]:
        (holder,) = vip["holders"]
        assert [holder["node"]] == held[vip["vip"]]
        assert holder["held_seconds"] > 0
        assert holder["reason"]
    table = muster_lab("status", "--name", lab.name).stdout
    assert all(vip in table for vip in lab.vips)


def test_ps_lists_the_processes_of_every_host(lab: Lab) -> None:
    shown = json.loads(muster_lab("ps", "--name", lab.name, "-o", "json").stdout)
    found = {(process["host"], process["role"]) for process in shown}
    assert {(node, role) for node in lab.nodes for role in ("agent", "postfix", "echo")} <= found
    assert {("broker1", "broker"), ("client", "traffic"), ("sink", "sink")} <= found
    for process in shown:
        assert process["namespace"] == f"muster-{lab.name}-{process['host']}"
        assert process["role"], process
        assert os.path.exists(f"/proc/{process['pid']}")


def test_exec_runs_on_the_host_and_has_the_commands_exit_code(lab: Lab) -> None:
    done = muster_lab("exec", "--name", lab.name, "mta2", "--", "ip", "-br", "address")
    assert lab.hosts["mta2"].address in done.stdout
    done = muster_lab("exec", "--name", lab.name, "mta2", "--", "sh", "-c", "exit 42")
    assert done.returncode == 42
    done = muster_lab("exec", "--name", lab.name, "mta9", "--", "true")
    assert (done.returncode, "has no host 'mta9'" in done.stderr) == (3, True)


def test_mail_flows_through_every_vip_to_the_sink(lab: Lab) -> None:
    def received() -> int:
        return int(read_counters(lab.host_directory("sink") / "counters.json")["received"])

    before = received()
    wait_until(lambda: received() >= before + 6, 10, "six more mails at the sink")
    traffic = look(lab.record).traffic
    assert {vip: [node] for vip, node in traffic["last_node"].items()} == owners(lab)


def test_echo_answers_from_the_address_asked(lab: Lab) -> None:
    def make() -> socket.socket:
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    with in_namespace(lab.namespace("client"), make) as door:
        door.settimeout(2)
        for vip, (node,) in owners(lab).items():
            door.sendto(b"17", (vip, 7))
            answer, (source, _) = door.recvfrom(100)
            assert (answer, source) == (f"17 {node}".encode(), vip)


def test_secrets_are_for_root_alone(lab: Lab) -> None:
    for path in (lab.directory / "cluster.key", lab.host_directory("mta1") / "node.toml"):
        assert path.stat().st_mode & 0o077 == 0


def test_second_lab_has_a_subnet_of_its_own_and_leaves_nothing(lab: Lab, other_name: str) -> None:
    other = bring_up(small(other_name), lambda _: None)
    assert not missing(other.record, look(other.record))
    assert other.subnet != lab.subnet
    processes = [process.pid for process in other.processes()]
    done = muster_lab("down", "--name", other_name)
    assert done.returncode == 0, done.stderr
    assert_nothing_left(other_name, processes)
    assert Lab.load(lab.name).record == lab.record


def test_name_that_is_taken_is_refused(lab: Lab) -> None:
    done = muster_lab("up", "--name", lab.name)
    assert done.returncode == 3
    assert f"lab '{lab.name}' is up already" in done.stderr
    assert not missing(lab.record, look(lab.record))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--nodes", "0"], "1 to 89 nodes"),
        (["--vips", "99999"], "1 to 30000 VIPs"),
        (["--brokers", "2"], "1 or 3"),
        (["--interval", "0.001"], "heartbeat_interval"),
        (["--name", "Not_A_Name"], "is no name for a lab"),
    ],
)
def test_wrong_wishes_are_refused_and_leave_nothing(
    other_name: str, arguments: list[str], sentence: str
) -> None:
    done = muster_lab("up", "--no-mail", "--brokers", "0", "--name", other_name, *arguments)
    assert done.returncode == 3
    assert sentence in done.stderr
    assert_nothing_left(other_name, [])


def test_failed_bring_up_leaves_nothing(other_name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.lab.bringup.GREEN_SECONDS", 0.0)
    with pytest.raises(LabError, match="not green"):
        bring_up(small(other_name), lambda _: None)
    assert_nothing_left(other_name, [])


def test_run_ends_with_ctrl_c_and_leaves_nothing(other_name: str) -> None:
    running = start_run(other_name)
    processes = [process.pid for process in Lab.load(other_name).processes()]
    running.send_signal(signal.SIGINT)
    running.send_signal(signal.SIGTERM)
    assert running.wait(20) == 0
    assert_nothing_left(other_name, processes)


def test_interrupted_bring_up_leaves_nothing(other_name: str) -> None:
    running = launch_run(other_name)
    wait_until(lambda: network.namespaces(other_name), 10, "the lab is being made")
    running.send_signal(signal.SIGTERM)
    assert running.wait(20) == 130
    assert_nothing_left(other_name, [])


def test_run_clears_what_a_killed_run_left(other_name: str) -> None:
    running = start_run(other_name)
    left = [process.pid for process in Lab.load(other_name).processes()]
    running.kill()
    running.wait(10)
    assert all(os.path.exists(f"/proc/{pid}") for pid in left)
    with pytest.raises(LabRefused, match="is dead"):
        Lab.load(other_name)
    running = start_run(other_name)
    assert not any(started_at(pid) for pid in left)
    running.send_signal(signal.SIGTERM)
    assert running.wait(20) == 0
    assert_nothing_left(other_name, left)


def start_run(name: str) -> subprocess.Popen[bytes]:
    """Start `muster lab run` and wait until its lab is up."""
    running = launch_run(name)

    def up() -> bool:
        assert running.poll() is None, "muster lab run ended"
        record = state.load(name)
        mine = record is not None and record.keeper is not None
        return mine and record.keeper.pid == running.pid and record.phase is state.Phase.UP

    try:
        wait_until(up, 30, "the lab is up")
    except BaseException:
        running.kill()
        raise
    return running


def launch_run(name: str) -> subprocess.Popen[bytes]:
    """Start `muster lab run` of a small lab, as a shell does in the background."""
    arguments = ["run", "--nodes", "2", "--vips", "2", "--brokers", "0", "--no-mail"]
    return subprocess.Popen(
        [*PROGRAM, *arguments, "--name", name],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
