"""Who tells whom what, so that every replica comes to know every change: anti-entropy.

Each owner numbers its batches. Who knows an owner up to `known` and is told of `since` <= `known`
knows it up to `upto`; anything else leaves a hole, which is asked for at once. Every two seconds
everyone tells how far it knows everyone, so that a lost last batch, or a joiner that knows nothing,
is asked for, too. The owner answers with batches that it kept, or with a snapshot in pieces; where
it is away, the peer of the lowest name that knows more does. Invariant: cells are absolute, so what
comes twice, late or in another order changes nothing.
"""

from collections import deque
from dataclasses import dataclass, field

import msgspec

from workers.replication.core.content import Content, Walk
from workers.replication.core.messages import Ask, Delta, Message, Piece, Vector
from workers.replication.core.owners import Owner, Owners
from workers.replication.core.room import Room

PEER_SECONDS = 10.0
"""Who told a vector within this is asked."""

ASK_SECONDS = 1.0
"""Between two questions for the same, unless answers come."""

PIECES_SECONDS = 3.0
"""After so long without another piece the rest of a snapshot does not come any more."""

LOG_SECONDS = 60.0
LOG_BYTES = 4 << 20
"""Batches that an owner keeps for who has a hole."""

VECTOR_LIVES = 1_000
"""Told of in one vector: lives that go on, then those that ended last."""

ROOM_BYTES = 48_000
BATCH_BYTES = 4_000
"""A hundred counts, half a millisecond: whoever asks meanwhile waits no longer."""
RESENT_AT_ONCE = 8
JOBS_MAX = 256

Life = tuple[str, int]


@dataclass(slots=True)
class Incoming:
    """Pieces of a snapshot that are here."""

    snapshot: int
    numbers: set[int] = field(default_factory=set)
    last: int = -1

    def take(self, piece: Piece) -> bool:
        """Take in a piece; return whether that makes it whole."""
        self.numbers.add(piece.number)
        if piece.is_last:
            self.last = piece.number
        return len(self.numbers) == self.last + 1


@dataclass(slots=True)
class Outgoing:
    """A snapshot that is on its way to `to`."""

    to: str
    walk: Walk
    upto: int
    ahead: list[tuple[int, int]]
    snapshot: int
    number: int = 0


