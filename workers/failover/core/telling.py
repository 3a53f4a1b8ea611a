"""From what the agent's socket says to what managers are told: reports and events, cut to size.

Whatever the agent says, what is made here can be decoded at the other end: texts are cut to what
messages may have. What is held comes in pieces: the agent gives a few buckets at a time.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from workers.failover.core.claims import BUCKETS, PRIME
from workers.failover.core.reports import (
    EVENTS_MAX,
    PIECE_HOLDINGS,
    REFUSALS_MAX,
    Ailment,
    Events,
    Happening,
    Holding,
    Holdings,
    Refusal,
    Report,
    Run,
    Trouble,
)

TEXT_MAX = 128
SENTENCE_MAX = 1000
WARNINGS_MAX = 50
TROUBLES_MAX = 500
AILMENTS_MAX = 64
REASONING_MAX = 200
RUNS_MAX = 100
"""The newest; one report names no more runs."""
NEVER = -1
"""No checksum."""


class Brief(msgspec.Struct):
    """What the agent answers to `report`."""

    incarnation: int
    state: str
    objection: str
    late: bool
    revision: int
    known_revision: int
    members: tuple[str, ...]
    agreed: bool
    mature: bool
    peers: tuple[tuple[str, str], ...]
    rings: tuple[tuple[str, bool], ...]
    troubles: tuple[tuple[str, str, str], ...]
    problem: str
    warnings: tuple[str, ...]
    count: int
    """How many VIPs it holds."""
    sums: tuple[int, ...]
    """The checksum of each bucket of what it holds."""
    first: int
    """Number of the oldest event of this run that can be told."""
    buckets: tuple[int, ...] = ()
    """Those of which `held` is everything: some that were not known, none when all were."""
    more: bool = False
    """There are further buckets that were not known."""
    held: tuple[tuple[str, int, float, str, str], ...] = ()
    cannot: tuple[tuple[str, str], ...] = ()
    """(VIP, why the kernel refuses it); of many, the last ones."""
    refused: int = 0
    """How many it refuses."""
    unhealthy: tuple[tuple[str, str], ...] = ()
    """(health check that fails, what it says)."""


UNKNOWN = Brief(
    incarnation=0,
    state="unknown",
    objection="",
    late=False,
    revision=0,
    known_revision=0,
    members=(),
    agreed=False,
    mature=False,
    peers=(),
    rings=(),
    troubles=(),
    problem="",
    warnings=(),
    count=0,
    sums=(0,) * BUCKETS,
    first=1,
)
"""Of an agent that has not answered yet."""


class Line(msgspec.Struct):
    """An event as the agent's socket and its files have it."""

    incarnation: int
    number: int
    time: str
    kind: str
    vip: str = ""
    node: str = ""
    reason: str = ""
    epoch: int = 0
    detail: str = ""
    actor: str = ""
    view: str = ""
    gap_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Teller:
    """Who reports: its name and when it began."""

    node: str
    started_at: str


def report(
    teller: Teller,
    sequence: int,
    brief: Brief,
    runs: Sequence[Run],
    *,
    answers: bool,
) -> Report:
    """What a node says of itself."""
    return Report(
        node=teller.node,
        answers=answers,
        sequence=sequence,
        started_at=teller.started_at,
        incarnation=brief.incarnation,
        runs=tuple(runs[-RUNS_MAX:]),
        state=brief.state[:TEXT_MAX],
        objection=brief.objection[:SENTENCE_MAX],
        late=brief.late,
        revision=brief.revision,
        known_revision=brief.known_revision,
        problem=brief.problem[:SENTENCE_MAX],
        members=brief.members,
        agreed=brief.agreed,
        mature=brief.mature,
        peers=brief.peers,
        rings=brief.rings,
        warnings=tuple(one[:SENTENCE_MAX] for one in _warnings(brief)[:WARNINGS_MAX]),
        held_count=brief.count,
        held_digest=sum(brief.sums) % PRIME,
        more=brief.more,
        troubles=tuple(Trouble(*one) for one in brief.troubles[:TROUBLES_MAX]),
        cannot=tuple(Refusal(vip, why[:REASONING_MAX]) for vip, why in brief.cannot[:REFUSALS_MAX]),
        unhealthy=tuple(
            Ailment(check, why[:REASONING_MAX]) for check, why in brief.unhealthy[:AILMENTS_MAX]
        ),
    )


