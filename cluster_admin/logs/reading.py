"""Questions about collected logs as people ask them, by names, times and expressions.

Values are those of a URL, for the API and the pages alike. What makes no sense is refused with the
name of the value. Times are ISO 8601 (UTC unless it says otherwise), or how long ago: 15m, 2h, 7d.
"""

from typing import Any

from django.conf import settings

from cluster_admin.rest.questions import BadQuestion, Query, check_names, number_of, range_of
from workers.logs.core.patterns import PatternError, checked
from workers.logs.core.questions import (
    BARS_MAX,
    LINES_MAX,
    TAIL_LINES_MAX,
    Histogram,
    Search,
    Tail,
    Trace,
)

NAMES = ("subcluster", "node", "source")
SECONDS = 25.0
"""How long reading may take; clients of the API wait for 30."""
LINES, TAIL_LINES, BARS = 500, 100, 60
AHEAD_SECONDS = 60.0
"""Clocks of nodes may be ahead."""
SEARCH_BACK_SECONDS, TRACE_BACK_SECONDS = 86_400.0, 7 * 86_400.0
Readable = frozenset[str] | None
"""Subclusters that the asker may read; None: every one."""


def search_of(query: Query, readable: Readable, now: float) -> Search:
    """Lines that match `grep`; of the last day unless told."""
    times = _times(query, now, SEARCH_BACK_SECONDS)
    limit = number_of(query, "limit", LINES, 1, LINES_MAX)
    return Search(pattern=_pattern(query), limit=limit, **times, **_scope(query, readable))


def histogram_of(query: Query, readable: Readable, now: float) -> Histogram:
    """How many of them there are when; until now unless told."""
    times = _times(query, now, SEARCH_BACK_SECONDS, ahead_seconds=0.0)
    bars = number_of(query, "bars", BARS, 1, BARS_MAX)
    return Histogram(pattern=_pattern(query), bars=bars, **times, **_scope(query, readable))


def trace_of(query: Query, readable: Readable, now: float) -> Trace:
    """All about `key`; of the last week unless told."""
    key = query.get("key", "").strip()
    if not key.strip("<> ") or len(key) > 1_000:
        raise BadQuestion("key", "is missing; write a queue id, a message id or a mail address")
    times = _times(query, now, TRACE_BACK_SECONDS)
    limit = number_of(query, "limit", LINES, 1, LINES_MAX)
    index = settings.MUSTER_LOGS_INDEX
    return Trace(key=key, index=index, limit=limit, **times, **_scope(query, readable))


def tail_of(query: Query, readable: Readable) -> Tail:
    """The newest `lines`, and what comes, unless `follow` is 0."""
    follow = query.get("follow") or "1"
    if follow not in ("0", "1"):
        raise BadQuestion("follow", f"is {follow[:20]!r}; write 1 or 0")
    lines = number_of(query, "lines", TAIL_LINES, 0, TAIL_LINES_MAX)
    return Tail(
        pattern=_pattern(query), lines=lines, follow=follow == "1", **_scope(query, readable)
    )


def _scope(query: Query, readable: Readable) -> dict[str, Any]:
    check_names(query, NAMES)
    names = {name: query.get(name, "").strip() for name in NAMES}
    may = None if readable is None else tuple(sorted(readable))
    return {"template": settings.MUSTER_LOGS_DESTINATION, "readable": may, **names}


def _pattern(query: Query) -> str:
    text = query.get("grep", "")
    if text:
        try:
            checked(text)
        except PatternError as error:
            raise BadQuestion("grep", f"cannot be used: {error}") from None
    return text


def _times(
    query: Query, now: float, back_seconds: float, ahead_seconds: float = AHEAD_SECONDS
) -> dict[str, Any]:
    """The range of time, and how long reading may take."""
    since, until = range_of(query, now, back_seconds, ahead_seconds)
    return {"since": since, "until": until, "seconds": SECONDS}
