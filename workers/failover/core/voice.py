"""The voice of a node: numbers, dates and fills its heartbeats, and knows when it sent which.

Invariant: the pair (incarnation, sequence) is never used twice; the instant remembered for a
sequence is that *before* it was sent. Few claims are said all together. Many are said bucket by
bucket: those that changed, those that somebody lacks, and one more now and then; no message has
more than `PIECE_CLAIMS`, and each is a heartbeat in itself.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence

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
Buckets = tuple[int, ...]


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
        self._fresh: dict[int, int] = {}
        """Changed bucket -> in how many more heartbeats it is said."""
        self._turn = 0
        """The bucket that is said next though nothing in it changed."""
        self._rest: list[Buckets] = []
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
    ) -> Heartbeat:
        """The next heartbeat, or the first piece of it; `pieces` gives the others.

        `revisions` are (acted, known); `cannot`: those refused last come first; `claims`: say them
        if it is time to; `knows`: what to say with `asks`; `lacking`: what the one who asked said.
        """
        said, buckets = self._said(holdings, full, lacking) if claims else (None, None)
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
            claims=said,
            buckets=buckets,
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
        for buckets in rest:
            yield msgspec.structs.replace(
                first,
                sequence=self._next(now),
                claims=holdings.claims(buckets),
                buckets=buckets,
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
        self, holdings: Holdings, asked: bool, lacking: tuple[int, ...] | None
    ) -> tuple[tuple[Claim, ...] | None, Buckets | None]:
        """Claims and buckets of the next heartbeat; more of them are left in `_rest`."""
        every = self._turn_of(holdings)
        fresh = tuple(sorted(self._fresh))
        self._fresh = {bucket: left - 1 for bucket, left in self._fresh.items() if left > 1}
        whole = asked or self.full_left > 0 or every
        self.full_left -= self.full_left > 0
        claims = holdings.claimed
        if len(claims.table) <= PIECE_CLAIMS:
            return (holdings.claims() if whole else None), None
        said = {*fresh, *_differing(claims, lacking)}
        if every:
            said.add(self._turn)
            self._turn = (self._turn + 1) % BUCKETS
        pieces = _cut(claims, sorted(said))
        if not pieces:
            return None, None
        self._rest = pieces[1:]
        return holdings.claims(pieces[0]), pieces[0]

    def _turn_of(self, holdings: Holdings) -> bool:
        """Take note of what changed; whether this heartbeat repeats what did not."""
        if holdings.changed:
            self._fresh.update(dict.fromkeys(holdings.changed, FULL_CLAIMS_SENDS))
            self.full_left = FULL_CLAIMS_SENDS
            holdings.changed.clear()
        return (self.sequence + 1) % FULL_CLAIMS_EVERY == 0


def _differing(claims: Claims, known: tuple[int, ...] | None) -> tuple[int, ...]:
    """Buckets of which somebody with these checksums lacks something; none when nobody asked."""
    if known is None or known == (claims.digest,):
        return ()
    if not known:
        return tuple(bucket for bucket in range(BUCKETS) if claims.size(bucket))
    if len(known) != BUCKETS:
        return tuple(range(BUCKETS))
    pairs = zip(claims.sums, known, strict=True)
    return tuple(bucket for bucket, (mine, theirs) in enumerate(pairs) if mine != theirs)


def _cut(claims: Claims, buckets: list[int]) -> list[Buckets]:
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
