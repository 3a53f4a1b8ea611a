"""Names of the API's resources, and its answers as values; loaded without the HTTP library."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

IDENTITIES = ("id", "name", "address", "number", "vip")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the manager said: JSON decoded, or text."""

    body: Any
    etag: str = ""
    revision: int | None = None
    """The revision of the definitions that a change made."""


def path(*words: str | int) -> str:
    """Join words to the path of a resource, each of them quoted."""
    return "".join(f"{quote(str(word), safe=':@')}/" for word in words)


def identity(row: Any) -> str:
    """What makes a row the same row on the next page, and at the next look."""
    named = (f"{key} {row[key]}" for key in IDENTITIES if isinstance(row, dict) and key in row)
    return next(named, None) or json.dumps(row, sort_keys=True)
