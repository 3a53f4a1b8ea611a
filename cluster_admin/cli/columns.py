"""Which fields of an object a table shows, under which name, and how they read.

Columns stand in order of importance: a narrow terminal loses them from the right. A value is what
csv has; its text is what a table has. Every field can be asked for with --columns.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from cluster_admin.cli.durations import ago
from cluster_admin.cli.errors import Usage


class Rank(IntEnum):
    """When a column is shown."""

    KEY = 0
    """Always."""
    MAIN = 1
    """In a table with room for it."""
    WIDE = 2
    """With -o wide, and in csv."""
    ASKED = 3
    """Only when --columns names it, and when one object is shown."""


def plain(value: Any) -> str:
    """A value in one line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(map(plain, value))
    if isinstance(value, dict):
        return " ".join(f"{key}={plain(each)}" for key, each in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def nobody(value: Any) -> str:
    """An owner; nobody is said in words."""
    return plain(value) or "nobody"


def clock(value: Any) -> str:
    """Date and time of day where the reader is; csv and json have the offset."""
    return _local(value, "%Y-%m-%d %H:%M:%S")


def instant(value: Any) -> str:
    """The same for what happens within a second; the year is known."""
    return _local(value, "%m-%d %H:%M:%S.%f")[:18]


def _local(value: Any, form: str) -> str:
    try:
        return datetime.fromisoformat(plain(value)).astimezone().strftime(form)
    except (ValueError, OverflowError):
        return plain(value)


@dataclass(frozen=True, slots=True)
class Column:
    """One field: `path` leads to it, such as status.owner; of several, all that have something."""

    name: str
    path: str = ""
    rank: Rank = Rank.MAIN
    text: Callable[[Any], str] = plain
    alarm: bool = False
    """Whether anything but zero or nothing calls for attention."""
    most: int = 0
    """Widest when a table has no room for all; 0: as wide as it is."""
    brief: bool = False
    """Whether it sums up columns that stand for themselves in wide and csv."""

    def value(self, row: Any) -> Any:
        """What the row has there, None when it has nothing."""
        if " " in self.path:
            parts = (Column(part).value(row) for part in self.path.split())
            return " ".join(plain(part) for part in parts if part)
        for key in (self.path or self.name).split("."):
            row = row.get(key) if isinstance(row, dict) else None
        return row

    def cell(self, row: Any) -> str:
        """The text for a table: one line, nothing that steers a terminal."""
        return printable(self.text(self.value(row)))

    def field(self, row: Any) -> str:
        """The text for csv: exact, lists by spaces, objects as JSON."""
        value = self.value(row)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, dict) or (isinstance(value, list) and _deep(value)):
            return json.dumps(value, ensure_ascii=False)
        return " ".join(map(str, value)) if isinstance(value, list) else _exact(value)


def age(name: str, path: str, rank: Rank = Rank.MAIN) -> Column:
    """A column of seconds that reads as an age."""
    return Column(name, path, rank, ago)


def printable(text: str) -> str:
    """The text with every character that would steer a terminal written out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def chosen(columns: Sequence[Column], names: str | None, most: Rank) -> list[Column]:
    """The columns named, in that order; without names those up to a rank."""
    if not names:
        brief = most is Rank.MAIN
        return [one for one in columns if one.rank <= most and (brief or not one.brief)]
    known = {column.name: column for column in columns}
    wanted = [name.strip().lower() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in known:
            raise Usage(f"there is no column {name}; known are {', '.join(known)}")
    return [known[name] for name in wanted]


def _deep(values: list[Any]) -> bool:
    return any(isinstance(value, list | dict) for value in values)


def _exact(value: Any) -> str:
    return "" if value is None else str(value)
