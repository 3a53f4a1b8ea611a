"""Takeover: from "this VIP has no live owner" to "it is silent, I may take it".

A candidate is taken after `probe_count` proved silent rounds and a second opinion. An answer
starts the count anew: the old owner's kernel still holds the lease, and service goes on there. Of
two takers the lower name goes first. An answer that outlives every lease is `stuck` or `foreign`.
Whether there is a live owner, and whose turn it is, the machine decides.
"""

import math
from collections.abc import Collection, Iterable, Mapping

from workers.failover.core.actions import FactKind, Reason
from workers.failover.core.definitions import Definitions
from workers.failover.core.messages import Opinion
from workers.failover.core.opinions import Opinions, opinion_seconds
from workers.failover.core.outbox import Outbox
from workers.failover.core.rounds import ROUND_VIPS, Round, Rounds
from workers.failover.core.sentinels import Candidate, Sentinels

BACKOFF_SECONDS = 0.2
BACKOFFS = 3
"""How long at most, and how many times in a row, the taker with the higher name waits."""
RIVAL_ROUNDS = 2.5
"""A rival that has not probed for so many rounds has given up: there is nobody to wait for."""
LEASE_SLACK_SECONDS = 1.1
"""The kernel removes an address at most this long after its lease_ttl has passed."""
STUCK_SECONDS = 0.5
"""How often a stuck VIP is asked for again."""


