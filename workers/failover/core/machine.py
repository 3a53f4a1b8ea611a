"""The failover machine of one node: `decide(event, now) -> actions, facts`.

It hands each event to the room it belongs to, then settles everything that time or the event has
made due. Invariants: nothing is taken or renewed without entitlement; a VIP is taken only after
proved silence; what the kernel lists is what is claimed. Time is the node's monotonic clock in
seconds.
"""

import math
from collections.abc import Callable
from typing import Any

from workers.failover.core import events as ev
from workers.failover.core import (
    handoff,
    hearing,
    mediation,
    moving,
    probation,
    restarting,
    speaking,
    taking,
)
from workers.failover.core.actions import Action, Fact, FactKind, Reason, Release
from workers.failover.core.definitions import Definitions
from workers.failover.core.detector import Verdict
from workers.failover.core.messages import Heartbeat, Mediation, NodeState, Opinion, Question
from workers.failover.core.node import ASK_SECONDS, Node
from workers.failover.core.snapshot import snapshot
from workers.failover.core.voice import FULL_CLAIMS_SENDS

QUIET_SECONDS = 0.01
"""After a gap, what waited in the sockets is read for so long before anything new is asked."""
PATIENCE_INTERVALS = 0.1
"""While all nodes are well, what arrives may wait for so many heartbeat intervals."""
GRACE_SECONDS = 0.1
"""After a gap in my own loop, the time in which fresh evidence must come."""


