"""The failover machine of one node: `decide(event, now) -> actions, facts`.

It joins the parts (detector, view, fencing, ownership, takeover, holdings, revisions, voice) and
decides nothing that one of them can decide alone. Invariants: nothing is taken or renewed without
entitlement; a VIP is taken only after proved silence; what the kernel lists is what is claimed.
Time is the node's monotonic clock in seconds, given with every event.
"""

import math
from collections.abc import Callable
from typing import Any

from workers.failover.core import events as ev
from workers.failover.core.actions import (
    Action,
    Announce,
    Exit,
    Fact,
    FactKind,
    HandDefinitions,
    Probe,
    Probing,
    Reason,
    Release,
    Renew,
    SaveIncarnation,
    Send,
    Take,
)
from workers.failover.core.definitions import Definitions
from workers.failover.core.detector import Detector, Hearing, Peer, Verdict
from workers.failover.core.fencing import Fencing
from workers.failover.core.holdings import Held, Holdings, digest_of
from workers.failover.core.messages import Heartbeat, NodeState, Opinion, Question
from workers.failover.core.outbox import Outbox
from workers.failover.core.ownership import Ownership, why
from workers.failover.core.revisions import Revisions
from workers.failover.core.rounds import Check, Round, Rounds
from workers.failover.core.snapshot import snapshot
from workers.failover.core.takeover import LEASE_SLACK_SECONDS, Takeover
from workers.failover.core.view import View
from workers.failover.core.voice import Voice

ASK_SECONDS = 0.05
"""How often a silent peer is asked directly."""
RING_WAIT_SECONDS = 2.0
"""How long a start waits for a ring that is neither up nor failed."""
CHECK_SECONDS = 0.3
"""How long an adoption or resume waits for proved rounds."""
GRACE_SECONDS = 0.1
"""After a gap in my own loop, the time in which fresh evidence must come."""
QUIET_SECONDS = 0.01
"""After a gap, the time in which what waited in the sockets is read before anything new is asked."""
GOODBYES = 3
GOODBYE_SECONDS = 0.03
DEFEND_SECONDS = 0.05
"""A VIP is announced against foreign claims at most this often."""
STRANGER_SECONDS = 10.0
"""The same against a host that is no node."""
RETRY_SECONDS = 10.0
"""After the kernel refused a VIP, it is tried again."""
LATE_WINDOW_SECONDS = 10.0
LATE_GAPS = 3
"""So many gaps within the window make a loop chronically late."""
ORPHANS_A_TICK = 64
GROUND_PEERS = 2
"""Live peers asked for wire proof in each round, beside the witnesses."""


