"""The files that a source names: a path, or all that a pattern matches.

Invariant: a rotated file is no log of its own where the log that it was is matched too, as
`mail.log.1` by `mail.log*`; at most `MATCHES_MAX` files are taken for one source.
"""

import fnmatch
import glob
from collections.abc import Iterable
from pathlib import Path

MATCHES_MAX = 256


def is_pattern(path: str) -> bool:
    """Whether a path stands for several."""
    return glob.has_magic(path)


def matches(path: str) -> tuple[list[str], int]:
    """The logs in the order of their names, and how many more there would be."""
    if not is_pattern(path):
        return [path], 0
    found = [one for one in glob.iglob(path) if Path(one).is_file() and not Path(one).is_symlink()]
    logs = _without_rotated(sorted(found))
    return logs[:MATCHES_MAX], max(0, len(logs) - MATCHES_MAX)


def names(pattern: str, path: str) -> bool:
    """Whether a source with this pattern, or path, may mean that file."""
    return path == pattern or (is_pattern(pattern) and fnmatch.fnmatchcase(path, pattern))


def _without_rotated(paths: Iterable[str]) -> list[str]:
    """A log sorts in front of what is named after it, but not always next to it."""
    logs: set[str] = set()
    for path in paths:
        beginnings = (path[:at] for at, letter in enumerate(path) if letter in ".-")
        if logs.isdisjoint(beginnings):
            logs.add(path)
    return sorted(logs)