class Machine(Node):
    """Give it events; perform what it returns."""

    def __init__(
        self, me: str, definitions: Definitions, incarnation: int, macs: tuple[str, ...]
    ) -> None:
        super().__init__(me, definitions, incarnation, macs)
        self._deadline = self._due = math.inf
        self._calm = False
        self._handlers: dict[type, Callable[[Any, float], None]] = {
            ev.Started: self._started,
            ev.Received: self._received,
            ev.Sighting: lambda event, now: hearing.sight(self, event, now),
            ev.Taken: lambda event, now: taking.confirm(self, event, now),
            ev.KernelChanged: self._kernel_changed,
            ev.RingChanged: self._ring_changed,
            ev.LinkChanged: self._link_changed,
            ev.Defined: self._defined,
            ev.Checked: self._checked,
            ev.StopRequested: self._stop,
            ev.RestartRequested: lambda event, now: restarting.begin(
                self, event.lease_seconds, now
            ),
            ev.Wake: self._woken,
        }

    def decide(self, event: ev.Event, now: float) -> tuple[list[Action], list[Fact]]:
        """Take in one event; returns what to do, in order, and what happened."""
        if not self.finished:
            lateness = now - self._deadline
            if lateness > self.definitions.knobs.heartbeat_interval:
                self._gap(lateness, now)
            self.idle = False
            self._handlers[type(event)](event, now)
            if not self.idle or now >= self._due:
                self._settle(now)
                self._due = max(now, self._next_due(now))
                self._deadline = max(now, min(self._due, self.rounds.deadline()))
                whole = len(self.view.members) == len(self.definitions.nodes)
                self._calm = whole and self.at_rest(now)
        return self.out.flush()

    def snapshot(self, now: float) -> dict[str, Any]:
        """JSON-able picture of what this node is, knows and holds."""
        return snapshot(self, now)

    def _woken(self, event: ev.Wake, now: float) -> None:
        self.rounds.read(min(event.read_at, now), lost=event.lost, unasked=event.unasked)

    def _started(self, event: ev.Started, now: float) -> None:
        self.started_at = self.fencing.trusted_at = now
        self.next_heartbeat = now
        self.next_announce_all = now + self.definitions.knobs.announce_period
        self.next_balance = now
        self.found = event.adoptable
        if event.adoptable:
            self.rounds.check("adopt", event.adoptable, now)
        self.listen(now)

    def _received(self, event: ev.Received, now: float) -> None:
        message = event.message
        if isinstance(message, Heartbeat):
            if hearing.hear(self, message, event.ring, now) and now > self.paused_at + 1:
                self.paused_at = now
                self.voice.clock += 1
                self._gap(self.definitions.knobs.heartbeat_interval, now)
        elif isinstance(message, Question) and message.to == self.me:
            hearing.help_taker(self, message, now)
        elif isinstance(message, Opinion) and message.to == self.me:
            self.takeover.hear(message)
        elif isinstance(message, Mediation) and message.to == self.me:
            mediation.hear(self, message, now)

    def _kernel_changed(self, event: ev.KernelChanged, now: float) -> None:
        for held in self.holdings.drop(event.gone):
            self.out.tell(FactKind.LOST, Reason.LEASE_LOST, vip=held.vip, epoch=held.epoch)
            self.dirty = self.urgent = True
        self.found = tuple(vip for vip in self.found if vip not in event.gone)

    def _ring_changed(self, event: ev.RingChanged, now: float) -> None:
        self.rings[event.ring] = event.up
        if now < self.listening_since:
            self.listen(now)

    def _link_changed(self, event: ev.LinkChanged, now: float) -> None:
        if event.up:
            self.announce_all(now)

    def _defined(self, event: ev.Defined, now: float) -> None:
        if self.revisions.offer(event.definitions, now):
            self.urgent = True

    def _stop(self, _event: ev.StopRequested, now: float) -> None:
        if self.state is not NodeState.STOPPING:
            self.stop.restart_at, self.voice.lease = math.inf, 0.0  # what was asked last counts
            self.enter(NodeState.STOPPING, Reason.STOPPING)
            moving.begin_stop(self, now)

    def _checked(self, event: ev.Checked, now: float) -> None:
        self.health.checked(event.check, event.healthy, now)
        if not event.healthy:
            self.ailments[event.check] = event.sentence

    def _diagnose(self, now: float) -> None:
        """A health check began to fail for good, or is good again."""
        failing = self.health.failing(now)
        if failing == self.unhealthy.keys():
            return
        for check in sorted(failing ^ self.unhealthy.keys()):
            fails = check in failing
            detail = (
                f"{check} fails: {self.ailments.get(check, '')}" if fails else f"{check} is good"
            )
            self.out.tell(FactKind.HEALTH, node=self.me, detail=detail)
        self.unhealthy = {check: self.ailments.get(check, "") for check in sorted(failing)}
        self.ailments = dict(self.unhealthy)
        self.dirty = self.urgent = True

    def _gap(self, lateness: float, now: float) -> None:
        """My loop, or my machine, stood still: wait before judging, and probe before renewing."""
        dead_after = self.definitions.knobs.dead_after
        self.detector.not_before = now + min(lateness, dead_after)
        if lateness > dead_after and self.state in (NodeState.READY, NodeState.DRAINING):
            self.enter(NodeState.JOINING)
            self.listen(now)
        self.takeover.restart()
        self.handoffs.clear()
        self.quiet_until = now + QUIET_SECONDS
        grace = now - self.fencing.isolated_after + GRACE_SECONDS
        self.fencing.trusted_at = max(self.fencing.trusted_at, grace)
        self.unrest.gaps.append(now)
        self.forgive(now)
        self.out.tell(FactKind.LATE, detail=f"{lateness * 1000:.0f} ms")
        if self.holdings.held and not self.resuming:
            self.resuming = True
            self.rounds.check("resume", tuple(self.holdings.held), now)

    def _settle(self, now: float) -> None:
        """Everything that time or the last event has made due."""
        if self.finished or self.started_at == math.inf:
            return
        self._judge(now)
        self._entitle(now)
        self._redefine(now)
        self._admit(now)
        self._diagnose(now)
        handoff.review(self, now)
        handoff.act(self, now)
        taking.turn_round(self, now)
        if taking.looks(self, now):
            taking.reassess(self, now)
        moving.give(self, now)
        moving.depart(self, now)
        taking.take(self, now)
        probation.supervise(self, now)
        speaking.seek(self, now)
        speaking.speak(self, now)
        restarting.step(self, now)

    def _judge(self, now: float) -> None:
        kinds = {
            Verdict.ALIVE: FactKind.ALIVE,
            Verdict.SUSPECTED: FactKind.SUSPECTED,
            Verdict.DEAD: FactKind.DEAD,
            Verdict.LEFT: FactKind.LEFT,
        }
        for peer, before in self.detector.verdicts(now):
            self.dirty = True
            if peer.verdict in kinds:
                self.out.tell(kinds[peer.verdict], node=peer.name)
            if peer.verdict is Verdict.ALIVE and before is not Verdict.SUSPECTED:
                if peer.hearsay:
                    self.takeover.restart()
                self.voice.full_left = FULL_CLAIMS_SENDS
                self.announce_all(now)
                self.urgent = True
        if self.view.update(self.voice.incarnation, self.detector, now):
            self.dirty = True
            self.moves.balancing = frozenset()
            self.out.tell(FactKind.VIEW, detail=" ".join(self.view.members))

    def _entitle(self, now: float) -> None:
        """Let go of everything without entitlement."""
        if self.stop.departing:
            return
        self.objection = self.fencing.objection(self.detector, now)
        if self.state is NodeState.STOPPING:
            if self.objection is not Reason.NONE:
                self.let_go(self.objection)
        elif self.objection is not Reason.NONE:
            self.enter(NodeState.ISOLATED, self.objection)
            self.let_go(self.objection)
        elif self.state is NodeState.ISOLATED:
            self.unrest.isolations.append(now)
            self.enter(NodeState.JOINING)
            self.listen(now)

    def _admit(self, now: float) -> None:
        """After listening long enough, be ready; draining while the definitions say so."""
        if self.state not in (NodeState.JOINING, NodeState.READY, NodeState.DRAINING):
            return
        ready_at = self.listening_since + self.definitions.knobs.start_delay
        if self.state is NodeState.JOINING and (now < ready_at or self.adopting()):
            return
        if self.enabled:
            self.enter(NodeState.READY)
        else:
            self.enter(NodeState.DRAINING, Reason.DRAINING)

    def _redefine(self, now: float) -> None:
        before = self.definitions
        definitions = self.revisions.switch(self.detector, now)
        if definitions is None:
            return
        self.out.tell(FactKind.DEFINITIONS, detail=f"r{definitions.revision}")
        self.moves.redefined = frozenset(self.revisions.moved_at(definitions.revision))
        gone = [vip for vip in self.holdings.held if vip not in definitions.vips]
        self.release(gone, Reason.UNDEFINED)
        knobs = definitions.knobs
        others = tuple(name for name in definitions.nodes if name != self.me)
        # What a peer acknowledged that is defined no longer was evidence all the same.
        self.fencing.trusted_at = self.fencing.evidence_at(self.detector)
        self.detector.redefine(others, knobs.heartbeat_interval, knobs.dead_after)
        self.view.update(self.voice.incarnation, self.detector, now)
        self.fencing.definitions = self.rounds.definitions = definitions
        self.takeover.definitions = definitions
        self.health.redefine(definitions)
        self.takeover.forget(set(before.vips) - set(definitions.vips))
        self.ownership.orphans.clear()
        self.refusals.clear()
        self.rounds.current = None
        for check in self.rounds.checks:
            check.vips = tuple(vip for vip in check.vips if vip in definitions.vips)
        gone = [vip for vip in self.found if vip not in definitions.vips]
        if gone:
            self.out.act(Release(tuple(gone)))
            self.found = tuple(vip for vip in self.found if vip in definitions.vips)
        self.rounds.checks = [check for check in self.rounds.checks if check.vips]
        self.resuming = self.rounds.waits_for("resume")
        self.dirty = self.urgent = True
        # The last look knew VIPs and nodes that may be gone: nothing is done by it any more.
        self.ownership.next_look = -math.inf
        if self.me not in definitions.nodes:
            self._stop(ev.StopRequested(), now)

    @property
    def patience(self) -> float:
        """For how long, in seconds, what arrives may wait to be read together with what follows.

        None unless every node of the definitions lives and hears me, and nothing is under way
        here. A deadline comes first in any case, and everything is read before it.
        """
        return PATIENCE_INTERVALS * self.definitions.knobs.heartbeat_interval * self._calm

    def deadline(self) -> float:
        """When to be woken at the latest, by this node's monotonic clock; infinity when never."""
        return math.inf if self.finished else self._deadline

    def _next_due(self, now: float) -> float:
        if self.finished or self.started_at == math.inf:
            return math.inf
        unclear = [p for p in self.detector.peers.values() if p.unclear]
        asks = [self.asked_at.get(p.name, -math.inf) + ASK_SECONDS for p in unclear]
        ready_at = self.listening_since + self.definitions.knobs.start_delay
        return min(
            self.next_heartbeat,
            self.detector.deadline(),
            self.fencing.expires_at(self.detector, now)
            if self.objection is Reason.NONE and not self.stop.departing
            else math.inf,
            max(self.fencing.sought_at(self.detector), self.next_seek, self.quiet_until),
            look_at if self.dirty and (look_at := self.ownership.next_look) > now else math.inf,
            max(self.takeover.deadline(), self.quiet_until),
            self.takeover.opinions.deadline(),
            self.holdings.deadline(),
            self.next_take,
            ready_at if self.state is NodeState.JOINING and not self.adopting() else math.inf,
            self.revisions.deadline(),
            probation.deadline(self),
            handoff.deadline(self),
            self.health.deadline(),
            moving.deadline(self),
            restarting.deadline(self),
            *asks,
        )
