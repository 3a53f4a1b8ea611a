"""From what the agent's socket says to what managers are told: reports and events, cut to size.

Whatever the agent says, what is made here can be decoded at the other end: texts are cut to what
messages may have. Ages get coarser, and reasons are left out, before a list of VIPs is too long.
"""

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

import msgspec

from workers.failover.core.reports import (
    EVENTS_MAX,
    Ailment,
    Events,
    Happening,
    Holding,
    Refusal,
    Report,
    Run,
    Trouble,
)

TEXT_MAX = 128
SENTENCE_MAX = 1000
WARNINGS_MAX = 50
TROUBLES_MAX = 500
REFUSALS_MAX = 200
AILMENTS_MAX = 64
REASONING_MAX = 200
RUNS_MAX = 100
"""The newest; one report names no more runs."""
EXACT_MAX = 500
"""Up to so many holdings have ages of a tenth of a second; more, whole seconds."""


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
    digest: int
    """The agent's own checksum of what it holds: only to see that it changed."""
    first: int
    """Number of the oldest event of this run that can be told."""
    held: tuple[tuple[str, int, float, str, str], ...] | None = None
    cannot: tuple[tuple[str, str], ...] = ()
    """(VIP, why the kernel refuses it)."""
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
    digest=0,
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


class Detail(Enum):
    """How exactly holdings are told."""

    TENTHS = "ages in tenths of a second"
    SECONDS = "ages in whole seconds"
    BARE = "ages in whole seconds, without reasons"
    ROUGH = "ages as powers of two, without reasons"


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
    held: Sequence[Holding] | None,
    totals: tuple[int, int],
    *,
    answers: bool,
) -> Report:
    """What a node says of itself; `totals`: number and checksum of everything held."""
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
        warnings=tuple(one[:SENTENCE_MAX] for one in brief.warnings[:WARNINGS_MAX]),
        held=None if held is None else tuple(held),
        held_count=totals[0],
        held_digest=totals[1],
        troubles=tuple(Trouble(*one) for one in brief.troubles[:TROUBLES_MAX]),
        cannot=tuple(Refusal(vip, why[:REASONING_MAX]) for vip, why in brief.cannot[:REFUSALS_MAX]),
        unhealthy=tuple(
            Ailment(check, why[:REASONING_MAX]) for check, why in brief.unhealthy[:AILMENTS_MAX]
        ),
    )


def totals(brief: Brief) -> tuple[int, int]:
    """Number and checksum of everything held, of a brief that lists it."""
    lines = sorted(f"{vip} {epoch}" for vip, epoch, *_ in brief.held or ())
    return len(lines), zlib.crc32("\n".join(lines).encode())


def details(count: int) -> tuple[Detail, ...]:
    """What to try for so many holdings: from the best to what fits when nothing else does."""
    return tuple(Detail) if count <= EXACT_MAX else tuple(Detail)[1:]


def holdings(brief: Brief, detail: Detail) -> tuple[Holding, ...]:
    """Everything held, in the order that compresses best."""
    bare = detail in (Detail.BARE, Detail.ROUGH)
    return tuple(
        Holding(vip, epoch, _age(age, detail))
        if bare
        else Holding(vip, epoch, _age(age, detail), reason[:SENTENCE_MAX], previous)
        for vip, epoch, age, reason, previous in sorted(brief.held or ())
    )


def _age(age: float, detail: Detail) -> float:
    """Never older than it is; a whole number is shorter in a message than a fraction."""
    if detail is Detail.TENTHS:
        return math.floor(age * 10) / 10
    whole = int(age)
    return 1 << (whole.bit_length() - 1) if detail is Detail.ROUGH and whole else whole


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
