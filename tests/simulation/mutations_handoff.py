"""The product without one of the safeguards of planned moves, upgrades and health checks.

As in `mutations`: each is a machine with one small part replaced.
"""

from __future__ import annotations

import math

from workers.failover.core import events as ev
from workers.failover.core.actions import Action, Fact
from workers.failover.core.definitions import Definitions
from workers.failover.core.detector import Detector
from workers.failover.core.handoff import RELEASED, TAKEN
from workers.failover.core.handoffs import Arming, Handoffs
from workers.failover.core.machine import Machine
from workers.failover.core.messages import Heartbeat, NodeState, Offer, Why
from workers.failover.core.revisions import Revisions
from workers.failover.core.sentinels import Candidate
from workers.failover.core.takeover import Takeover


class Ageless(Machine):
    """An heir acts on a release however old its own word and the giver's are."""

    def __init__(
        self, me: str, definitions: Definitions, incarnation: int, macs: tuple[str, ...]
    ) -> None:
        super().__init__(me, definitions, incarnation, macs)
        self.handoffs = Unforgetting()

    def _settle(self, now: float) -> None:
        for one in self.handoffs.arming.values():
            one.at = now
            if one.released_at < math.inf:
                one.released_at = now
        super()._settle(now)


class Unforgetting(Handoffs):
    """Old words count after a gap too."""

    def clear(self) -> None:
        """Nothing."""


class Unarmed(Machine):
    """An heir acts on every release to it that it hears of, armed or not, new or old."""

    def _received(self, event: ev.Received, now: float) -> None:
        super()._received(event, now)
        if isinstance(event.message, Heartbeat) and not self.finished:
            for one in event.message.released:
                if one.heir == self.me and one.vip not in self.holdings.held:
                    self.handoffs.arming[one.vip] = Arming(
                        one.vip, one.epoch, event.message.node, TAKEN[Why(one.why)], now, now
                    )


class Deaf(dict[str, tuple[Offer, ...]]):
    """Remembers nothing."""

    def __setitem__(self, name: str, offers: tuple[Offer, ...]) -> None:
        """Nothing."""


class Unreserving(Machine):
    """What was released to somebody else is an orphan like any other."""

    def __init__(
        self, me: str, definitions: Definitions, incarnation: int, macs: tuple[str, ...]
    ) -> None:
        super().__init__(me, definitions, incarnation, macs)
        self.handoffs.told = Deaf()


class Rash(Machine):
    """A giver lets go as soon as it has offered."""

    def _settle(self, now: float) -> None:
        super()._settle(now)
        for one in self.handoffs.giving.values():
            if not one.released:
                one.released, one.since = True, now
                self.release([one.vip], RELEASED[one.why], node=one.heir)


class Epochless(Machine):
    """An heir takes with the giver's epoch."""

    def _settle(self, now: float) -> None:
        super()._settle(now)
        for held in self.taking.values():
            if self.handoffs.came_at.get(held.vip) == now:
                held.epoch -= 1


class Faithless(Machine):
    """An heir that is told to stop forgets what it said it would take."""

    def _stop(self, event: ev.StopRequested, now: float) -> None:
        self.handoffs.arming.clear()
        super()._stop(event, now)


class Strict(Revisions):
    """A check that fails somewhere bars that node, even when it fails everywhere."""

    machine: Machine

    def barred(self, detector: Detector) -> dict[str, set[str]]:
        """With all nodes where a check of a VIP fails."""
        barred = super().barred(detector)
        failing = {p.name: p.unhealthy for p in detector.peers.values()}
        failing[self.machine.me] = frozenset(self.machine.unhealthy)
        for vip, definition in self.acted.vips.items():
            sick = {name for name, checks in failing.items() if definition.check in checks}
            barred.setdefault(vip, set()).update(sick)
        return barred


class FailClosed(Machine):
    """A check that fails everywhere leaves nobody to serve."""

    def __init__(
        self, me: str, definitions: Definitions, incarnation: int, macs: tuple[str, ...]
    ) -> None:
        super().__init__(me, definitions, incarnation, macs)
        self.revisions = strict = Strict(definitions)
        strict.machine = self


class ShortLease(Machine):
    """An agent that is upgraded leaves the lease as it is."""

    def decide(self, event: ev.Event, now: float) -> tuple[list[Action], list[Fact]]:
        """Ask for no longer lease than usual."""
        if isinstance(event, ev.RestartRequested):
            event = ev.RestartRequested(self.definitions.knobs.lease_ttl)
        return super().decide(event, now)


class Enabled(Takeover):
    """Only who is ready takes."""

    machine: Machine

    def ready(self, now: float) -> list[Candidate]:
        """Nothing on a draining node."""
        return super().ready(now) if self.machine.state is NodeState.READY else []


class Unreluctant(Machine):
    """Who drains takes nothing, even when there is nobody else."""

    def __init__(
        self, me: str, definitions: Definitions, incarnation: int, macs: tuple[str, ...]
    ) -> None:
        super().__init__(me, definitions, incarnation, macs)
        self.takeover = enabled = Enabled(me, definitions, self.rounds, self.out)
        enabled.machine = self
