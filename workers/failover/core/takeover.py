"""Takeover: from "this VIP has no live owner" to "it is silent, I may take it".

A candidate is taken after `probe_count` proved silent rounds and a second opinion. An answer
starts the count anew: the old owner's kernel still holds the lease, and service goes on there. Of
two takers the lower name goes first. An answer that outlives every lease is `stuck` or `foreign`.
Whether there is a live owner, and whose turn it is, the machine decides.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from workers.failover.core.actions import FactKind, Reason
from workers.failover.core.definitions import Definitions
from workers.failover.core.messages import Opinion
from workers.failover.core.opinions import Opinions
from workers.failover.core.outbox import Outbox
from workers.failover.core.rounds import Round, Rounds

BACKOFF_SECONDS = 0.2
BACKOFFS = 3
"""How long at most, and how many times in a row, the taker with the higher name waits."""
RIVAL_ROUNDS = 2.5
"""A rival that has not probed for so many rounds has given up: there is nobody to wait for."""
LEASE_SLACK_SECONDS = 1.1
"""The kernel removes an address at most this long after its lease_ttl has passed."""
OPINION_SECONDS = 0.3
"""A second opinion counts this long from its question."""
SENTINEL_GROUP = 16
"""More VIPs than this of one owner and topology are probed through one of them."""
STUCK_SECONDS = 0.5
"""How often a stuck VIP is asked for again."""


@dataclass(slots=True)
class Candidate:
    """A VIP this node means to take."""

    vip: str
    previous: str
    lease_from: float
    """When the previous owner's agent was last heard: its lease cannot have begun later."""
    reason: Reason
    silent: int = 0
    silent_at: float = -math.inf
    answered_by: str = ""
    opinion_at: float = -math.inf
    backoff_from: float = -math.inf
    backoff_until: float = -math.inf
    backoffs: int = 0
    unicast_left: int = 0
    stuck: str = ""
    next_at: float = -math.inf
    ignored: set[str] = field(default_factory=set)

    def restart(self) -> None:
        """Forget the silence counted so far."""
        self.silent = 0
        self.silent_at = self.opinion_at = -math.inf


