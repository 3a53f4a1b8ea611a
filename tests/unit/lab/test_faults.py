"""What faults are asked for by which words, and which frames the switch drops for them."""

import pytest

from workers.lab.core.faults import Fault, FaultError, FaultKind, FrameRule, frame_rules
from workers.lab.core.hosts import hosts_of
from workers.lab.core.targets import fault_on, healed_by, kind_named

HOSTS = hosts_of("198.18.7.0/24", nodes=3, brokers=3)
MACS = {host.mac: host.name for host in HOSTS}


def fault(words: str) -> Fault:
    kind, *targets = words.split()
    return fault_on(kind_named(kind), targets, HOSTS)


def deaf(words: str) -> set[tuple[str, str]]:
    """(receiver, sender) pairs that a fault cuts; sender "*" for everybody."""
    rules = frame_rules([fault(words)], HOSTS)
    senders = {"match u32 0 0": "*"} | {f"match ether src {mac}": n for mac, n in MACS.items()}
    return {(rule.port, senders[rule.match]) for rule in rules}


def test_pairs() -> None:
    assert deaf("cut mta1 mta2") == {("mta1", "mta2"), ("mta2", "mta1")}
    assert deaf("one-way mta1 mta2") == {("mta2", "mta1")}
    assert len(deaf("split")) == 6
    assert deaf("partition mta1,mta2 | client") == {
        (a, b) for n in ("mta1", "mta2") for a, b in ((n, "client"), ("client", n))
    }


def test_ports() -> None:
    assert deaf("isolate mta1") == {("mta1", "*")}
    assert {rule.egress for rule in frame_rules([fault("power-loss mta1")], HOSTS)} == {True, False}
    assert frame_rules([fault("freeze mta1"), fault("link-down mta2")], HOSTS) == frozenset()


def test_broker_of_several_is_cut_from_its_peers_alone() -> None:
    peers = ("broker1", "broker3")
    both_ways = {pair for p in peers for pair in ((p, "broker2"), ("broker2", p))}
    assert deaf("broker-cut broker2") == both_ways


def test_rules_of_one_port_have_priorities_of_their_own() -> None:
    faults = [fault(w) for w in ("split", "isolate mta1", "ring-b-down", "cut mta1 client")]
    rules = frame_rules(faults, HOSTS)
    places = {(rule.port, rule.egress, rule.priority) for rule in rules}
    assert len(places) == len(rules)
    assert {rule.protocol for rule in rules} == {"ip", "all"}


def test_stacked_faults_share_rules() -> None:
    split, cut = fault("split"), fault("cut mta1 mta2")
    assert frame_rules([split, cut], HOSTS) == frame_rules([split], HOSTS)
    assert FrameRule("mta1", True, 11, f"match ether src {HOSTS[1].mac}") in frame_rules(
        [cut], HOSTS
    )


def test_words() -> None:
    assert str(fault("clock-step mta1 -60")) == "clock-step mta1 -60"
    assert fault("clock-step mta1").seconds == 3600
    assert fault("broker-kill").targets == ("broker1", "broker2", "broker3")
    assert str(fault("partition mta1 | mta2")) == "partition mta1 / mta2"
    assert all(kind.sentence.endswith(".") and kind.usage for kind in FaultKind)


def test_what_a_host_without_an_agent_or_a_broker_can_suffer() -> None:
    hosts = hosts_of("198.18.7.0/24", nodes=2, brokers=1, managers=1)
    for kind in ("power-loss", "freeze", "isolate", "link-down"):
        assert fault_on(kind_named(kind), ["manager1"], hosts).targets == ("manager1",)
    for kind in ("kill-agent", "clean-stop", "broker-kill", "clock-step"):
        with pytest.raises(FaultError, match="cannot be done to 'manager1'"):
            fault_on(kind_named(kind), ["manager1"], hosts)


def test_healing_by_kind_host_or_both() -> None:
    faults = [fault("freeze mta1"), fault("power-loss mta2"), fault("isolate mta1")]
    assert healed_by([], faults, HOSTS) == faults
    assert healed_by(["all"], faults, HOSTS) == faults
    assert healed_by(["mta1"], faults, HOSTS) == [faults[0], faults[2]]
    assert healed_by(["isolate"], faults, HOSTS) == [faults[2]]
    assert healed_by(["power-loss", "mta1"], faults, HOSTS) == []
    with pytest.raises(FaultError, match="there is no fault 'mta9'"):
        healed_by(["mta9"], faults, HOSTS)
