"""Each fault does what its sentence says, to whom it says, and heals."""

import itertools
import os
import time

import pytest

from tests.lab.looking import deaf_pairs, hears, hears_udp, kernel_vips, owners, roles, wait_until
from workers.lab.core.faults import RING_PORT
from workers.lab.errors import LabRefused
from workers.lab.health import look
from workers.lab.lab import Lab

Pairs = set[tuple[str, str]]
NODES = ("mta1", "mta2", "mta3")
OTHERS = ("broker1", "client", "gateway")


def apart(*parts: tuple[str, ...]) -> Pairs:
    """Pairs of different parts, both ways."""
    return {
        pair
        for one, other in itertools.permutations(parts, 2)
        for pair in itertools.product(one, other)
    }


@pytest.mark.parametrize(
    ("kind", "targets", "deaf"),
    [
        ("cut", "mta1 mta2", apart(("mta1",), ("mta2",))),
        ("cut", "mta3 client", apart(("mta3",), ("client",))),
        ("one-way", "mta1 mta2", {("mta2", "mta1")}),
        ("isolate", "mta2", apart(("mta2",), ("mta1", "mta3", *OTHERS))),
        ("split", "", apart(*((node,) for node in NODES))),
        ("partition", "mta1 mta2 / mta3 gateway", apart(("mta1", "mta2"), ("mta3", "gateway"))),
        ("broker-cut", "", apart(("broker1",), (*NODES, "client", "gateway"))),
        ("link-down", "mta3", apart(("mta3",), ("mta1", "mta2", *OTHERS))),
    ],
)
def test_frames_are_cut_between_those_hosts_only(
    lab: Lab, kind: str, targets: str, deaf: Pairs
) -> None:
    lab.inject(kind, targets.split())
    found = deaf_pairs(lab)
    lab.heal(kind)
    assert found == deaf
    assert deaf_pairs(lab) == set()


def test_ring_b_down_stops_its_datagrams_alone(lab: Lab) -> None:
    lab.inject("ring-b-down")
    assert not hears_udp(lab, "mta1", "mta2", RING_PORT)
    assert hears_udp(lab, "mta1", "mta2", RING_PORT + 1)
    assert hears(lab, "mta1", "mta2")
    lab.heal()
    assert hears_udp(lab, "mta1", "mta2", RING_PORT)


def test_power_loss_is_silent_and_its_vips_move(lab: Lab) -> None:
    lab.inject("power-loss", ["mta2"])
    assert roles(lab, "mta2") == {}
    assert not hears(lab, "gateway", "mta2")
    survivors = {"mta1", "mta3"}
    wait_until(
        lambda: all(set(held) & survivors for held in owners(lab).values()), 5, "VIPs taken over"
    )
    lab.heal("mta2")
    assert kernel_vips(lab, "mta2") == set()  # a new kernel: nothing survived the boot
    wait_until(lambda: (look(lab.record).agents["mta2"] or {}).get("state") == "ready", 10, "back")


def test_killed_agent_is_back_at_once(lab: Lab) -> None:
    agent = next(p.pid for p in lab.processes() if (p.host, p.role) == ("mta1", "agent"))
    before = owners(lab)
    struck_at = lab.inject("kill-agent", ["mta1"]).struck_at

    def back() -> bool:
        found = [p.pid for p in lab.processes() if (p.host, p.role) == ("mta1", "agent")]
        return bool(found) and found != [agent]

    wait_until(back, 2, "the agent is started again")
    assert time.monotonic() - struck_at < 0.6
    assert lab.faults == ()
    assert owners(lab) == before


def test_stopped_agent_stands_still_alone(lab: Lab) -> None:
    lab.inject("stop-agent", ["mta3"])
    assert roles(lab, "mta3")["agent"] == ["T"]
    assert roles(lab, "mta3")["echo"] == ["S"]
    lab.heal("stop-agent")
    wait_until(lambda: look(lab.record).agents["mta3"], 5, "it answers again")


def test_frozen_host_stands_still_and_its_kernel_does_not(lab: Lab) -> None:
    lab.inject("freeze", ["mta1"])
    assert {state for states in roles(lab, "mta1").values() for state in states} == {"T"}
    assert hears(lab, "gateway", "mta1")
    lab.heal("mta1")
    assert "T" not in {state for states in roles(lab, "mta1").values() for state in states}


def test_killed_broker_stays_dead_until_healed(lab: Lab) -> None:
    lab.inject("broker-kill")
    assert roles(lab, "broker1") == {}
    assert look(lab.record).brokers == {"broker1": False}
    before = owners(lab)
    lab.heal("broker-kill")
    wait_until(lambda: look(lab.record).brokers["broker1"], 30, "the broker speaks again")
    assert owners(lab) == before


def test_frozen_broker_is_connected_to_and_does_not_speak(lab: Lab) -> None:
    lab.inject("broker-freeze")
    assert look(lab.record).brokers == {"broker1": False}
    lab.heal("broker-freeze")
    wait_until(lambda: look(lab.record).brokers["broker1"], 5, "the broker speaks again")


def test_clock_steps_on_that_host_only(lab: Lab) -> None:
    lab.inject("clock-step", ["mta1", "-7200"])

    def offset(host: str) -> float:
        return float(lab.exec(host, ["date", "+%s.%N"]).stdout) - time.time()

    assert offset("mta1") == pytest.approx(-7200, abs=5)
    assert offset("mta2") == pytest.approx(0, abs=5)
    uptime = lab.exec("mta1", ["/usr/bin/python3", "-c", "import time; print(time.monotonic())"])
    assert float(uptime.stdout) == pytest.approx(time.monotonic(), abs=5)
    lab.heal("clock-step")
    assert offset("mta1") == pytest.approx(0, abs=5)


def test_faults_stack_and_heal_in_any_order(lab: Lab) -> None:
    lab.inject("cut", ["mta1", "mta2"])
    lab.inject("power-loss", ["mta2"])
    lab.heal("power-loss")
    assert not hears(lab, "mta1", "mta2")
    assert not hears(lab, "mta2", "mta1")
    assert hears(lab, "mta2", "mta3")
    assert [str(fault) for fault in Lab.load(lab.name).faults] == ["cut mta1 mta2"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("explode mta1", "there is no fault 'explode'"),
        ("cut mta1 mta9", "cannot be done to 'mta9'"),
        ("kill-agent client", "cannot be done to 'client'"),
        ("cut mta1", "between two hosts"),
        ("cut mta1 mta1", "named twice"),
        ("partition mta1 mta2", "two parts"),
        ("power-loss", "needs a target"),
        ("clock-step mta1 0", "0 seconds is none"),
    ],
)
def test_wrong_faults_are_refused_with_a_reason(lab: Lab, words: str, sentence: str) -> None:
    kind, *targets = words.split()
    with pytest.raises(LabRefused, match=sentence):
        lab.inject(kind, targets)
    assert lab.faults == ()
    assert os.path.exists(lab.directory / "lab.json")
