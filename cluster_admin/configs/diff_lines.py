"""The lines of a difference as values, read from the unified text that git's library writes.

Every text here is fit to be printed anywhere: what does not show, or steers a terminal or the
direction of writing, stands as a sign or as `<U+NNNN>`. So it is for people, not for `patch`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

LINE_CHARACTERS = 1_000
"""Of one line that are shown."""
CARRIAGE_RETURN = "\N{SYMBOL FOR CARRIAGE RETURN}"
_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_NO_NEWLINE = "\\"
"""What the line begins with that says so of the line before."""


class Mark(StrEnum):
    """On which side a line stands."""

    BOTH = " "
    OLD = "-"
    NEW = "+"


_MARKS = {mark.value: mark for mark in Mark}
_Raw = tuple[Mark, str, int, int, bool]
"""A line as it was read: mark, text, its numbers, whether a new line follows."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file."""

    mark: Mark
    text: str
    old: int = 0
    """Its number on the old side, from 1 on; 0: it is not there. So for `new`."""
    new: int = 0
    newline: bool = True
    """Whether the file goes on with a new line after it; only the last line may have none."""
    more: int = 0
    """Characters that `text` leaves out at its end."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that follow one another, with those that differ and a few around them."""

    old: int
    """Number of the first line on the old side. So for `new`."""
    old_count: int
    """How many lines of the old side it covers, shown or not. So for `new_count`."""
    new: int
    new_count: int
    lines: tuple[Line, ...]

    @property
    def heading(self) -> str:
        """As unified diffs have it."""
        return f"@@ -{self.old},{self.old_count} +{self.new},{self.new_count} @@"


@dataclass(slots=True)
class Reading:
    """What was read of one file's text."""

    hunks: tuple[Hunk, ...] = ()
    added: int = 0
    """Lines of the whole text, shown or not. So for `removed`."""
    removed: int = 0
    left_out: int = 0
    """Lines that are not in `hunks`."""
    shortened: bool = False
    """Whether a line is not shown to its end."""
    both_endings: bool = False
    """Whether some lines end in CR LF and others in LF alone; then the former show a sign."""


def read(text: str, limit: int) -> Reading:
    """The hunks of a unified diff of one file, at most `limit` lines in all."""
    body = text[max(0, text.find("\n@@ ")) :]
    found = Reading(added=body.count("\n+"), removed=body.count("\n-"))
    reader = _Reader(limit)
    for one in body.split("\n") if limit > 0 else ():
        if not reader.take(one):
            break
    kept = [line for _, lines in reader.hunks for line in lines]
    found.left_out = found.added + found.removed + body.count("\n ") - len(kept)
    found.both_endings = len({text.endswith("\r") for _, text, _, _, ends in kept if ends}) > 1
    found.hunks = tuple(
        Hunk(*place, tuple(_shown(line, found) for line in lines)) for place, lines in reader.hunks
    )
    return found


def visible(text: str) -> str:
    """The same with a sign for each character that does not show; tabs stay."""
    return text if text.isprintable() else "".join(map(_sign, text))


class _Reader:
    """Takes one line of the text after another; what it is, the headings say by their counts."""

    def __init__(self, limit: int) -> None:
        self.hunks: list[tuple[tuple[int, int, int, int], list[_Raw]]] = []
        self._room = limit
        self._old = self._new = 0
        self._old_end = self._new_end = 0
        self._lines: list[_Raw] = []
        """Of the newest hunk."""

    def take(self, text: str) -> bool:
        """Keep it; False when there is no room for it."""
        if text.startswith(_NO_NEWLINE) and self._lines:
            self._lines[-1] = (*self._lines[-1][:4], False)
            return True
        if not self._room:
            return False
        if self._old < self._old_end or self._new < self._new_end:
            self._line(_MARKS.get(text[:1], Mark.BOTH), text[1:])
        elif heading := _HUNK.match(text):
            self._begin([1 if number is None else int(number) for number in heading.groups()])
        return True

    def _begin(self, place: list[int]) -> None:
        self._old, old_count, self._new, new_count = place
        self._old_end, self._new_end = self._old + old_count, self._new + new_count
        self._lines = []
        self.hunks.append(((self._old, old_count, self._new, new_count), self._lines))

    def _line(self, mark: Mark, text: str) -> None:
        at_old, at_new = mark is not Mark.NEW, mark is not Mark.OLD
        self._room -= 1
        old, new = self._old if at_old else 0, self._new if at_new else 0
        self._lines.append((mark, text, old, new, True))
        self._old += at_old
        self._new += at_new


def _shown(raw: _Raw, found: Reading) -> Line:
    """A line as people see it."""
    mark, whole, old, new, newline = raw
    text = whole.removesuffix("\r")
    sign = CARRIAGE_RETURN if found.both_endings and text != whole else ""
    more = max(0, len(text) - LINE_CHARACTERS)
    found.shortened |= more > 0
    return Line(mark, visible(text[:LINE_CHARACTERS]) + sign, old, new, newline, more)


def _sign(character: str) -> str:
    if character == "\t" or character.isprintable():
        return character
    code = ord(character)
    if code < 32:
        return chr(0x2400 + code)
    return "\N{SYMBOL FOR DELETE}" if code == 127 else f"<U+{code:04X}>"