class Exchange:
    """The protocol of one replica."""

    def __init__(self, content: Content, owners: Owners) -> None:
        self.content, self.owners = content, owners
        self.log: deque[tuple[float, int, Delta]] = deque()
        self.log_bytes = 0
        self.heard: dict[str, tuple[float, dict[Life, tuple[int, int]]]] = {}
        """Peer -> when it told its vector, and what it knew and had seen."""
        self.asked: dict[Life, float] = {}
        """Life -> until when an answer may still come."""
        self.incoming: dict[tuple[str, Life], Incoming] = {}
        self.jobs: deque[Outgoing | Delta] = deque()
        self.holes = self.asks = self.pieces = self.batches = self.snapshots = 0

    @property
    def node(self) -> str:
        """Who we are."""
        return self.owners.node

    def due(self, now: float) -> float | None:
        """Return when the next batch has to leave; the first one, which may be empty, at once."""
        return self.content.due(now) if self.owners.mine.known else now

    def batch(self, now: float) -> Delta | None:
        """Return what changed since the last batch, or as much of it as fits; None for nothing.

        Where more changed than tables have keys, the batch before this one is one that nobody gets:
        peers find a hole, and take a snapshot.
        """
        is_lost = self.content.lost()
        if is_lost:
            self.owners.mine.known += 1
            self.log.clear()
            self.log_bytes = 0
        sections, values = self.content.flush(Room(BATCH_BYTES), now)
        mine = self.owners.mine
        if not sections and not values and mine.known and not is_lost:
            return None
        upto = mine.known + 1
        found = Delta(self.node, mine.incarnation, mine.known, upto, now, sections, values)
        mine.known, mine.heard = upto, now
        if self.content.journal is not None:
            self.content.journal.batch(upto)
        self._keep(found, now)
        self.batches += 1
        return found

    def vector(self, now: float) -> Vector:
        """Return what to tell everyone every two seconds."""
        oldest = now - self._memory()
        told = [
            one
            for one in self.owners.lives()
            if one.seen and (one.heard >= oldest or not self.owners.has_ended(one))
        ]
        told.sort(key=lambda one: (not self.owners.has_ended(one), one.heard), reverse=True)
        known = [(one.name, one.incarnation, one.known, one.seen) for one in told[:VECTOR_LIVES]]
        mine = self.owners.mine
        mine.heard = now
        return Vector(self.node, mine.incarnation, now, known)

    def take(self, message: Message, now: float) -> list[Message]:
        """Take in a message; return what to send for it."""
        if isinstance(message, Delta):
            return self._take_delta(message, now)
        if isinstance(message, Piece):
            return self._take_piece(message, now)
        if message.sender == self.node:
            return []
        if isinstance(message, Vector):
            return self._take_vector(message, now)
        return self._take_ask(message, now)

    def owed(self, now: float) -> Delta | Piece | None:
        """Return the next message that somebody asked for."""
        if not self.jobs:
            return None
        job = self.jobs.popleft()
        if isinstance(job, Delta):
            return job
        owner = job.walk.owner
        sections, values = job.walk.next(Room(ROOM_BYTES), now)
        piece = Piece(
            sender=self.node,
            to=job.to,
            snapshot=job.snapshot,
            number=job.number,
            is_last=job.walk.is_done,
            owner=owner.name,
            incarnation=owner.incarnation,
            time=max(0.0, now - owner.offset),
            heard=max(0.0, owner.heard - owner.offset),
            upto=job.upto,
            ahead=job.ahead,
            sections=sections,
            values=values,
        )
        job.number += 1
        self.pieces += 1
        if not job.walk.is_done:
            self.jobs.append(job)
        return piece

    def tidy(self, now: float) -> None:
        """Forget batches, questions, and ended lives that nobody needs any more."""
        self._trim(now)
        self.asked = {life: until for life, until in self.asked.items() if until > now}
        self.heard = {n: one for n, one in self.heard.items() if one[0] > now - PEER_SECONDS}
        for owner in self.owners.forget(now - self._memory() - PEER_SECONDS):
            for key in [key for key in self.incoming if key[1] == (owner.name, owner.incarnation)]:
                del self.incoming[key]

    def _take_delta(self, delta: Delta, now: float) -> list[Message]:
        owner = self.owners.get(delta.owner, delta.incarnation)
        if owner is None or owner is self.owners.mine or delta.upto <= delta.since:
            return []
        owner.hear(delta.time, now)
        if delta.upto <= owner.known:
            return []
        self.content.take(delta.sections, delta.values, owner, delta.upto, now)
        has_hole = owner.learn(delta.since, delta.upto)
        if owner.known and self.owners.settle(owner):
            self.content.recount()
        if not has_hole:
            return []
        self.holes += 1
        return self._ask(owner.name, owner, now)

    def _take_piece(self, piece: Piece, now: float) -> list[Message]:
        if piece.to != self.node or piece.sender == self.node:
            return []
        owner = self.owners.get(piece.owner, piece.incarnation)
        if owner is None or owner is self.owners.mine:
            return []
        owner.hear(piece.time, now, piece.heard)
        seen = max((upto for _since, upto in piece.ahead), default=piece.upto)
        if not self._is_more((piece.upto, seen), owner):
            return []
        life = (owner.name, owner.incarnation)
        self.asked[life] = now + PIECES_SECONDS
        incoming = self.incoming.get((piece.sender, life))
        if incoming is None or incoming.snapshot < piece.snapshot:
            incoming = self.incoming[piece.sender, life] = Incoming(piece.snapshot)
        self.content.take(piece.sections, piece.values, owner, piece.upto, now)
        if incoming.snapshot != piece.snapshot or not incoming.take(piece):
            return []
        for key in [key for key in self.incoming if key[1] == life]:
            del self.incoming[key]
        ahead = piece.ahead if self.owners.has_ended(owner) else []
        for since, upto in [(0, piece.upto), *ahead]:
            owner.learn(since, upto)
        self.owners.floor(owner, piece.upto)
        self.owners.settle(owner)
        self.content.recount()
        self.asked.pop(life, None)
        self.snapshots += 1
        return []

    def _take_vector(self, vector: Vector, now: float) -> list[Message]:
        sender = self.owners.get(vector.sender, vector.incarnation)
        if sender is None:
            return []
        sender.hear(vector.time, now)
        told = {(name, life): (known, seen) for name, life, known, seen in vector.known}
        self.heard[vector.sender] = (now, told)
        asks: list[Message] = []
        for (name, incarnation), knows in told.items():
            owner = self.owners.get(name, incarnation)
            if owner is not None and owner is not self.owners.mine and self._is_more(knows, owner):
                asks += self._ask(self._who_knows(owner, now), owner, now)
        return asks

    def _who_knows(self, owner: Owner, now: float) -> str:
        """Return the owner's name where it knows more of this life, or else the lowest name."""
        life = (owner.name, owner.incarnation)
        able = [
            name
            for name, (at, told) in self.heard.items()
            if at > now - PEER_SECONDS and self._is_more(told.get(life, (0, 0)), owner)
        ]
        alive = [name for name in able if self.owners.is_alive(name)] or able
        return owner.name if owner.name in alive else min(alive)

    def _ask(self, to: str, owner: Owner, now: float) -> list[Message]:
        life = (owner.name, owner.incarnation)
        if self.asked.get(life, 0.0) > now:
            return []
        self.asked[life] = now + ASK_SECONDS
        self.asks += 1
        return [Ask(self.node, to, owner.name, owner.incarnation, owner.known, owner.seen)]

    def _take_ask(self, ask: Ask, now: float) -> list[Message]:
        owner = self.owners.find(ask.owner, ask.incarnation)
        if ask.to != self.node or owner is None:
            return []
        if owner.known <= ask.since and owner.seen <= ask.seen:
            return []
        kept = [one for _at, _size, one in self.log if one.incarnation == ask.incarnation]
        if owner.is_mine and kept and kept[0].since <= ask.since and kept[-1].upto >= owner.known:
            missing = [one for one in kept if one.upto > ask.since]
            again: list[Delta] = [msgspec.structs.replace(one, to=ask.sender) for one in missing]
            if len(self.jobs) < JOBS_MAX:
                self.jobs.extend(again[RESENT_AT_ONCE:])
            return list(again[:RESENT_AT_ONCE])
        is_new = not any(
            isinstance(job, Outgoing) and job.to == ask.sender and job.walk.owner is owner
            for job in self.jobs
        )
        if is_new and len(self.jobs) < JOBS_MAX:
            walk = Walk(self.content, owner, is_whole=False)
            ahead = list(owner.ahead)
            self.jobs.append(Outgoing(ask.sender, walk, owner.known, ahead, int(now * 1e6)))
        return []

    def _keep(self, delta: Delta, now: float) -> None:
        size = sum(len(one.keys) + len(one.ages) + len(one.counts) + 100 for one in delta.sections)
        size += sum(len(e.key) + len(e.value) + 40 for one in delta.values for e in one.entries)
        self.log.append((now, size, delta))
        self.log_bytes += size
        self._trim(now)

    def _trim(self, now: float) -> None:
        log = self.log
        while log and (self.log_bytes > LOG_BYTES or log[0][0] < now - LOG_SECONDS):
            self.log_bytes -= log.popleft()[1]

    def _is_more(self, knows: tuple[int, int], owner: Owner) -> bool:
        """Whether who (knows, has seen) so much has something of the owner that is not here.

        What was seen beyond a hole counts of ended lives alone, whose gauges do not: of others the
        hole is filled, and a snapshot does not say which of their gauges are how new.
        """
        if knows[0] > owner.known:
            return True
        return knows[1] > owner.seen and self.owners.has_ended(owner)

    def _memory(self) -> float:
        """How long an ended life is told of: until nothing of it counts."""
        return self.content.longest() * 61 / 60 + PEER_SECONDS