class Machine:
    """All of one node's failover state. Give it events; perform what it returns."""

    def __init__(
        self, me: str, definitions: Definitions, incarnation: int, macs: tuple[str, ...]
    ) -> None:
        self.me = me
        self.state = NodeState.JOINING
        self.finished = False
        self.out = Outbox()
        self.revisions = Revisions(definitions)
        others = tuple(name for name in definitions.nodes if name != me)
        knobs = definitions.knobs
        self.detector = Detector(others, knobs.heartbeat_interval, knobs.dead_after)
        self.view = View(me)
        self.fencing = Fencing(me, definitions)
        self.ownership = Ownership()
        self.rounds = Rounds(definitions)
        self.takeover = Takeover(me, definitions, self.rounds, self.out)
        self.holdings = Holdings()
        self.voice = Voice(me, incarnation, macs)
        self.rings: dict[ev.Ring, bool] = {}
        self.objection = Reason.NONE
        self.listening_since = math.inf
        self.started_at = math.inf
        self.resuming = False
        self.cannot: dict[str, float] = {}
        self.taking: dict[str, Held] = {}
        self.gaps: list[float] = []
        self.next_heartbeat = math.inf
        self.next_seek = -math.inf
        self.next_balance = math.inf
        self.quiet_until = -math.inf
        """After a gap: no new question before the old answers were read."""
        self.next_announce_all = math.inf
        self.goodbyes_left = 0
        self.dirty = True
        self.urgent = False
        self._told_stuck: set[str] = set()
        self._asked_at: dict[str, float] = {}
        self._seen: dict[str, tuple[object, ...]] = {}
        self._paused_at = -math.inf
        self._expected = math.inf
        self._now = -math.inf
        self._handlers: dict[type, Callable[[Any, float], None]] = {
            ev.Started: self._started,
            ev.Received: self._received,
            ev.Sighting: self._sighted,
            ev.Taken: self._taken,
            ev.KernelChanged: self._kernel_changed,
            ev.RingChanged: self._ring_changed,
            ev.LinkChanged: self._link_changed,
            ev.Defined: self._defined,
            ev.StopRequested: self._stop,
            ev.Wake: lambda _event, _now: None,
        }

    @property
    def definitions(self) -> Definitions:
        """The definitions acted on."""
        return self.revisions.acted

    @property
    def late(self) -> bool:
        """My own loop is chronically late."""
        return len(self.gaps) >= LATE_GAPS

    def decide(self, event: ev.Event, now: float) -> tuple[list[Action], list[Fact]]:
        """Take in one event; returns what to do, in order, and what happened."""
        self._now = now
        if not self.finished:
            lateness = now - self._expected
            if lateness > self.definitions.knobs.heartbeat_interval:
                self._gap(lateness, now)
            self._handlers[type(event)](event, now)
            self._settle(now)
            self._expected = max(self.deadline(), now)
        return self.out.flush()

    def snapshot(self, now: float) -> dict[str, Any]:
        """JSON-able picture of what this node is, knows and holds."""
        return snapshot(self, now)

    # ---- events -------------------------------------------------------------------------------

    def _started(self, event: ev.Started, now: float) -> None:
        self.started_at = self.fencing.trusted_at = now
        self.next_heartbeat = now
        self.next_announce_all = now + self.definitions.knobs.announce_period
        self.next_balance = now
        if event.adoptable:
            self.rounds.checks.append(Check("adopt", event.adoptable, 1, until=now + CHECK_SECONDS))
        self._listen(now)

    def _received(self, event: ev.Received, now: float) -> None:
        message = event.message
        if isinstance(message, Heartbeat):
            self._heard(message, event.ring, now)
        elif isinstance(message, Question) and message.to == self.me:
            self._questioned(message, now)
        elif isinstance(message, Opinion) and message.to == self.me:
            self.takeover.hear(message)

    def _heard(self, heartbeat: Heartbeat, ring: ev.Ring, now: float) -> None:
        if heartbeat.node == self.me:
            if heartbeat.incarnation > self.voice.incarnation:
                self._exit(Reason.SUPERSEDED)
            return
        if heartbeat.node not in self.detector.peers:
            return
        hearing, paused = self.detector.hear(heartbeat, now)
        if paused and now > self._paused_at + 1:
            self._paused_at = now
            self.voice.clock += 1
            self._gap(self.definitions.knobs.heartbeat_interval, now)
        peer = self.detector.peers[heartbeat.node]
        if hearing is Hearing.OLD_INCARNATION:
            self._ask(peer, now, asks=False)
        if hearing is not Hearing.NEW:
            return
        self._note_hearers(heartbeat, peer)
        if heartbeat.claims is not None:
            self.ownership.note(peer.name, peer.claims)
        elif digest_of(peer.claims) != heartbeat.digest:
            self._ask(peer, now)
        self._contend(peer, now)
        self.dirty = self.dirty or self._news(peer)
        if heartbeat.asks:
            on_a = ring is ev.Ring.A
            self._say(now, to=(peer.name,), ring_a=on_a, full=True)
        if self.revisions.hand(peer.name, heartbeat.known_revision, now):
            self.out.act(HandDefinitions(peer.name))

    def _news(self, peer: Peer) -> bool:
        """Whether a heartbeat may change who owns or should own something."""
        seen = (peer.incarnation, peer.state, peer.known_revision, peer.digest, peer.cannot, peer.late)
        fresh = seen != self._seen.get(peer.name)
        self._seen[peer.name] = seen
        return fresh or peer.verdict is not Verdict.ALIVE

    def _note_hearers(self, heartbeat: Heartbeat, peer: Peer) -> None:
        """The peer's list says which of my heartbeats it has heard."""
        for heard in heartbeat.heard:
            if heard.node != self.me:
                continue
            if heard.incarnation > self.voice.incarnation:
                self._outlived(heard.incarnation)
                return
            sent_at = self.voice.sent_at(heard.incarnation, heard.sequence)
            if sent_at is not None:
                peer.hears_me_at = max(peer.hears_me_at, sent_at)

    def _outlived(self, incarnation: int) -> None:
        """Others know a higher incarnation of me: jump above it, or give way if I already act."""
        if self.state is not NodeState.JOINING:
            self._exit(Reason.SUPERSEDED)
            return
        self.voice.reincarnate(incarnation + 1)
        self.out.act(SaveIncarnation(incarnation + 1))
        self.urgent = True

    def _contend(self, peer: Peer, now: float) -> None:
        """A live peer claims what I hold: the lower claim lets go, the higher says so."""
        lost = []
        for vip in peer.claims.keys() & self.holdings.held.keys():
            epoch = peer.claims[vip]
            if self.holdings.loses(vip, epoch, peer.name, self.me):
                lost.append(vip)
            elif now - self.holdings.held[vip].announced_at >= DEFEND_SECONDS:
                self.holdings.held[vip].announced_at = now
                self.out.tell(FactKind.CONFLICT, Reason.CONFLICT, vip=vip, node=peer.name)
                self.holdings.announce((vip,), self.definitions.knobs.announce_count, now)
                self.urgent = True
        if lost:
            self._release(sorted(lost), Reason.CONFLICT, node=peer.name)

    def _questioned(self, question: Question, now: float) -> None:
        """Help a taker: probe, unless I know that the VIP has a live owner."""
        known = [
            vip
            for vip in question.vips
            if vip in self.holdings.held or self._alive_owner(vip, but=question.node)
        ]
        vips = tuple(v for v in question.vips if v not in known and v in self.definitions.topology_of)
        if known or not vips:
            self._opine(question.node, question.number, silent=(), held=tuple(known), proved=True)
        if vips and not any(c.asker == question.node for c in self.rounds.checks):
            check = Check("question", vips, 2, question.node, question.number, now + CHECK_SECONDS)
            self.rounds.checks.append(check)

    def _alive_owner(self, vip: str, but: str) -> bool:
        owner = self.ownership.owners.get(vip)
        if owner is None or owner[1] in (but, self.me):
            return False
        return self.detector.peers[owner[1]].verdict is Verdict.ALIVE

    def _opine(
        self, to: str, number: int, *, silent: tuple[str, ...], held: tuple[str, ...], proved: bool
    ) -> None:
        opinion = Opinion(
            node=self.me, to=to, number=number, silent=silent, held=held, proved=proved
        )
        self.out.act(Send(opinion, (to,)))

    def _sighted(self, event: ev.Sighting, now: float) -> None:
        vip = event.address
        if event.seen is ev.Seen.PROBE:
            rival = self.detector.by_mac(event.mac)
            self.takeover.rivalled(vip, rival.name if rival else "", now)
            return
        if vip in self.definitions.ground:
            if event.seen is ev.Seen.ANSWER:
                self.rounds.answer(vip, event.mac)
                if vip in self.definitions.witnesses:
                    self.fencing.witness_answered()
            return
        if vip in self.ownership.orphans:
            self.ownership.orphans[vip].silent_since = now
        self.takeover.sighted(vip, event.mac)
        if vip in self.holdings.held:
            self._disputed(vip, event.mac, now)

    def _disputed(self, vip: str, mac: str, now: float) -> None:
        """A foreign host answers for, or claims, what I hold."""
        held = self.holdings.held[vip]
        peer = self.detector.by_mac(mac)
        if peer is not None and peer.verdict is Verdict.ALIVE:
            self._ask(peer, now)
            if vip not in peer.claims and now - held.announced_at >= DEFEND_SECONDS:
                self._defend(held, now)
        elif held.probation_until > now:
            self._release([vip], Reason.PROBATION, node=peer.name if peer else "", detail=mac)
        elif now - held.defended_at >= STRANGER_SECONDS:
            held.defended_at = now
            self.out.tell(FactKind.FOREIGN, vip=vip, node=peer.name if peer else "", detail=mac)
            self._defend(held, now)

    def _defend(self, held: Held, now: float) -> None:
        held.announced_at = now
        self.out.act(Announce((held.vip,)))

    def _taken(self, event: ev.Taken, now: float) -> None:
        for vip in event.added:
            held = self.taking[vip]
            held.since = now
            self.holdings.add(held)
            self.ownership.note(self.me, {vip: held.epoch})
            self.out.tell(
                FactKind.TAKEN, held.reason, vip=vip, node=held.previous, epoch=held.epoch
            )
        for vip, sentence in event.failed:
            self.cannot[vip] = now + RETRY_SECONDS
            self.out.tell(FactKind.FAILED, Reason.KERNEL_REFUSED, vip=vip, detail=sentence)
        if event.added:
            self.out.act(Announce(event.added))
            self.holdings.announce(event.added, self.definitions.knobs.announce_count, now)
        if event.stale:
            self.takeover.restart()
        self.taking.clear()
        self.dirty = self.urgent = True

    def _kernel_changed(self, event: ev.KernelChanged, now: float) -> None:
        for held in self.holdings.drop(event.gone):
            self.out.tell(FactKind.LOST, Reason.LEASE_LOST, vip=held.vip, epoch=held.epoch)
            self.dirty = self.urgent = True
        strange = tuple(vip for vip in event.appeared if vip not in self.holdings.held)
        if strange:
            self.out.act(Release(strange))

    def _ring_changed(self, event: ev.RingChanged, now: float) -> None:
        self.rings[event.ring] = event.up
        if now < self.listening_since:
            self._listen(now)

    def _link_changed(self, event: ev.LinkChanged, now: float) -> None:
        if event.up:
            self._announce_all(now)

    def _defined(self, event: ev.Defined, now: float) -> None:
        if self.revisions.offer(event.definitions, now):
            self.urgent = True

    def _stop(self, _event: ev.StopRequested, now: float) -> None:
        if self.state is not NodeState.STOPPING:
            self._enter(NodeState.STOPPING, Reason.STOPPING)
            self._release(list(self.holdings.held), Reason.STOPPING)
            self.takeover.forget(list(self.takeover.candidates))
            self.goodbyes_left = GOODBYES
            self.next_heartbeat = now

    # ---- the state of the whole ---------------------------------------------------------------

    def _gap(self, lateness: float, now: float) -> None:
        """My loop, or my machine, stood still: wait before judging, and probe before renewing."""
        self.detector.not_before = now + min(lateness, 1.0)
        self.takeover.restart()
        self.quiet_until = now + QUIET_SECONDS
        grace = now - self.fencing.isolated_after + GRACE_SECONDS
        self.fencing.trusted_at = max(self.fencing.trusted_at, grace)
        self.gaps = [at for at in self.gaps if now - at < LATE_WINDOW_SECONDS] + [now]
        self.out.tell(FactKind.LATE, detail=f"{lateness * 1000:.0f} ms")
        if self.holdings.held and not self.resuming:
            self.resuming = True
            vips = tuple(self.holdings.held)
            self.rounds.checks.append(Check("resume", vips, 1, until=now + CHECK_SECONDS))

    def _listen(self, now: float) -> None:
        """Start delay runs from here: both rings are bound, or known to have failed."""
        known = len(self.rings) == len(ev.Ring)
        self.listening_since = now if known else max(now, self.started_at + RING_WAIT_SECONDS)

    def _enter(self, state: NodeState, reason: Reason = Reason.NONE) -> None:
        if state is not self.state:
            self.state = state
            self.dirty = self.urgent = True
            self.out.tell(FactKind.STATE, reason, node=self.me, detail=state.value)

    def _settle(self, now: float) -> None:
        """Everything that time or the last event has made due."""
        if self.finished or self.started_at == math.inf:
            return
        self._judge(now)
        self._entitle(now)
        self._redefine(now)
        self._turn_round(now)
        if self.dirty:
            self._reassess(now)
        self._take(now)
        self._seek(now)
        self._speak(now)

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
                self._announce_all(now)
        if self.view.update(self.voice.incarnation, self.detector, now):
            self.dirty = True
            self.out.tell(FactKind.VIEW, detail=" ".join(self.view.members))

    def _entitle(self, now: float) -> None:
        """Let go of everything without entitlement; become ready when listened long enough."""
        if self.state is NodeState.STOPPING:
            return
        self.objection = self.fencing.objection(self.detector, now)
        if self.objection is not Reason.NONE:
            self._enter(NodeState.ISOLATED, self.objection)
            self._release(list(self.holdings.held), self.objection)
            self.rounds.checks = [c for c in self.rounds.checks if c.purpose == "question"]
            self.resuming = False
        elif self.state is NodeState.ISOLATED:
            self._enter(NodeState.JOINING)
            self._listen(now)
        ready_at = self.listening_since + self.definitions.knobs.start_delay
        if self.state is NodeState.JOINING and now >= ready_at and not self._adopting():
            self._enter(NodeState.READY)

    def _adopting(self) -> bool:
        return any(check.purpose == "adopt" for check in self.rounds.checks)

    def _redefine(self, now: float) -> None:
        before = self.definitions
        definitions = self.revisions.switch(self.detector, now)
        if definitions is None:
            return
        self.out.tell(FactKind.DEFINITIONS, detail=f"r{definitions.revision}")
        gone = [vip for vip in self.holdings.held if vip not in definitions.vips]
        self._release(gone, Reason.UNDEFINED)
        knobs = definitions.knobs
        others = tuple(name for name in definitions.nodes if name != self.me)
        self.detector.redefine(others, knobs.heartbeat_interval, knobs.dead_after)
        self.fencing.definitions = self.rounds.definitions = definitions
        self.takeover.definitions = definitions
        self.takeover.forget(set(before.vips) - set(definitions.vips))
        self.ownership.orphans.clear()
        self.cannot.clear()
        self.rounds.current = None
        self.rounds.checks = [
            c for c in self.rounds.checks if set(c.vips) <= definitions.topology_of.keys()
        ]
        self.dirty = self.urgent = True
        if self.me not in definitions.nodes:
            self._stop(ev.StopRequested(), now)

    # ---- taking -------------------------------------------------------------------------------

    def _turn_round(self, now: float) -> None:
        """Close the round that is over, open the next one while somebody has something to ask."""
        if now >= self.rounds.deadline():
            finished, done = self.rounds.finish(now)
            self.takeover.finish(finished, now)
            self.takeover.report_stuck(self._node_macs(), self._told_stuck)
            for check in done:
                self._checked(check, finished, now)
        due = max(self.takeover.deadline(), self.quiet_until)
        if self.rounds.current is None and now >= due:
            self.fencing.witness_asked_at = now
            self.takeover.begin(now, self._ground())

    def _ground(self) -> list[str]:
        """Whom to ask for wire proof: the witnesses, and a few live peers."""
        peers = sorted(p.name for p in self.detector.peers.values() if p.verdict is Verdict.ALIVE)
        addresses = [self.definitions.nodes[name].address for name in peers[:GROUND_PEERS]]
        return [*self.definitions.witnesses, *addresses]

    def _node_macs(self) -> set[str]:
        return {mac for peer in self.detector.peers.values() for mac in peer.macs}

    def _checked(self, check: Check, _finished: Round, now: float) -> None:
        answered = tuple(vip for vip in check.vips if vip in check.answered)
        silent = tuple(vip for vip in check.vips if vip not in check.answered)
        if check.purpose == "question":
            self._opine(
                check.asker, check.number, silent=silent, held=answered, proved=check.proved
            )
        elif check.purpose == "resume":
            self.resuming = False
            self._release(list(answered), Reason.CONFLICT)
            self._renew(now)
        else:
            self._adopt(silent, answered, now)

    def _adopt(self, silent: tuple[str, ...], answered: tuple[str, ...], now: float) -> None:
        if answered:
            self.out.act(Release(answered))
        for vip in silent:
            epoch = self.ownership.epochs.get(vip, 0)
            self.holdings.add(Held(vip, epoch, now, Reason.ADOPTED))
            self.out.tell(FactKind.ADOPTED, Reason.ADOPTED, vip=vip, epoch=epoch)
        self.dirty = self.urgent = True
        self._renew(now)

    def _eligible(self, now: float) -> dict[str, int]:
        """Nodes that may be heirs, with their weights; the chronically late only if no other is."""
        names = {
            p.name: p.late
            for p in self.detector.peers.values()
            if p.verdict is Verdict.ALIVE
            and p.state is NodeState.READY
            and self.view.member(p, self.detector, now)
        }
        if self.state is NodeState.READY:
            names[self.me] = self.late
        prompt = {name for name, late in names.items() if not late} or set(names)
        return {name: self.definitions.nodes[name].weight for name in prompt}

    def _reassess(self, now: float) -> None:
        """Who owns what, who should, and so: what do I mean to take?"""
        self.dirty = False
        ownership = self.ownership
        ownership.collect(self.me, self.holdings, self.detector)
        self.cannot = {vip: until for vip, until in self.cannot.items() if until > now}
        barred = self.revisions.barred(self.detector)
        for peer in self.detector.peers.values():
            for vip in peer.cannot:
                barred.setdefault(vip, set()).add(peer.name)
        for vip in self.cannot:
            barred.setdefault(vip, set()).add(self.me)
        weights = self._eligible(now)
        ownership.aim(weights, self.definitions, barred)
        rank = ownership.rank(self.me, weights)
        for vip in self.definitions.vips:
            self._place(vip, rank, now, mine=self.me in weights and self.me not in barred.get(vip, ()))

    def _place(self, vip: str, rank: int, now: float, *, mine: bool) -> None:
        """Pursue, watch or leave one VIP."""
        ownership = self.ownership
        owner = ownership.owners.get(vip)
        if owner is not None and (
            owner[1] == self.me or self.detector.peers[owner[1]].verdict is Verdict.ALIVE
        ):
            self.takeover.forget((vip,))
            ownership.orphans.pop(vip, None)
            return
        if owner is None:
            ownership.watch(vip, now)
        overdue = ownership.overdue(vip, rank, now)
        if not mine or not (ownership.targets.get(vip) == self.me or overdue):
            self.takeover.forget((vip,))
            return
        previous = ownership.last_owner.get(vip, "")
        peer = self.detector.peers.get(previous)
        reason = Reason.HEIR_IDLE if overdue and ownership.targets.get(vip) != self.me else why(peer)
        heard_at = peer.heard_at if peer and peer.heard_at > -math.inf else self.started_at
        self.takeover.pursue(vip, previous, heard_at, reason)

    def _take(self, now: float) -> None:
        """Confer about what is silent, and take what is ready."""
        if self.state is not NodeState.READY or self.resuming:
            self.takeover.opinions.asked = None
            return
        self.takeover.confer(now, self._helpers())
        ready = [c for c in self.takeover.ready(now) if c.vip not in self.ownership.owners]
        if not ready or self.taking:
            return
        knobs = self.definitions.knobs
        for candidate in ready:
            peer = self.detector.peers.get(candidate.previous)
            released = peer is not None and peer.live and peer.state is not NodeState.JOINING
            goodbye = candidate.reason is Reason.OWNER_LEFT or released
            probation = now + knobs.lease_ttl + LEASE_SLACK_SECONDS
            reason = candidate.reason
            if reason is Reason.OWNER_DIED and peer and now - peer.heard_at > knobs.lease_ttl:
                reason = Reason.LEASE_ENDED
            self.taking[candidate.vip] = Held(
                candidate.vip,
                self.ownership.next_epoch(candidate.vip),
                now,
                reason,
                candidate.previous,
                0.0 if goodbye else probation,
            )
        self.takeover.forget(list(self.taking))
        self.out.act(Take(tuple(self.taking), now))

    def _helpers(self) -> list[str]:
        states = (NodeState.READY, NodeState.JOINING, NodeState.DRAINING)
        return [
            p.name
            for p in self.detector.peers.values()
            if p.verdict is Verdict.ALIVE and p.state in states and p.name in self.view.members
        ]

    # ---- holding ------------------------------------------------------------------------------

    def _release(self, vips: list[str], reason: Reason, *, node: str = "", detail: str = "") -> None:
        dropped = self.holdings.drop(vips)
        if not dropped:
            return
        self.out.act(Release(tuple(held.vip for held in dropped)))
        for held in dropped:
            self.out.tell(
                FactKind.RELEASED, reason, vip=held.vip, node=node, epoch=held.epoch, detail=detail
            )
        self.dirty = self.urgent = True

    def _renew(self, now: float) -> None:
        if self.holdings.held and not self.resuming and self.objection is Reason.NONE:
            self.out.act(Renew(tuple(self.holdings.held), now))

    def _announce_all(self, now: float) -> None:
        self.holdings.announce(self.holdings.held, self.definitions.knobs.announce_count, now)

    def _balance(self, now: float) -> None:
        """Release what the assignment gives to another, in an agreed and mature view only."""
        knobs = self.definitions.knobs
        if self.dirty or self.ownership.orphans or self.state is not NodeState.READY:
            return
        if now < self.next_balance:
            return
        if not self.view.mature(self.detector, knobs.view_mature_time, now):
            return
        targets = self.ownership.targets
        surplus = [vip for vip in sorted(self.holdings.held) if targets.get(vip, self.me) != self.me]
        if surplus:
            self.next_balance = now + knobs.balance_interval
            self._release(surplus[: knobs.balance_set_size], Reason.BALANCE)

    # ---- speaking -----------------------------------------------------------------------------

    def _seek(self, now: float) -> None:
        """Ask suspects, and everybody while evidence is getting old."""
        suspects = [p for p in self.detector.peers.values() if p.verdict is Verdict.SUSPECTED]
        for peer in suspects:
            self._ask(peer, now)
        if now >= max(self.fencing.sought_at(self.detector), self.next_seek, self.quiet_until):
            isolated = self.state is NodeState.ISOLATED
            knobs = self.definitions.knobs
            self.next_seek = now + (knobs.heartbeat_interval if isolated else knobs.probe_interval)
            if self.definitions.witnesses:
                self.fencing.witness_asked_at = now
                self.out.act(Probe(self.definitions.witnesses, Probing.CHECK))
            for peer in self.detector.peers.values():
                if peer.live:
                    self._ask(peer, now)

    def _ask(self, peer: Peer, now: float, *, asks: bool = True) -> None:
        if now >= self._asked_at.get(peer.name, -math.inf) + ASK_SECONDS:
            self._asked_at[peer.name] = now
            self._say(now, to=(peer.name,), ring_a=False, asks=asks)

    def _speak(self, now: float) -> None:
        """Announce, and send the heartbeat that is due or urgent."""
        vips = self.holdings.due(now)
        if vips:
            for vip in vips:
                self.holdings.held[vip].announced_at = now
            self.out.act(Announce(vips))
        if now >= self.next_announce_all:
            self.next_announce_all = now + self.definitions.knobs.announce_period
            self.out.act(Announce(tuple(self.holdings.held)))
        due = now >= self.next_heartbeat
        if due:
            self._tick(now)
        if due or self.urgent:
            self.urgent = False
            self._say(now)
        if due and self.state is NodeState.STOPPING:
            self._leave(now)

    def _tick(self, now: float) -> None:
        """Once per heartbeat interval: renew before speaking, probe, watch orphans, balance."""
        self.next_heartbeat = now + self.definitions.knobs.heartbeat_interval
        self.gaps = [at for at in self.gaps if now - at < LATE_WINDOW_SECONDS]
        self._renew(now)
        watched = self.holdings.on_probation(now)
        orphans = self.ownership.orphans.keys() - self.takeover.candidates.keys()
        if watched or orphans:
            self.dirty = self.dirty or bool(orphans)
            checked = (*watched, *sorted(orphans)[:ORPHANS_A_TICK])
            self.out.act(Probe(checked, Probing.CHECK))
        self._balance(now)

    def _leave(self, now: float) -> None:
        self.goodbyes_left -= 1
        self.next_heartbeat = now + GOODBYE_SECONDS
        if self.goodbyes_left <= 0:
            self._exit(Reason.STOPPING)

    def _exit(self, reason: Reason) -> None:
        self.finished = True
        self.out.tell(FactKind.STATE, reason, node=self.me, detail="exited")
        self.out.act(Exit(reason.value))

    def _say(
        self,
        now: float,
        *,
        to: tuple[str, ...] = (),
        ring_a: bool = True,
        asks: bool = False,
        full: bool = False,
    ) -> None:
        heartbeat = self.voice.heartbeat(
            now,
            state=self.state,
            revisions=(self.definitions.revision, self.revisions.known),
            view=self.view.hash,
            detector=self.detector,
            holdings=self.holdings,
            cannot=tuple(sorted(self.cannot)),
            late=self.late,
            asks=asks,
            full=full,
        )
        self.out.act(Send(heartbeat, to, ring_a=ring_a))

    def deadline(self) -> float:
        """When to be woken at the latest, by this node's monotonic clock; infinity when never."""
        if self.finished or self.started_at == math.inf:
            return math.inf
        suspects = [p for p in self.detector.peers.values() if p.verdict is Verdict.SUSPECTED]
        asks = [self._asked_at.get(p.name, -math.inf) + ASK_SECONDS for p in suspects]
        ready_at = self.listening_since + self.definitions.knobs.start_delay
        now = self._now
        return min(
            self.next_heartbeat,
            self.detector.deadline(),
            self.fencing.expires_at(self.detector, now) if self.objection is Reason.NONE else math.inf,
            max(self.fencing.sought_at(self.detector), self.next_seek, self.quiet_until),
            self.rounds.deadline(),
            max(self.takeover.deadline(), self.quiet_until),
            self.takeover.opinions.deadline(),
            self.holdings.announcements[0][0] if self.holdings.announcements else math.inf,
            ready_at if self.state is NodeState.JOINING and not self._adopting() else math.inf,
            self.revisions.deadline(),
            *asks,
        )