class Takeover:
    """All candidates of a node, and the rounds and opinions that decide on them."""

    def __init__(self, me: str, definitions: Definitions, rounds: Rounds, outbox: Outbox) -> None:
        self.me = me
        self.definitions = definitions
        self.rounds = rounds
        self.outbox = outbox
        self.opinions = Opinions(me)
        self.candidates: dict[str, Candidate] = {}
        self._sentinels = Sentinels()
        self._counted: dict[str, Candidate] = {}
        """Those with silence counted: asked for in every round, first of all."""
        self._doubted: dict[str, Candidate] = {}
        """Those that somebody answers for beyond any lease."""

    def pursue(
        self, vip: str, previous: str, lease_from: float, reason: Reason, lease: float = 0.0
    ) -> None:
        """Mean to take `vip`; what was learned so far is kept while its past is the same.

        `lease`: seconds the previous owner's kernel keeps it, when that is longer than usual.
        """
        candidate = self.candidates.get(vip)
        if candidate is not None and candidate.previous == previous:
            candidate.lease_from = max(candidate.lease_from, lease_from)
            candidate.reason = reason
            candidate.lease = lease
            return
        if candidate is not None:
            self.forget((vip,))
        cidr = self.definitions.topology_of[vip].cidr
        self._add(Candidate(vip, previous, lease_from, reason, cidr, lease))

    def _add(self, candidate: Candidate) -> None:
        self.candidates[candidate.vip] = candidate
        self._sentinels.add(candidate)
        if candidate.silent:
            self._counted[candidate.vip] = candidate
            self._sentinels.open(candidate)

    def forget(self, vips: Iterable[str]) -> list[Candidate]:
        """These have a live owner, or are somebody else's to take; returns those that were mine."""
        forgotten = [self.candidates.pop(vip) for vip in vips if vip in self.candidates]
        for candidate in forgotten:
            self._sentinels.remove(candidate)
            self._counted.pop(candidate.vip, None)
            self._doubted.pop(candidate.vip, None)
        return forgotten

    def resume(self, candidates: Iterable[Candidate]) -> None:
        """Mean to take these after all, with the silence that was counted."""
        for candidate in candidates:
            if candidate.vip not in self.candidates:
                self._add(candidate)

    def restart(self) -> None:
        """My own loop was late: what was silent a moment ago may not be."""
        for candidate in tuple(self._counted.values()):
            self._forget_silence(candidate)
        self._sentinels.close()

    def _forget_silence(self, candidate: Candidate) -> None:
        candidate.silent = 0
        candidate.silent_at = candidate.opinion_at = -math.inf
        self._counted.pop(candidate.vip, None)

    def sighted(self, vip: str, mac: str, now: float) -> None:
        """Somebody answered for a VIP or claimed it."""
        candidate = self.candidates.get(vip)
        if candidate is not None and mac in candidate.ignored:
            return
        self.rounds.answer(vip, mac)
        if candidate is not None:
            candidate.answered_by, candidate.answered_at = mac, now
            candidate.backoffs = 0  # nobody can take it now: no rival is to blame
            self._forget_silence(candidate)
            self._sentinels.answered(candidate)

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
        self._forget_silence(candidate)

    def begin(self, now: float, ground: Collection[str]) -> bool:
        """Open the next round if anybody has something to ask."""
        doubted = [c for c in self._doubted.values() if c.unicast_left and now >= c.due_at]
        asked = [(c.vip, c.answered_by) for c in doubted[:ROUND_VIPS]]
        takers = [c.vip for c in self._counted.values() if now >= c.due_at][:ROUND_VIPS]
        room = ROUND_VIPS - len(asked) - len(takers)
        if room > 0:
            fresh = self._sentinels.choose(
                room, lambda c: not c.silent and not c.unicast_left and now >= c.due_at
            )
            takers += [candidate.vip for candidate in fresh]
        return self.rounds.begin(now, takers, asked, ground, self.outbox)

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
                self.fell_silent(candidate, now)

    def _answered(self, candidate: Candidate, mac: str, heard_at: float, now: float) -> None:
        self._forget_silence(candidate)
        self._sentinels.answered(candidate)
        candidate.answered_by = mac
        lease_from = max(candidate.lease_from, heard_at)
        lease = max(candidate.lease, self.definitions.knobs.lease_ttl)
        lease_ends = lease_from + lease + LEASE_SLACK_SECONDS
        if now < lease_ends:
            return
        self._doubted[candidate.vip] = candidate
        if not candidate.unicast_left and not candidate.stuck:
            candidate.unicast_left = self.definitions.knobs.probe_count
        elif candidate.stuck != mac:
            candidate.stuck, candidate.unicast_left = mac, 0
        if candidate.stuck:
            candidate.next_at = now + STUCK_SECONDS
            self._sentinels.open(candidate)

    def fell_silent(self, candidate: Candidate, now: float) -> None:
        """A proved round went by without an answer."""
        if candidate.unicast_left:
            candidate.unicast_left -= 1
            if not candidate.unicast_left:
                candidate.ignored.add(candidate.answered_by)
            return
        candidate.silent += 1
        candidate.silent_at = now
        candidate.stuck, candidate.next_at = "", -math.inf
        self._counted[candidate.vip] = candidate
        self._doubted.pop(candidate.vip, None)
        self._sentinels.open(candidate)

    def report_stuck(self, known: Collection[str], told: set[str]) -> None:
        """Tell once of every VIP that is held beyond any lease, by a known node or a stranger."""
        for candidate in self._doubted.values():
            if candidate.stuck and candidate.vip not in told:
                told.add(candidate.vip)
                kind = FactKind.STUCK if candidate.stuck in known else FactKind.FOREIGN
                self.outbox.tell(
                    kind, vip=candidate.vip, node=candidate.previous, detail=candidate.stuck
                )
        for vip in tuple(told):
            if vip in self.candidates and not self.candidates[vip].stuck:
                told.discard(vip)

    def confer(self, now: float, helpers: Collection[str], *, waives: bool) -> None:
        """Seek the second opinion for all that have been silent at least once.

        `waives`: it does without one where nobody gives it.
        """
        interval = self.definitions.knobs.probe_interval
        old = opinion_seconds(interval) / 2
        wanting = [
            c.vip
            for c in self._counted.values()
            if now - c.opinion_at > old and now >= c.backoff_until
        ]
        if self.opinions.step(now, wanting, helpers, interval, self.outbox) and waives:
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
                self._forget_silence(self.candidates[vip])

    def ready(self, now: float) -> list[Candidate]:
        """Candidates that are silent, proved and agreed upon at this instant."""
        knobs = self.definitions.knobs
        fresh = opinion_seconds(knobs.probe_interval)
        return [
            c
            for c in self._counted.values()
            if c.silent >= knobs.probe_count
            and now - c.silent_at <= 2 * knobs.probe_interval
            and now - c.opinion_at <= fresh
            and now >= c.backoff_until
        ]

    def progressing(self, vip: str, now: float) -> bool:
        """I am about to take this VIP myself: its silence is proved up to now."""
        candidate = self.candidates.get(vip)
        if candidate is None or not candidate.silent:
            return False
        return now - candidate.silent_at <= 2 * self.definitions.knobs.probe_interval

    def deadline(self) -> float:
        """When a candidate without a round wants one."""
        if self.rounds.current is not None:
            return math.inf
        if self.rounds.checks:
            return -math.inf
        soonest = math.inf
        for candidate in self.candidates.values():
            soonest = min(soonest, candidate.due_at)
            if soonest == -math.inf:
                break
        return soonest
