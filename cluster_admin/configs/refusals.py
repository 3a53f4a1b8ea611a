"""Why a configuration is not taken: every reason with file, line and node where it has them."""

from collections.abc import Iterable
from typing import NamedTuple

SHOWN = 10
"""So many reasons are in the sentence of a refusal; the object has all."""


class Problem(NamedTuple):
    """One reason. `line` counts from 1, 0 is not known; `node` is empty when it is about all."""

    path: str
    line: int
    node: str
    sentence: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        node = f" (for {self.node})" if self.node else ""
        return f"{place}: {self.sentence}{node}" if place else self.sentence


class Refused(Exception):
    """A configuration that is not taken; `problems` has every reason. Nothing was changed."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - SHOWN
        sentence = "; ".join(map(str, self.problems[:SHOWN]))
        super().__init__(sentence + (f"; and {more} more" if more > 0 else ""))
        self.sentence = str(self)


class UnknownNodeError(LookupError):
    """There is no such node in that revision."""


class DeniedError(Exception):
    """Who asks may not do this; the message says who may. Nothing was changed."""
