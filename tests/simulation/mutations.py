"""The product with one of its safeguards taken out: the simulation must notice each.

Each is a machine with one small method of one part replaced, or a change of the world; the product
has no switches for it. `class_name` names the fault class that finds it, within `within` schedules.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.simulation import mutations_handoff as h
from workers.failover.core.actions import Reason
from workers.failover.core.definitions import Definitions
from workers.failover.core.detector import Detector, Peer
from workers.failover.core.fencing import Fencing
from workers.failover.core.machine import Machine
from workers.failover.core.messages import NodeState
from workers.failover.core.ownership import Ownership
from workers.failover.core.rounds import Round, Rounds
from workers.failover.core.sentinels import Candidate
from workers.failover.core.takeover import Takeover
from workers.failover.core.view import View

if TYPE_CHECKING:
    from tests.simulation.world import MachineFactory, World


class Hasty(Takeover):
    """Takes what has no live owner without asking the wire."""

    def ready(self, now: float) -> list[Candidate]:
        """Everything, at once."""
        return list(self.candidates.values())


class WithoutProbe(Machine):
    """No rule 4."""

    def __init__(
        self, me: str, definitions: Definitions, incarnation: int, macs: tuple[str, ...]
    ) -> None:
        super().__init__(me, definitions, incarnation, macs)
        self.takeover = Hasty(me, definitions, self.rounds, self.out)


class Credulous(Rounds):
    """Takes silence for silence, whether the wire works or not."""

    def proved(self, finished: Round, vip: str) -> bool:
        """Always."""
        return True


class WithoutProof(Machine):
    """No wire proof."""

    def __init__(
        self, me: str, definitions: Definitions, incarnation: int, macs: tuple[str, ...]
    ) -> None:
        super().__init__(me, definitions, incarnation, macs)
        self.rounds = Credulous(definitions)
        self.takeover = Takeover(me, definitions, self.rounds, self.out)


class OneWayView(View):
    """Whoever is heard is a member."""

    def member(self, peer: Peer, detector: Detector, now: float) -> bool:
        """It lives."""
        return peer.live


class OneWayFencing(Fencing):
    """Hearing is evidence, being heard is not asked for."""

    def evidence_at(self, detector: Detector) -> float:
        """When anybody was heard last."""
        heard = max((p.heard_at for p in detector.peers.values()), default=-math.inf)
        return max(heard, self.witness_at, self.trusted_at)


class WithoutTwoWay(Machine):
    """Membership by hearing alone."""

    def __init__(
        self, me: str, definitions: Definitions, incarnation: int, macs: tuple[str, ...]
    ) -> None:
        super().__init__(me, definitions, incarnation, macs)
        self.view = OneWayView(me)
        self.fencing = OneWayFencing(me, definitions)


class Timeless(Ownership):
    """Every claim is as good as any other."""

    def next_epoch(self, vip: str) -> int:
        """Always the same."""
        return 1


class WithoutEpochs(Machine):
    """Names alone decide a conflict."""

    def __init__(
        self, me: str, definitions: Definitions, incarnation: int, macs: tuple[str, ...]
    ) -> None:
        super().__init__(me, definitions, incarnation, macs)
        self.ownership = Timeless()


class WithoutKeeping(Machine):
    """A draining node drops everything, whether anybody may take it or not."""

    def _admit(self, now: float) -> None:
        super()._admit(now)
        if self.state is NodeState.DRAINING:
            self.release(list(self.holdings.held), Reason.DRAINING)


def _nothing(world: World) -> None:
    return None


def _lasting(world: World) -> None:
    for host in world.hosts.values():
        host.kernel.lasting = True


class WithoutMediation(Machine):
    """Tells nobody of another's claims."""

    def _settle(self, now: float) -> None:
        self.ownership.contested_since.clear()
        super()._settle(now)


@dataclass(frozen=True, slots=True)
class Mutation:
    """A safeguard taken out, and who notices."""

    machine: MachineFactory | None = None
    apply: Callable[[World], None] = _nothing
    class_name: str = ""
    within: int = 0


MUTATIONS: dict[str, Mutation] = {
    "": Mutation(),
    "no-probe": Mutation(WithoutProbe, class_name="freeze", within=20),
    "no-proof": Mutation(WithoutProof, class_name="deaf-heir", within=20),
    "no-lease": Mutation(apply=_lasting, class_name="agent-gone", within=20),
    "no-two-way": Mutation(WithoutTwoWay, class_name="mute-node", within=20),
    "no-keeping": Mutation(WithoutKeeping, class_name="drain", within=20),
    "no-epochs": Mutation(WithoutEpochs, class_name="double-cut", within=20),
    "no-mediation": Mutation(WithoutMediation, class_name="third-voice", within=20),
    "handoff-ageless": Mutation(h.Ageless, class_name="late-burst", within=20),
    "handoff-unarmed": Mutation(h.Unarmed, class_name="late-burst", within=20),
    "handoff-unreserved": Mutation(h.Unreserving, class_name="late-words", within=20),
    "handoff-rash": Mutation(h.Rash, class_name="slow-heir", within=20),
    "handoff-epochless": Mutation(h.Epochless, class_name="move", within=20),
    "handoff-faithless": Mutation(h.Faithless, class_name="heir-stops", within=20),
    "fail-closed": Mutation(h.FailClosed, class_name="sick-death", within=20),
    "short-lease": Mutation(h.ShortLease, class_name="upgrade", within=20),
    "no-last-resort": Mutation(h.Unreluctant, class_name="last-resort", within=20),
}