class Takeover:
    """All candidates of a node, and the rounds and opinions that decide on them."""

    def __init__(self, me: str, definitions: Definitions, rounds: Rounds, outbox: Outbox) -> None:
        self.me = me
        self.definitions = definitions
        self.rounds = rounds
        self.outbox = outbox
        self.opinions = Opinions(me)
        self.candidates: dict[str, Candidate] = {}

    def pursue(self, vip: str, previous: str, lease_from: float, reason: Reason) -> None:
        """Mean to take `vip`; what was learned so far is kept while its past is the same."""
        candidate = self.candidates.get(vip)
        if candidate is None or candidate.previous != previous:
            self.candidates[vip] = Candidate(vip, previous, lease_from, reason)
        else:
            candidate.lease_from = max(candidate.lease_from, lease_from)
            candidate.reason = reason

    def forget(self, vips: Iterable[str]) -> None:
        """These have a live owner, or are somebody else's to take."""
        for vip in vips:
            self.candidates.pop(vip, None)

    def restart(self) -> None:
        """My own loop was late: what was silent a moment ago may not be."""
        for candidate in self.candidates.values():
            candidate.restart()

    def sighted(self, vip: str, mac: str) -> None:
        """Somebody answered for a VIP or claimed it."""
        candidate = self.candidates.get(vip)
        if candidate is not None and mac in candidate.ignored:
            return
        self.rounds.answer(vip, mac)
        if candidate is not None:
            candidate.answered_by = mac
            candidate.backoffs = 0  # nobody can take it now: no rival is to blame
            candidate.restart()

    def rivalled(self, vip: str, rival: str, now: float) -> None:
        """Another taker (name, "" if unknown) probes for a VIP of mine: lower names go first."""
        candidate = self.candidates.get(vip)
        if candidate is None or rival > self.me:
            return
        if now >= candidate.backoff_until:
            if candidate.backoffs >= BACKOFFS:
                return
            candidate.backoffs += 1
            candidate.backoff_from = now
        patience = RIVAL_ROUNDS * self.definitions.knobs.probe_interval
        latest = candidate.backoff_from + BACKOFF_SECONDS
        candidate.backoff_until = min(latest, now + patience)
        candidate.restart()

    def begin(self, now: float, ground: Collection[str]) -> bool:
        """Open the next round if anybody has something to ask."""
        due = [c for c in self.candidates.values() if now >= max(c.backoff_until, c.next_at)]
        unicast = [(c.vip, c.answered_by) for c in due if c.unicast_left]
        takers = self._sentinels([c for c in due if not c.unicast_left])
        return self.rounds.begin(now, takers, unicast, ground, self.outbox)

    def _sentinels(self, due: list[Candidate]) -> list[str]:
        groups: dict[tuple[str, str], list[Candidate]] = {}
        for candidate in due:
            cidr = self.definitions.topology_of[candidate.vip].cidr
            groups.setdefault((candidate.previous, cidr), []).append(candidate)
        asked: list[str] = []
        for group in groups.values():
            first = min(group, key=lambda c: c.vip)
            alone = len(group) > SENTINEL_GROUP and first.silent == 0 and not first.stuck
            asked += [first.vip] if alone else [c.vip for c in group]
        return asked

    def finish(self, finished: Round, heard: Mapping[str, float], now: float) -> None:
        """Count a finished round; `heard`: link address -> when its node's agent was last heard."""
        for vip in finished.asked:
            candidate = self.candidates.get(vip)
            if candidate is None or now < candidate.backoff_until:
                continue
            if vip in finished.answered:
                mac = finished.answered[vip]
                self._answered(candidate, mac, heard.get(mac, -math.inf), now)
            elif self.rounds.proved(finished, vip):
                self._silent(candidate, now)

    def _answered(self, candidate: Candidate, mac: str, heard_at: float, now: float) -> None:
        candidate.restart()
        candidate.answered_by = mac
        lease_from = max(candidate.lease_from, heard_at)
        lease_ends = lease_from + self.definitions.knobs.lease_ttl + LEASE_SLACK_SECONDS
        if now < lease_ends:
            return
        if not candidate.unicast_left and not candidate.stuck:
            candidate.unicast_left = self.definitions.knobs.probe_count
        elif candidate.stuck != mac:
            candidate.stuck, candidate.unicast_left = mac, 0
        if candidate.stuck:
            candidate.next_at = now + STUCK_SECONDS

    def _silent(self, candidate: Candidate, now: float) -> None:
        if candidate.unicast_left:
            candidate.unicast_left -= 1
            if not candidate.unicast_left:
                candidate.ignored.add(candidate.answered_by)
            return
        candidate.silent += 1
        candidate.silent_at = now
        candidate.stuck, candidate.next_at = "", -math.inf

    def report_stuck(self, known: Collection[str], told: set[str]) -> None:
        """Tell once of every VIP that is held beyond any lease, by a known node or a stranger."""
        for candidate in self.candidates.values():
            if candidate.stuck and candidate.vip not in told:
                told.add(candidate.vip)
                kind = FactKind.STUCK if candidate.stuck in known else FactKind.FOREIGN
                self.outbox.tell(
                    kind, vip=candidate.vip, node=candidate.previous, detail=candidate.stuck
                )
            elif not candidate.stuck:
                told.discard(candidate.vip)

    def confer(self, now: float, helpers: Collection[str]) -> None:
        """Seek the second opinion for all that have been silent at least once."""
        wanting = [
            c.vip
            for c in self.candidates.values()
            if c.silent and now - c.opinion_at > OPINION_SECONDS / 2 and now >= c.backoff_until
        ]
        if self.opinions.step(now, sorted(wanting), helpers, self.outbox):
            for vip in wanting:
                self.candidates[vip].opinion_at = now

    def hear(self, opinion: Opinion) -> None:
        """Take in a helper's answer."""
        asked = self.opinions.accept(opinion)
        if asked is None:
            return
        for vip in asked.vips.intersection(opinion.silent):
            if vip in self.candidates and self.candidates[vip].silent:
                self.candidates[vip].opinion_at = asked.at
        for vip in asked.vips.intersection(opinion.held):
            if vip in self.candidates:
                self.candidates[vip].restart()

    def ready(self, now: float) -> list[Candidate]:
        """Candidates that are silent, proved and agreed upon at this instant."""
        knobs = self.definitions.knobs
        return [
            c
            for c in self.candidates.values()
            if c.silent >= knobs.probe_count
            and now - c.silent_at <= 2 * knobs.probe_interval
            and now - c.opinion_at <= OPINION_SECONDS
            and now >= c.backoff_until
        ]

    def progressing(self, vip: str, now: float) -> bool:
        """I am about to take this VIP myself: its silence is proved up to now."""
        candidate = self.candidates.get(vip)
        fresh = 2 * self.definitions.knobs.probe_interval
        return candidate is not None and candidate.silent > 0 and now - candidate.silent_at <= fresh

    def deadline(self) -> float:
        """When a candidate without a round wants one."""
        if self.rounds.current is not None:
            return math.inf
        waits = [max(c.backoff_until, c.next_at) for c in self.candidates.values()]
        return -math.inf if self.rounds.checks else min(waits, default=math.inf)
