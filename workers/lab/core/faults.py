"""The faults a lab can have, and which frames the switch drops for them.

`frame_rules` is a pure function of the active faults: injecting and healing means applying the
difference, so that faults stack and heal in any order. What is done to processes is not here
(`workers.lab.injection`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from workers.lab.core.hosts import Host, Role

RING_PORT = 7411


class FaultKind(Enum):
    """A kind of fault; `value` is its name on the command line."""

    sentence: str
    usage: str

    def __new__(cls, name: str, usage: str, sentence: str) -> "FaultKind":
        """Keep the sentence beside the name."""
        member = object.__new__(cls)
        member._value_ = name
        member.usage, member.sentence = usage, sentence
        return member

    POWER_LOSS = (
        "power-loss",
        "HOST...",
        "The host's switch port is cut, then all its processes are killed; healing boots it anew.",
    )
    CABLE = ("cable", "HOST...", "The host's cable is pulled: it and the switch see no carrier.")
    LINK_DOWN = ("link-down", "HOST...", "The host's own interface is down: it sees no carrier.")
    KILL_AGENT = (
        "kill-agent",
        "NODE...",
        "The node's agent is killed once; its supervisor starts it again.",
    )
    KILL_AGENT_FOR_GOOD = (
        "kill-agent-for-good",
        "NODE...",
        "The node's agent is killed, and nobody starts it again until healed.",
    )
    CLEAN_STOP = (
        "clean-stop",
        "NODE...",
        "The node's agent is told to end, and nobody starts it again until healed.",
    )
    STOP_AGENT = ("stop-agent", "NODE...", "The node's agent is stopped (SIGSTOP) until healed.")
    FREEZE = (
        "freeze",
        "HOST...",
        "All processes of the host stand still (SIGSTOP) until healed; its kernel does not.",
    )
    CUT = ("cut", "A B", "No frame passes between the two hosts.")
    ONE_WAY = ("one-way", "A B", "Frames of the first host do not reach the second.")
    ISOLATE = ("isolate", "HOST...", "The host's switch port drops everything; carrier stays.")
    SPLIT = (
        "split",
        "[NODE...]",
        "The nodes are deaf to one another; broker, gateway and client reach all of them.",
    )
    PARTITION = (
        "partition",
        "A... / B...",
        "No frame passes between the hosts of different parts; hosts not named reach all.",
    )
    BROKER_KILL = ("broker-kill", "[BROKER...]", "The broker is killed and stays dead.")
    BROKER_FREEZE = ("broker-freeze", "[BROKER...]", "The broker stands still (SIGSTOP).")
    BROKER_CUT = (
        "broker-cut",
        "[BROKER...]",
        "The broker is cut from the other brokers, or from everybody when it is the only one.",
    )
    RING_B_DOWN = ("ring-b-down", "[NODE...]", "UDP of ring B does not reach the nodes.")
    CLOCK_STEP = (
        "clock-step",
        "NODE... [SECONDS]",
        "The wall clock of the node's processes steps (3600 s unless given); the machine's not.",
    )


class FaultError(ValueError):
    """Targets that the fault cannot have."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in force. `parts`: the targets, in one part unless the kind is `partition`."""

    kind: FaultKind
    parts: tuple[tuple[str, ...], ...]
    seconds: int = 0
    """How far the clock stepped (`clock-step` only)."""

    @property
    def targets(self) -> tuple[str, ...]:
        """All targets, whatever their part."""
        return tuple(name for part in self.parts for name in part)

    def __str__(self) -> str:
        """As on the command line."""
        words = [self.kind.value, " / ".join(" ".join(part) for part in self.parts)]
        return " ".join(words + ([f"{self.seconds:+d}"] if self.seconds else []))


@dataclass(frozen=True, slots=True, order=True)
class FrameRule:
    """Frames that the switch drops at `port`: on their way to the host (`egress`) or from it."""

    port: str
    egress: bool
    priority: int
    """Unique per port and direction."""
    match: str
    """A u32 match; the protocol is IP for ring B, all otherwise."""

    @property
    def protocol(self) -> str:
        """What `tc` wants to know beside the match."""
        return "ip" if self.priority == _RING_PRIORITY else "all"


_PORT_PRIORITY, _RING_PRIORITY, _PAIR_PRIORITY = 1, 2, 10


def frame_rules(faults: Iterable[Fault], hosts: Sequence[Host]) -> frozenset[FrameRule]:
    """What the switch must drop while `faults` are in force."""
    return frozenset(rule for fault in faults for rule in _rules_of(fault, hosts))


def _rules_of(fault: Fault, hosts: Sequence[Host]) -> Iterable[FrameRule]:
    kind, targets = fault.kind, fault.targets
    if kind is FaultKind.RING_B_DOWN:
        match = f"match ip protocol 17 0xff match ip dport {RING_PORT} 0xffff"
        return [FrameRule(name, True, _RING_PRIORITY, match) for name in targets]
    if kind is FaultKind.ONE_WAY:
        return _deaf([targets[:1]], [targets[1:]], hosts)
    if kind in (FaultKind.CUT, FaultKind.SPLIT):
        return _apart([(name,) for name in targets], hosts)
    if kind is FaultKind.PARTITION:
        return _apart(fault.parts, hosts)
    brokers = [host.name for host in hosts if host.role is Role.BROKER]
    if kind is FaultKind.BROKER_CUT and len(brokers) > 1:
        others = [name for name in brokers if name not in targets]
        return _apart([*((name,) for name in targets), others], hosts)
    if kind in (FaultKind.POWER_LOSS, FaultKind.ISOLATE, FaultKind.BROKER_CUT):
        return [
            FrameRule(name, egress, _PORT_PRIORITY, "match u32 0 0")
            for name in targets
            for egress in (True, False)
        ]
    return []


def _apart(parts: Sequence[Sequence[str]], hosts: Sequence[Host]) -> Iterable[FrameRule]:
    """No frame between different parts."""
    return [
        rule
        for i, part in enumerate(parts)
        for rule in _deaf([part], [p for j, p in enumerate(parts) if j != i], hosts)
    ]


def _deaf(
    senders: Sequence[Sequence[str]], receivers: Sequence[Sequence[str]], hosts: Sequence[Host]
) -> Iterable[FrameRule]:
    """No frame from any of `senders` to any of `receivers`."""
    places = {host.name: (_PAIR_PRIORITY + i, host.mac) for i, host in enumerate(hosts)}
    return [
        FrameRule(to, True, places[name][0], f"match ether src {places[name][1]}")
        for name in (n for part in senders for n in part)
        for to in (n for part in receivers for n in part)
    ]
