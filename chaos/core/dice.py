"""Draws that a seed fixes for ever: the same on every machine and under every Python.

A draw is a hash of the seed and of how many draws came before it; no generator of a library, whose
sequence may change, and no randomness.
"""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Thing = TypeVar("Thing")
_BYTES = 8


class Dice:
    """One sequence of draws; `seed`: words or numbers that name it."""

    def __init__(self, *seed: object) -> None:
        self._seed = "/".join(map(str, seed))
        self._drawn = 0

    def fraction(self) -> float:
        """From 0 up to, not including, 1."""
        self._drawn += 1
        digest = hashlib.sha256(f"{self._seed}#{self._drawn}".encode()).digest()
        return int.from_bytes(digest[:_BYTES], "big") / (1 << 8 * _BYTES)

    def between(self, low: float, high: float) -> float:
        """A number of seconds, in hundredths."""
        return round(low + (high - low) * self.fraction(), 2)

    def chance(self, share: float) -> bool:
        """True in that share of all draws."""
        return self.fraction() < share

    def pick(self, things: Sequence[Thing]) -> Thing:
        """One of them."""
        return things[int(self.fraction() * len(things))]

    def some(self, things: Sequence[Thing], least: int, most: int) -> tuple[Thing, ...]:
        """From `least` to `most` of them, in their order; never more than there are."""
        count = least + int(self.fraction() * (min(most, len(things)) - least + 1))
        left = list(range(len(things)))
        chosen = sorted(left.pop(int(self.fraction() * len(left))) for _ in range(count))
        return tuple(things[place] for place in chosen)
