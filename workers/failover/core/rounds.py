"""Rounds on the wire: ask for a set of addresses, wait one `probe_interval`, see who answered.

Every round also asks a witness and a live peer; only an answer of one of them *in this very round*
makes silence mean something (wire proof). What silence is good for is decided by the callers.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from workers.failover.core.actions import Probe, Probing
from workers.failover.core.definitions import Definitions
from workers.failover.core.outbox import Outbox

CHECK_SECONDS = 0.3
"""How long a check waits for proved rounds."""
ROUND_VIPS = 1024
"""VIPs asked for in one round; more are asked for in pieces, one after another."""


@dataclass(slots=True)
class Check:
    """Ordinary requests for `vips` over a few rounds, for a purpose of the machine's."""

    purpose: str
    vips: tuple[str, ...]
    rounds: int
    asker: str = ""
    number: int = 0
    until: float = 0.0
    """Give up waiting for proved rounds at this instant."""
    answered: dict[str, str] = field(default_factory=dict)
    proved: bool = False


@dataclass(slots=True)
class Round:
    """One round under way."""

    started_at: float
    asked: frozenset[str]
    answered: dict[str, str] = field(default_factory=dict)
    """VIP -> link address that answered for it or claimed it."""
    proofs: set[str] = field(default_factory=set)
    """CIDRs of the topologies whose ground answered."""
    deaf: bool = False
    """Frames were lost during the round: its silence means nothing."""
    unasked: frozenset[str] = frozenset()
    """For these no question got out: their silence means nothing."""


class Rounds:
    """The one round a node has under way, shared by all who want to ask."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self.current: Round | None = None
        self.checks: list[Check] = []
        self.read_at = -math.inf
        """All frames that arrived before it were read: no round is over that ended later."""

    def deadline(self) -> float:
        """End of the round under way; infinity when none is."""
        if self.current is None:
            return float("inf")
        return self.current.started_at + self.definitions.knobs.probe_interval

    def over(self) -> bool:
        """The round under way has ended, and what arrived in its time was read."""
        return self.read_at >= self.deadline()

    def read(self, until: float, *, lost: bool, unasked: frozenset[str]) -> None:
        """All frames that arrived before `until` were read; answers may be among the `lost`.

        `unasked`: no question for these got out since the last call.
        """
        self.read_at = max(self.read_at, until)
        if self.current is not None:
            self.current.deaf |= lost
            self.current.unasked |= unasked

    def check(
        self, purpose: str, vips: Sequence[str], now: float, asker: str = "", number: int = 0
    ) -> None:
        """Have `vips` asked for; each `ROUND_VIPS` of them are a check of their own."""
        for at in range(0, len(vips), ROUND_VIPS):
            wait = CHECK_SECONDS + 2 * self.definitions.knobs.probe_interval * (at // ROUND_VIPS)
            piece = tuple(vips[at : at + ROUND_VIPS])
            self.checks.append(Check(purpose, piece, 1, asker, number, now + wait))

    def waits_for(self, purpose: str) -> bool:
        """Something is still to be checked for this purpose."""
        return any(check.purpose == purpose for check in self.checks)

    def _checked(self) -> set[str]:
        """What the checks ask for in the next round: the first of them, as many as it may have."""
        vips: set[str] = set()
        for check in self.checks:
            if vips and len(vips) + len(check.vips) > ROUND_VIPS:
                break
            vips.update(check.vips)
        return vips

    def begin(
        self,
        now: float,
        takers: Collection[str],
        unicast: Collection[tuple[str, str]],
        ground: Collection[str],
        outbox: Outbox,
    ) -> bool:
        """Open a round for `takers`, (VIP, mac) pairs and all checks; False if nobody asks."""
        checked = self._checked().difference(takers)
        asked = frozenset(takers) | checked | {vip for vip, _ in unicast}
        if not asked:
            self.current = None
            return False
        self.current = Round(now, asked)
        outbox.act(Probe(tuple(ground), Probing.CHECK))
        if takers:
            outbox.act(Probe(tuple(takers), Probing.TAKER))
        if checked:
            outbox.act(Probe(tuple(sorted(checked)), Probing.CHECK))
        for vip, mac in unicast:
            outbox.act(Probe((vip,), Probing.UNICAST, mac))
        return True

    def answer(self, address: str, mac: str) -> None:
        """Somebody answered for a VIP, or a witness or peer answered for itself."""
        if self.current is None:
            return
        proved = self.definitions.ground.get(address)
        if proved is not None:
            self.current.proofs |= proved
        elif address in self.current.asked:
            self.current.answered[address] = mac

    def proved(self, finished: Round, vip: str) -> bool:
        """It was asked for, and the wire of its topology was shown to work during the round."""
        if finished.deaf or vip in finished.unasked:
            return False
        topology = self.definitions.topology_of.get(vip)
        return topology is not None and topology.cidr in finished.proofs

    def finish(self, now: float) -> tuple[Round, list[Check]]:
        """Close the round; returns it and the checks that are done."""
        assert self.current is not None  # noqa: S101 - callers ask deadline() first
        finished, self.current = self.current, None
        done = []
        for check in self.checks:
            if not finished.asked.issuperset(check.vips):
                continue
            found = finished.answered.keys() & check.vips
            check.answered.update((vip, finished.answered[vip]) for vip in found)
            if all(self.proved(finished, vip) for vip in check.vips):
                check.rounds -= 1
                check.proved = check.rounds <= 0
            if check.proved or now >= check.until:
                done.append(check)
        self.checks = [check for check in self.checks if check not in done]
        return finished, done
