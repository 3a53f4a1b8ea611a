"""Copies of one history: which has most of it, and where two part.

A history is the hashes of its commits from r1 on. Each commit names the one before, so histories
that have the same commit at a number are the same up to there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Commits = Sequence[str]


@dataclass(frozen=True, slots=True)
class Split:
    """Two histories that each have revisions which the other lacks."""

    one: str
    other: str
    common: int
    """The last revision that both have; 0: none."""


def newest(histories: Mapping[str, Commits]) -> str | Split:
    """Whose history has all that the others have, the first of several; `Split` if nobody's."""
    longest = max(histories, key=lambda name: len(histories[name]))
    for name, commits in histories.items():
        common = shared(commits, histories[longest])
        if common < len(commits):
            return Split(longest, name, common)
    return longest


def shared(one: Commits, other: Commits) -> int:
    """How many revisions two histories have in common, from r1 on."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[middle - 1] == other[middle - 1] else (low, middle - 1)
    return low
