"""Names of the API's resources, and its answers as values; loaded without the HTTP library."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cluster_admin.cli.errors import Usage

LONGEST_WORD = 1000
IDENTITIES = ("id", "name", "address", "node", "number", "vip")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the manager said: JSON decoded, or text."""

    body: Any
    etag: str = ""
    revision: int | None = None
    """The revision of the definitions that a change made."""


def path(*words: str | int) -> str:
    """Join words to the path of a resource, each of them quoted; none may be empty or dots."""
    for word in map(str, words):
        if word in ("", ".", "..") or len(word) > LONGEST_WORD:
            raise Usage(f"{word[:40]!r} is no name; see the names with the list command")
    return "".join(f"{quote(str(word), safe=':@')}/" for word in words)


def identity(row: Any) -> str:
    """What makes a row the same row on the next page, and at the next look."""
    named = (f"{key} {row[key]}" for key in IDENTITIES if isinstance(row, dict) and key in row)
    return next(named, None) or json.dumps(row, sort_keys=True)
