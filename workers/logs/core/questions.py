"""What a manager asks `workers.logs.reader` about collected logs, and what it is answered.

One question goes in as JSON, answers come out as JSON, one on a line; the last one is `Done` or
`Refused`. Times are seconds since 1970, of the range `since` <= time < `until`.
"""

from typing import Annotated

import msgspec

TEXT_MAX = 65_536
"""Characters of a line that are told; one that had more is marked as cut."""
ANSWER_CHARACTERS = 16 << 20
"""Of the texts of one answer; then it ends, and says that there is more."""
LINES_MAX = 10_000
TAIL_LINES_MAX = 1_000
BARS_MAX = 500
Count = Annotated[int, msgspec.Meta(ge=0)]


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Whose logs: an empty name stands for all of them."""

    template: str
    """The collector's destination."""
    readable: tuple[str, ...] | None = None
    """The subclusters that the reader may read; None: every one."""
    subcluster: str = ""
    node: str = ""
    source: str = ""


class Search(Scope, frozen=True, kw_only=True, tag="search"):
    """The first lines in which an expression matches; an empty one stands for all lines."""

    pattern: str = ""
    since: float
    until: float
    limit: Annotated[int, msgspec.Meta(ge=1, le=LINES_MAX)]
    seconds: float
    """How long it may take."""


class Histogram(Scope, frozen=True, kw_only=True, tag="histogram"):
    """How many such lines there are in each of so many spans of equal length."""

    pattern: str = ""
    since: float
    until: float
    bars: Annotated[int, msgspec.Meta(ge=1, le=BARS_MAX)]
    seconds: float


class Trace(Scope, frozen=True, kw_only=True, tag="trace"):
    """All lines about a queue id, a message id or an address, from node to node."""

    key: str
    index: str
    """The directory of the collector's index."""
    since: float
    until: float
    limit: Annotated[int, msgspec.Meta(ge=1, le=LINES_MAX)]
    seconds: float


class Tail(Scope, frozen=True, kw_only=True, tag="tail"):
    """The newest lines, and, if `follow`, what is written from then on, for ever."""

    pattern: str = ""
    lines: Annotated[int, msgspec.Meta(ge=0, le=TAIL_LINES_MAX)]
    follow: bool


Question = Search | Histogram | Trace | Tail


class Found(msgspec.Struct, frozen=True, tag="line"):
    """A line."""

    moment: float | None
    """None when neither it nor those in front of it say a time."""
    subcluster: str
    node: str
    source: str
    text: str
    cut: bool
    """Whether it was longer."""
    path: str
    offset: int
    """Where it begins in its file; with the path, what tells lines apart."""


class Skipped(msgspec.Struct, frozen=True, tag="skipped"):
    """So many bytes of a file were passed over, since more was written than can be followed."""

    node: str
    source: str
    bytes: int


class Bars(msgspec.Struct, frozen=True, tag="bars"):
    """Lines in each span, the earliest first."""

    counts: tuple[Count, ...]


class Alive(msgspec.Struct, frozen=True, tag="alive"):
    """Whoever follows a tail hears this when there is nothing else to say."""


class Done(msgspec.Struct, frozen=True, tag="done"):
    """That is all that there is to say."""

    files: int
    """That were looked at."""
    more: bool = False
    """Whether there is, or may be, more than was told."""
    note: str = ""
    """Why, and what to do."""


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The question makes no sense; the sentence says why."""

    sentence: str


Answer = Found | Skipped | Bars | Alive | Done | Refused
