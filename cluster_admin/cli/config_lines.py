r"""Three-way merge by line: what two sides made of the same text, where they changed other lines.

Contents are bytes; a line keeps what ends it, so that CRLF is content like any other. Invariant:
what one side alone changed is in the result as that side wrote it; where both changed the same or
neighbouring lines differently there is no result. The shape is that of diff3: lines of the base
that both sides kept divide the text into regions, and each region is decided by itself.
"""

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WORK_MAX = 1_000_000
"""Pairs of equal lines to look at; texts with more are not merged: it would take seconds."""

Lines = Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Run:
    """Lines of the base that a side has too: where they begin in either, and how many."""

    base: int
    side: int
    length: int


@dataclass(frozen=True, slots=True)
class Common:
    """Lines that all three have: where they begin in each, and how many."""

    base: int
    mine: int
    theirs: int
    length: int


def merge(base: bytes, mine: bytes, theirs: bytes) -> bytes | None:
    """The text with the changes of both sides; None when they conflict or are no text."""
    if any(b"\0" in side for side in (base, mine, theirs)):
        return None
    before, ours, others = (side.splitlines(keepends=True) for side in (base, mine, theirs))
    kept_here, kept_there = _runs(before, ours), _runs(before, others)
    if kept_here is None or kept_there is None:
        return None
    merged: list[bytes] = []
    here = there = done = 0
    end = Common(len(before), len(ours), len(others), 0)
    for common in (*_common(kept_here, kept_there), end):
        region = (
            before[done : common.base],
            ours[here : common.mine],
            others[there : common.theirs],
        )
        decided = _decide(*region)
        if decided is None:
            return None
        done = common.base + common.length
        here, there = common.mine + common.length, common.theirs + common.length
        merged += decided
        merged += before[common.base : done]
    return b"".join(merged)


def _decide(before: Lines, mine: Lines, theirs: Lines) -> Lines | None:
    """A region as whoever changed it wrote it; None when both did, and differently."""
    if mine == before:
        return theirs
    return mine if theirs in (before, mine) else None


def _common(first: Sequence[Run], second: Sequence[Run]) -> Iterator[Common]:
    """The lines of the base that are in runs of both sides."""
    i = j = 0
    while i < len(first) and j < len(second):
        one, other = first[i], second[j]
        start = max(one.base, other.base)
        ends = one.base + one.length, other.base + other.length
        if start < min(ends):
            mine, theirs = one.side + start - one.base, other.side + start - other.base
            yield Common(start, mine, theirs, min(ends) - start)
        if ends[0] <= ends[1]:
            i += 1
        else:
            j += 1


def _runs(base: Lines, side: Lines) -> list[Run] | None:
    """What a side kept of the base, in order; None when it is too much work to tell."""
    head = _alike(base, side)
    tail = _alike(base[head:][::-1], side[head:][::-1])
    old, new = base[head : len(base) - tail], side[head : len(side) - tail]
    counts = Counter(new)
    if sum(counts[line] for line in old) > WORK_MAX:
        return None
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    blocks = [Run(head + a, head + b, size) for a, b, size in matcher.get_matching_blocks()]
    runs = [Run(0, 0, head), *blocks, Run(len(base) - tail, len(side) - tail, tail)]
    return [run for run in runs if run.length]


def _alike(one: Lines, other: Lines) -> int:
    """How many lines both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
