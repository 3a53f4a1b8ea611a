"""Differences side by side: rows with a line of each side, and where within them they differ."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

from cluster_admin.configs.diff_lines import Hunk, Line, Mark

Part = tuple[int, int]
"""Characters from the first to before the second; the same twice: none."""
NO_PART: Part = (0, 0)


@dataclass(frozen=True, slots=True)
class Row:
    """Lines that stand beside one another; None: that side has none here."""

    old: Line | None
    new: Line | None
    old_part: Part = NO_PART
    """What of the old line's text is not in the new one's, if both are there and differ."""
    new_part: Part = NO_PART

    @property
    def changed(self) -> bool:
        """Whether the sides differ here."""
        return self.old is None or self.new is None or self.old.mark is not Mark.BOTH


def rows(hunk: Hunk) -> Iterator[Row]:
    """The rows of a hunk: lines that went beside those that came in their place."""
    went: list[Line] = []
    came: list[Line] = []
    for line in hunk.lines:
        if line.mark is Mark.OLD and not came:
            went.append(line)
        elif line.mark is Mark.NEW:
            came.append(line)
        else:
            yield from _pairs(went, came)
            went, came = [], []
            if line.mark is Mark.BOTH:
                yield Row(line, line)
            else:
                went.append(line)
    yield from _pairs(went, came)


def parts(old: str, new: str) -> tuple[Part, Part]:
    """What is left of two texts between the beginning and the end that they share."""
    shorter = min(len(old), len(new))
    start = 0
    while start < shorter and old[start] == new[start]:
        start += 1
    end = 0
    while end < shorter - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return (start, len(old) - end), (start, len(new) - end)


def _pairs(went: list[Line], came: list[Line]) -> Iterator[Row]:
    for old, new in zip_longest(went, came):
        if old is None or new is None:
            yield Row(old, new)
        else:
            yield Row(old, new, *parts(old.text, new.text))
