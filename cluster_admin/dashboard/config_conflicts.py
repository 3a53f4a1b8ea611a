"""Conflicts, ready to be resolved: three panes a file, and a result to edit. Values in, values out.

"Mine" is what the reader wants to commit, "theirs" what others have committed since.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cluster_admin.dashboard.config_texts import ends_of, objection, sent
from workers.repository.core.changes import Entry
from workers.repository.errors import Sides

COMPARED_BYTES = 128 * 1024
"""Of a side whose lines are put together; larger files are taken whole, from either side."""
COMPARED_LINES = 5_000
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
MINE, MIDDLE, THEIRS = "<<<<<<< mine", "=======", ">>>>>>> theirs"


@dataclass(frozen=True, slots=True)
class Pane:
    """One side of a file."""

    name: str
    title: str
    content: bytes | None
    choice: bool
    """Whether the result can be made of it."""

    @property
    def absent(self) -> bool:
        """Whether there is no file on that side."""
        return self.content is None

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.content or b"")

    @property
    def binary(self) -> bool:
        """Whether it cannot be shown as text."""
        return bool(objection(self.content or b""))

    @property
    def text(self) -> str:
        """As text, with plain ends of lines."""
        return _text(self.content)


@dataclass(frozen=True, slots=True)
class File:
    """A file in conflict."""

    path: str
    panes: tuple[Pane, Pane, Pane]
    editable: bool
    """Whether a result can be written; otherwise mine or theirs is taken as it is."""
    result: str
    """What to begin with: the lines of both, with marks where they differ."""

    @property
    def mine_absent(self) -> bool:
        """Whether the reader deleted it."""
        return self.panes[2].absent

    @property
    def theirs_absent(self) -> bool:
        """Whether others deleted it."""
        return self.panes[1].absent

    @property
    def note(self) -> str:
        """What is to be known besides the lines."""
        if self.mine_absent:
            return "you delete it, others changed it"
        return "you change it, others deleted it" if self.theirs_absent else ""


def files_of(paths: Mapping[str, Sides], base: int, head: int) -> list[File]:
    """Every file in conflict, by path."""
    return [file_of(path, sides, base, head) for path, sides in sorted(paths.items())]


def file_of(path: str, sides: Sides, base: int, head: int) -> File:
    """One file in conflict."""
    contents = (sides.base, sides.theirs, sides.ours)
    editable = not any(objection(one or b"") for one in contents)
    panes = (
        Pane("base", f"Before: r{base}", sides.base, False),
        Pane("theirs", f"Theirs: r{head}", sides.theirs, True),
        Pane("mine", "Mine", sides.ours, True),
    )
    small = all(
        len(one or b"") <= COMPARED_BYTES and (one or b"").count(b"\n") <= COMPARED_LINES
        for one in contents
    )
    result = "".join(merged(*map(_text, contents))) if editable and small else _text(sides.ours)
    return File(path, panes, editable, result)


def merged(base: str, theirs: str, mine: str) -> Iterator[str]:
    """Lines of both; where both differ from the base and each other, both stand, with marks."""
    before, other, own = (_lines(one) for one in (base, theirs, mine))
    at = 0
    where_other, where_own = _places(before, other), _places(before, own)
    anchors = sorted(where_other.keys() & where_own.keys())
    start_other = start_own = 0
    for anchor in (*anchors, len(before)):
        end_other = where_other.get(anchor, len(other))
        end_own = where_own.get(anchor, len(own))
        yield from _stretch(before[at:anchor], other[start_other:end_other], own[start_own:end_own])
        if anchor < len(before):
            yield before[anchor]
        at, start_other, start_own = anchor + 1, end_other + 1, end_own + 1


def resolved(how: str, text: str, mine: Entry | None, theirs: Entry | None) -> Entry | None:
    """What a file shall be (None: not be): theirs, mine, or as written."""
    if how == "theirs":
        return theirs
    if how == "mine":
        return mine
    like = mine or theirs or Entry(b"")
    return Entry(sent(text, ends_of(like.content)), like.executable)


def unresolved(content: bytes) -> bool:
    """Whether the marks of a conflict are still in a file."""
    lines = set(content.splitlines())
    return not lines.isdisjoint({MINE.encode(), THEIRS.encode()})


def _stretch(before: list[str], other: list[str], own: list[str]) -> Iterator[str]:
    """What stands between two lines that all three have."""
    if other in (own, before):
        yield from own
    elif own == before:
        yield from other
    else:
        yield from (f"{MINE}\n", *_ended(own), f"{MIDDLE}\n", *_ended(other), f"{THEIRS}\n")


def _places(before: list[str], after: list[str]) -> dict[int, int]:
    """Line of `before` -> the same line in `after`, for those that stayed."""
    # Lines that are everywhere are no anchors: that bounds the time (`autojunk`).
    matcher = difflib.SequenceMatcher(None, before, after)
    return {one.a + n: one.b + n for one in matcher.get_matching_blocks() for n in range(one.size)}


def _lines(text: str) -> list[str]:
    return _LINE.findall(text)


def _ended(lines: list[str]) -> list[str]:
    """The lines, the last one with an end."""
    return [line if line.endswith("\n") else f"{line}\n" for line in lines]


def _text(content: bytes | None) -> str:
    return (content or b"").decode("utf-8", "replace").replace("\r\n", "\n")