def _warnings(brief: Brief) -> tuple[str, ...]:
    named = min(len(brief.cannot), REFUSALS_MAX)
    if brief.refused <= named:
        return brief.warnings
    many = f"its kernel refuses {brief.refused} VIPs, of which the last {named} are named"
    return (many, *brief.warnings)


def holdings(teller: Teller, sequence: int, brief: Brief) -> Holdings:
    """What a brief says is held, in the order that compresses best."""
    return Holdings(
        node=teller.node,
        sequence=sequence,
        started_at=teller.started_at,
        buckets=brief.buckets,
        held=tuple(
            Holding(vip, epoch, math.floor(age * 10) / 10, reason[:SENTENCE_MAX], previous)
            for vip, epoch, age, reason, previous in sorted(brief.held)
        ),
    )


class Told:
    """What managers know of what is held, as checksums of its buckets, and so what to ask for.

    Invariant: a bucket counts as told only if it was, as the agent has it, to all managers.
    """

    def __init__(self) -> None:
        self._sums = [NEVER] * BUCKETS
        self._turn = 0
        """The bucket that is told next though nothing in it changed."""
        self._first = 0

    def question(self) -> dict[str, object]:
        """What to ask the agent."""
        return {"command": "report", "sums": self._sums, "first": self._first}

    def tell(self, brief: Brief) -> None:
        """The buckets of a brief were told."""
        for bucket in brief.buckets:
            self._sums[bucket] = brief.sums[bucket]
        if brief.buckets:
            self._first = (brief.buckets[-1] + 1) % BUCKETS

    def forget(self, known: Sequence[int] = ()) -> None:
        """Somebody knows another state, as checksums, or none."""
        same = len(known) == BUCKETS
        for bucket in range(BUCKETS):
            if not same or known[bucket] != self._sums[bucket]:
                self._sums[bucket] = NEVER

    def turn(self, count: int) -> None:
        """Have what fits one message told again, next time something else."""
        for _ in range(min(BUCKETS, max(1, BUCKETS * PIECE_HOLDINGS // max(1, count)))):
            self._sums[self._turn] = NEVER
            self._turn = (self._turn + 1) % BUCKETS


def happening(line: Line) -> Happening:
    """An event as managers are told of it."""
    return Happening(
        number=line.number,
        time=line.time[:TEXT_MAX],
        kind=line.kind[:TEXT_MAX],
        vip=line.vip,
        node=line.node,
        reason=line.reason[:SENTENCE_MAX],
        epoch=line.epoch,
        detail=line.detail[:SENTENCE_MAX],
        actor=line.actor[:TEXT_MAX],
        view=line.view[:TEXT_MAX],
        gap_ms=line.gap_ms,
    )


def batches(node: str, lines: Sequence[Line]) -> Iterator[Events]:
    """Messages with consecutive events of one run each."""
    batch: list[Line] = []
    for line in lines:
        if batch and (len(batch) == EVENTS_MAX or not _follows(line, batch[-1])):
            yield _events(node, batch)
            batch = []
        batch.append(line)
    if batch:
        yield _events(node, batch)


def halves(message: Events) -> tuple[Events, ...]:
    """The same events in two messages; none when a single one is too large."""
    middle = len(message.events) // 2
    parts = (message.events[:middle], message.events[middle:]) if middle else ()
    return tuple(msgspec.structs.replace(message, events=part) for part in parts)


def _follows(line: Line, before: Line) -> bool:
    return line.incarnation == before.incarnation and line.number == before.number + 1


def _events(node: str, batch: Sequence[Line]) -> Events:
    found = tuple(happening(line) for line in batch)
    return Events(node=node, incarnation=batch[0].incarnation, events=found)
