"""Collected logs as people read them: which files there are, search, and trace.

Nothing here writes. Searching runs in processes of its own, so that a regular expression that
never ends cannot hold up whoever asks. Invariant: an index only says what need not be read; what
it does not cover is read.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from workers.logs import searching, tracing
from workers.logs.core import destination
from workers.logs.core.lines import Line, LogFile
from workers.logs.core.patterns import PatternError, checked

__all__ = ["Line", "LogFile", "PatternError", "files", "search", "trace"]

SEARCH_SECONDS = 60.0
LINES_MAX = 10_000
ZSTD = ".zst"
"""What the name of a compressed file ends in; while both are there, the other one counts."""
MARGIN_SECONDS = 86_400.0
"""A file is left out by its age only when it is older by this: clocks of nodes may differ."""
_NUMBERS = {"%Y": r"\d{4}", "%m": r"\d\d", "%d": r"\d\d", "%H": r"\d\d", "%M": r"\d\d"}
_NAMES = {"%{l}": "log", "%{s}": "subcluster", "%{n}": "node"}


def files(
    template: str,
    *,
    since: float | None = None,
    until: float | None = None,
    node: str = "",
    subcluster: str = "",
    log: str = "",
) -> list[LogFile]:
    """The collector's files by its destination's template, sorted by path; empty: any.

    `since`, `until`: seconds; what was last written before `since` is left out. `until` is taken
    for symmetry: a file's lines say it. Raises `destination.TemplateError`.
    """
    wanted = {"node": node, "subcluster": subcluster, "log": log}
    shapes = [re.compile(one) for one in _shapes(template)]
    found: dict[str, LogFile] = {}
    for path, names in _walk("/", shapes, {}):
        if any(value and names.get(key, "") != value for key, value in wanted.items()):
            continue
        if since is None or _written(path) >= since - MARGIN_SECONDS:
            file = LogFile(path, names.get("subcluster", ""), names["node"], names["log"])
            found[path] = file
    return [
        file
        for path, file in sorted(found.items())
        if not path.endswith(ZSTD) or path.removesuffix(ZSTD) not in found
    ]


def search(
    found: Sequence[LogFile],
    pattern: str,
    *,
    since: float | None = None,
    until: float | None = None,
    limit: int = 1_000,
    seconds: float = SEARCH_SECONDS,
) -> Iterator[Line]:
    """Lines in which a regular expression matches, in time order over all files, at most `limit`.

    `since` <= time < `until`, in seconds; a line without a time has that of the one in front of
    it. The pattern is Python's, and sees one line at a time, as UTF-8 bytes. Raises `PatternError`;
    `TimeoutError` after so many seconds.
    """
    expression = checked(pattern)
    return searching.search(found, expression, since, until, limit, seconds)


def trace(
    found: Sequence[LogFile],
    key: str,
    *,
    index: Path | None = None,
    since: float | None = None,
    until: float | None = None,
    limit: int = LINES_MAX,
) -> list[Line]:
    """All lines about a QUEUE-ID, MESSAGE-ID or mail ADDRESS, over nodes, in time order.

    From a queue id to the message id, and with it to the queue ids of other nodes. `index`: the
    directory of the collector's `Index`; without one, everything is read.
    """
    return tracing.trace(found, key, index, since, until, limit)


def _shapes(template: str) -> list[str]:
    """What each part of the path looks like, as a regular expression with names for the names."""
    shapes, seen = [""], set()
    for part in destination.parsed(template).parts:
        if part in _NAMES:
            name = _NAMES[part]
            shapes[-1] += f"(?P={name})" if name in seen else f"(?P<{name}>[^/]+)"
            seen.add(name)
        elif part == "%%":
            shapes[-1] += "%"
        elif part.startswith("%"):
            shapes[-1] += _NUMBERS.get(part, "[^/]+")
        else:
            first, *rest = part.split("/")
            shapes[-1] += re.escape(first)
            shapes += [re.escape(one) for one in rest]
    return [one for one in shapes if one]


def _walk(
    directory: str, shapes: list[re.Pattern[str]], names: dict[str, str]
) -> Iterator[tuple[str, dict[str, str]]]:
    """Paths below a directory that look like the rest of a template, and the names in them."""
    try:
        with os.scandir(directory) as entries:
            here = [(one, one.is_dir(), one.is_file()) for one in entries]
    except OSError:
        return
    for entry, is_directory, is_file in here:
        name = entry.name.removesuffix(ZSTD) if len(shapes) == 1 else entry.name
        match = shapes[0].fullmatch(name)
        if match is None:
            continue
        known = names | match.groupdict()
        if len(shapes) == 1 and is_file:
            yield entry.path, known
        elif len(shapes) > 1 and is_directory:
            yield from _walk(entry.path, shapes[1:], known)


def _written(path: str) -> float:
    """When it was last written to; 0 when it is gone."""
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return 0.0
