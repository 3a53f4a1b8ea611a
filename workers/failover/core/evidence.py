"""What one node knows of how the VIPs stand: the cases that `standing` judges, for its own table.

Cheap for 10,240 VIPs: whoever has no trouble of its own shares the verdict of all that are alike.
What a peer's kernel or health check said is not in its heartbeats, only that it failed.
"""

from typing import TYPE_CHECKING

from workers.failover.core.definitions import AdminState, Vip
from workers.failover.core.detector import Verdict
from workers.failover.core.messages import NodeState
from workers.failover.core.standing import REFUSED, Case, Standing, State, standing

if TYPE_CHECKING:
    from workers.failover.core.machine import Machine


class Evidence:
    """All that matters at one instant; ask it of each VIP."""

    def __init__(self, machine: "Machine") -> None:
        self._machine = machine
        self._owners = {vip: name for vip, (_, name) in machine.ownership.owners.items()}
        self._owners.update(dict.fromkeys(machine.holdings.held, machine.me))
        self._states = _living(machine)
        self._refusals = _refusals(machine)
        self._unhealthy = _unhealthy(machine)
        self._rivals = {
            vip: peer.name
            for peer in machine.detector.peers.values()
            if peer.live
            for vip in peer.claims
            if self._owners.get(vip, peer.name) != peer.name
        }
        stuck = (one.vip for one in machine.takeover.candidates.values() if one.stuck)
        self._special = {*self._refusals, *self._rivals, *machine.probation.challenges, *stuck}
        self._alike: dict[tuple[str, str, str, str], Standing] = {}

    def standing(self, vip: str) -> Standing:
        """How a VIP that is defined stands."""
        if vip in self._special:
            return standing(self._case(vip))
        defined = self._machine.definitions.vips[vip]
        key = (self._owners.get(vip, ""), defined.check, defined.hook, self._unproved(vip))
        if key not in self._alike:
            self._alike[key] = standing(self._case(vip))
        return self._alike[key]

    def _case(self, vip: str) -> Case:
        machine, defined = self._machine, self._machine.definitions.vips[vip]
        unhealthy = self._failing(defined)
        challenge = machine.probation.challenges.get(vip)
        ready = {name for name, state in self._states.items() if state is NodeState.READY}
        return Case(
            owner=self._owners.get(vip, ""),
            others=(challenge[1],) if challenge else (),
            rival=self._rivals.get(vip, ""),
            trouble=_trouble(machine, vip),
            nodes=self._states.keys(),
            heirs=ready - unhealthy.keys(),
            refusals=self._refusals.get(vip, {}),
            unhealthy=unhealthy,
            hook=defined.hook,
            unproved=self._unproved(vip),
        )

    def _unproved(self, vip: str) -> str:
        """The topology of the VIP, if nothing can prove its wire."""
        definitions = self._machine.definitions
        topology = definitions.topology_of.get(vip) if definitions.unproved else None
        return topology.cidr if topology and topology.cidr in definitions.unproved else ""

    def _failing(self, defined: Vip) -> dict[str, str]:
        found = self._unhealthy.get(defined.check, {}) if defined.check else {}
        return {name: sentence for name, sentence in found.items() if name in self._states}


def refusals(machine: "Machine") -> dict[str, str]:
    """VIP -> why this node's own kernel does not have it."""
    return {vip: one.sentence or REFUSED for vip, one in machine.refusals.items()}


def _living(machine: "Machine") -> dict[str, NodeState]:
    """Enabled nodes that live, and their states."""
    found = {
        peer.name: peer.state
        for peer in machine.detector.peers.values()
        if peer.verdict is Verdict.ALIVE
    }
    found[machine.me] = machine.state
    nodes = machine.definitions.nodes
    return {
        name: state
        for name, state in found.items()
        if name in nodes and nodes[name].admin_state is AdminState.ENABLED
    }


def _refusals(machine: "Machine") -> dict[str, dict[str, str]]:
    """VIP -> node -> why."""
    found = {vip: {machine.me: why} for vip, why in refusals(machine).items()}
    for peer in machine.detector.peers.values():
        for vip in peer.cannot if peer.live else ():
            found.setdefault(vip, {})[peer.name] = REFUSED
    return found


def _unhealthy(machine: "Machine") -> dict[str, dict[str, str]]:
    """Check -> node -> what it says there; of peers, only which check it is."""
    found = {
        check: {machine.me: f"{check}: {said}" if said else check}
        for check, said in machine.unhealthy.items()
    }
    for peer in machine.detector.peers.values():
        for check in peer.unhealthy if peer.live else ():
            found.setdefault(check, {})[peer.name] = check
    return found


def _trouble(machine: "Machine", vip: str) -> tuple[State, str] | None:
    candidate = machine.takeover.candidates.get(vip)
    if candidate is None or not candidate.stuck:
        return None
    known = machine.detector.by_mac(candidate.stuck) is not None
    return (State.STUCK if known else State.FOREIGN), candidate.stuck
