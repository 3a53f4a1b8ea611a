"""The voice of a node: numbers, dates and fills its heartbeats, and knows when it sent which.

Invariant: the pair (incarnation, sequence) is never used twice; the instant remembered for a
sequence is that *before* it was sent. Few claims are said all together. Of many, what changed is
said, the buckets that somebody lacks, and a bucket now and then; no message has more than
`PIECE_CLAIMS`, and each is a heartbeat in itself.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from workers.failover.core.claims import BUCKETS, Claims
from workers.failover.core.detector import Detector
from workers.failover.core.handoffs import Handoffs
from workers.failover.core.holdings import Holdings
from workers.failover.core.messages import CANNOT_MAX, Claim, Heard, Heartbeat, NodeState

REMEMBERED_SEQUENCES = 256
FULL_CLAIMS_SENDS = 3
"""Heartbeats after a change of the claims that carry them in full."""
FULL_CLAIMS_EVERY = 5
"""Beyond that, every so many heartbeats do; of many claims, they carry one bucket."""
PIECE_CLAIMS = 800
"""Claims in one message, so that it takes at most half of a datagram; more are said in pieces."""


class Said(NamedTuple):
    """What one message says of the claims; the fields of the same names of a Heartbeat."""

    claims: tuple[Claim, ...] | None = None
    buckets: tuple[int, ...] | None = None
    gained: tuple[Claim, ...] = ()
    dropped: tuple[str, ...] = ()


class Voice:
    """What this node says of itself."""

    def __init__(self, me: str, incarnation: int, macs: tuple[str, ...]) -> None:
        self.me = me
        self.incarnation = incarnation
        self.macs = macs
        self.sequence = 0
        self.clock = 0
        self.lease = 0.0
        """Seconds the kernel keeps my VIPs from now on, when that is longer than usual."""
        self.full_left = FULL_CLAIMS_SENDS
        self._fresh: dict[str, int] = {}
        """VIP of a changed claim -> in how many more heartbeats it is said."""
        self._turn = 0
        """The bucket that is said next though nothing in it changed."""
        self._rest: list[Said] = []
        """What is left to say in further pieces of the newest heartbeat."""
        self._sent: OrderedDict[int, float] = OrderedDict()

    def reincarnate(self, incarnation: int) -> None:
        """Start anew above an incarnation that others have seen of me."""
        self.incarnation, self.sequence = incarnation, 0
        self._sent.clear()

    def sent_at(self, incarnation: int, sequence: int) -> float | None:
        """When I sent this heartbeat; None if it is not mine or too old to remember."""
        return self._sent.get(sequence) if incarnation == self.incarnation else None

    def heartbeat(
        self,
        now: float,
        *,
        state: NodeState,
        revisions: tuple[int, int],
        view: str,
        detector: Detector,
        holdings: Holdings,
        cannot: Sequence[str],
        late: bool,
        unhealthy: tuple[str, ...],
        handoffs: Handoffs,
        asks: bool = False,
        knows: tuple[int, ...] = (),
        full: bool = False,
        claims: bool = True,
        lacking: tuple[int, ...] | None = None,
        everybody: bool = True,
    ) -> Heartbeat:
        """The next heartbeat, or the first piece of it; `pieces` gives the others.

        `revisions` are (acted, known); `cannot`: those refused last come first; `claims`: say them
        if it is time to; `knows`: what to say with `asks`; `lacking`: what the one who asked said;
        `everybody`: it is not meant for a single peer.
        """
        said = self._said(holdings, full, lacking, everybody) if claims else Said()
        return Heartbeat(
            node=self.me,
            incarnation=self.incarnation,
            sequence=self._next(now),
            sent_at=now,
            clock=self.clock,
            state=state,
            revision=revisions[0],
            known_revision=revisions[1],
            view=view,
            macs=self.macs,
            heard=tuple(
                Heard(p.name, *p.told, max(0, round((now - p.heard_at) * 1000)))
                for p in detector.peers.values()
                if p.told[1] >= 0
            ),
            **said._asdict(),
            more=bool(self._rest),
            digest=holdings.digest,
            cannot=tuple(cannot[:CANNOT_MAX]),
            cannot_more=len(cannot) > CANNOT_MAX,
            late=late,
            unhealthy=unhealthy,
            offers=handoffs.offers(),
            armed=handoffs.armed(),
            released=handoffs.released(),
            lease=self.lease,
            asks=asks,
            known=knows,
        )

    def pieces(self, first: Heartbeat, holdings: Holdings, now: float) -> Iterator[Heartbeat]:
        """What did not fit into the first piece of a heartbeat, in more of them."""
        rest, self._rest = self._rest, []
        for number, said in enumerate(rest, 1):
            yield msgspec.structs.replace(
                first,
                sequence=self._next(now),
                **said._asdict(),
                more=number < len(rest),
                asks=False,
                known=(),
            )

    def _next(self, now: float) -> int:
        """A new sequence, sent now."""
        self.sequence += 1
        self._sent[self.sequence] = now
        if len(self._sent) > REMEMBERED_SEQUENCES:
            self._sent.popitem(last=False)
        return self.sequence

    def _said(
        self, holdings: Holdings, asked: bool, lacking: tuple[int, ...] | None, everybody: bool
    ) -> Said:
        """What the next heartbeat says of the claims; more of it is left in `_rest`."""
        self._note_changes(holdings)
        claims = holdings.claimed
        every = (self.sequence + 1) % FULL_CLAIMS_EVERY == 0
        whole = asked or self.full_left > 0 or every
        fresh = sorted(self._fresh) if lacking is None else []
        if everybody:
            self._fresh = {vip: left - 1 for vip, left in self._fresh.items() if left > 1}
            self.full_left -= self.full_left > 0
        if len(claims.table) <= PIECE_CLAIMS:
            return Said(holdings.claims() if whole else None)
        buckets = _differing(claims, lacking)
        if every and not fresh and not buckets:
            buckets = [self._turn]
            self._turn = (self._turn + 1) % BUCKETS
        cuts = range(0, len(fresh), PIECE_CLAIMS)
        parts = [_news(claims, fresh[cut : cut + PIECE_CLAIMS]) for cut in cuts]
        parts += [Said(holdings.claims(cut), cut) for cut in _cut(claims, buckets)]
        self._rest = parts[1:]
        return parts[0] if parts else Said()

    def _note_changes(self, holdings: Holdings) -> None:
        if holdings.changed:
            self._fresh.update(dict.fromkeys(holdings.changed, FULL_CLAIMS_SENDS))
            self.full_left = FULL_CLAIMS_SENDS
            holdings.changed.clear()


def _news(claims: Claims, vips: Sequence[str]) -> Said:
    """What is claimed now of VIPs whose claims changed."""
    found = [(vip, claims.table.get(vip)) for vip in vips]
    gained = tuple(Claim(vip, epoch) for vip, epoch in found if epoch is not None)
    return Said(gained=gained, dropped=tuple(vip for vip, epoch in found if epoch is None))


def _differing(claims: Claims, known: tuple[int, ...] | None) -> list[int]:
    """Buckets of which somebody with these checksums lacks something; none when nobody asked."""
    if known is None or known == (claims.digest,):
        return []
    if not known:
        return [bucket for bucket in range(BUCKETS) if claims.size(bucket)]
    if len(known) != BUCKETS:
        return list(range(BUCKETS))
    pairs = zip(claims.sums, known, strict=True)
    return [bucket for bucket, (mine, theirs) in enumerate(pairs) if mine != theirs]


def _cut(claims: Claims, buckets: list[int]) -> list[tuple[int, ...]]:
    """The buckets in groups of at most `PIECE_CLAIMS` claims, or of a single bucket."""
    pieces: list[list[int]] = []
    room = 0
    for bucket in buckets:
        size = claims.size(bucket)
        if size > room or not pieces:
            pieces.append([])
            room = PIECE_CLAIMS
        pieces[-1].append(bucket)
        room -= size
    return [tuple(piece) for piece in pieces]
