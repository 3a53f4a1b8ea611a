"""Time lines of one VIP as a client saw it: gaps in its answers, and who answered when.

Pure: instants are CLOCK_MONOTONIC seconds handed in. An outage is the longest time without an
answer's arrival, less the interval between two questions; the edges count, so a VIP that never
answers is out for the whole measure. Two owners is the number of rounds in which two or more link
addresses answered, times the interval. How answers are gathered is `workers.lab.probe`'s.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

GAP_SECONDS = 0.02
"""Gaps longer than this are listed one by one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to the echo: when it arrived and which node signed it."""

    at: float
    node: str


@dataclass(frozen=True, slots=True)
class Round:
    """One raw question on the wire and every link address that answered it."""

    at: float
    macs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Gap:
    """A time without an answer, from the last answer before it to the first one after it."""

    start: float
    end: float
    seconds: float
    """Length less one interval, never negative."""


@dataclass(frozen=True, slots=True)
class Span:
    """From the first to the last consecutive answer of one answerer (a node, or a set of MACs)."""

    who: tuple[str, ...]
    start: float
    end: float


def gaps(arrivals: Sequence[float], start: float, end: float, interval: float) -> list[Gap]:
    """Every gap between consecutive instants of start, arrivals (in any order) and end."""
    inside = sorted(at for at in arrivals if start <= at <= end)
    edges = [start, *inside, end]
    return [
        Gap(before, after, max(0.0, after - before - interval))
        for before, after in itertools.pairwise(edges)
    ]


def longest(found: Iterable[Gap]) -> Gap:
    """The outage: the longest gap (the first of equals); a gap of zero where there is none."""
    return max(found, key=lambda gap: gap.seconds, default=Gap(0.0, 0.0, 0.0))


def two_owners(rounds: Iterable[Round], interval: float) -> float:
    """Seconds with two or more owners: rounds answered by two or more MACs, times the interval."""
    return sum(len(each.macs) > 1 for each in rounds) * interval


def round_of(mark: int, newest: int, marks: int) -> int:
    """The newest round not above `newest` marked `mark`; rounds are marked modulo `marks`."""
    return newest - (newest - mark) % marks


def answer_spans(answers: Iterable[Answer]) -> list[Span]:
    """Who answered the echo, in order of arrival, consecutive answers of one node joined."""
    ordered = sorted(answers, key=lambda answer: answer.at)
    return _join((answer.at, (answer.node,)) for answer in ordered)


def round_spans(rounds: Iterable[Round]) -> list[Span]:
    """Which MACs answered on the wire; a span without any says that nobody did."""
    return _join((each.at, tuple(sorted(each.macs))) for each in rounds)


def _join(points: Iterable[tuple[float, tuple[str, ...]]]) -> list[Span]:
    spans: list[Span] = []
    for at, who in points:
        if spans and spans[-1].who == who:
            spans[-1] = Span(who, spans[-1].start, at)
        else:
            spans.append(Span(who, at, at))
    return spans


def percentile(values: Iterable[float], percent: float) -> float:
    """The nearest-rank percentile (a value that occurs); 0.0 of none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[max(1, math.ceil(len(ordered) * percent / 100)) - 1]
