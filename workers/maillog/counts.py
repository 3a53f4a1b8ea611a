"""Numbers of what happened to mail, on the disk together with how far each log was read.

A small SQLite database. Invariant: numbers and position change in one transaction, and only when
the position is still the one that was read from: so a line counts once, whoever dies when, or two
count at the same time. It is derived from logs: removed, it is made anew from those still there.
"""

import contextlib
import os
import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from workers.maillog.core.counted import Outcome
from workers.maillog.core.tally import (
    KEPT,
    NAMES_MAX,
    STEPS,
    Group,
    Names,
    Tally,
    merged,
    trimmed,
)

FORMAT = 1
WAIT_SECONDS = 10.0
"""Longest wait for another process that writes."""
LOST_SECONDS = 40 * 86_400
"""How far a log was read is forgotten when it was not seen for so long."""
MODE = 0o640
_COLUMNS = ", ".join(one.value for one in Outcome)
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS logs (
  path TEXT PRIMARY KEY, position INTEGER NOT NULL, head_bytes INTEGER NOT NULL,
  head BLOB NOT NULL, whole INTEGER NOT NULL, seen INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS numbers (
  step INTEGER NOT NULL, dimension TEXT NOT NULL, start INTEGER NOT NULL,
  subcluster TEXT NOT NULL, name TEXT NOT NULL,
  {", ".join(f"{one.value} INTEGER NOT NULL" for one in Outcome)},
  PRIMARY KEY (step, dimension, start, subcluster, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS freshness (counted_at REAL NOT NULL);
"""


class CountsError(Exception):
    """The numbers cannot be read or kept; the sentence says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a log was read, in bytes, and how it begins, so that another is told from it."""

    position: int = 0
    head_bytes: int = 0
    head: bytes = b""
    """A digest of its first `head_bytes` bytes."""
    whole: bool = False
    """Nothing more will come into it, and all of it was read."""


class Counts:
    """The numbers of a collector. For one thread. `path`: its file. Raises `CountsError`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._told():
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, MODE))
            self._base = sqlite3.connect(path, timeout=WAIT_SECONDS, isolation_level=None)
            self._base.execute("PRAGMA synchronous = FULL")
            with self._transaction():
                check(self._base, path)
                for statement in _SCHEMA.split(";"):
                    self._base.execute(statement)
                self._base.execute(f"PRAGMA user_version = {FORMAT}")

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def progress(self) -> dict[str, Progress]:
        """Log -> how far it was read."""
        with self._told():
            rows = self._base.execute("SELECT path, position, head_bytes, head, whole FROM logs")
            return {one[0]: Progress(one[1], one[2], one[3], bool(one[4])) for one in rows}

    def keep(self, path: str, old: Progress, new: Progress, tally: Tally, now: float) -> bool:
        """Keep numbers and position as one; False, and nothing, when it is not at `old` now."""
        with self._told(), self._transaction():
            if self._position(path) != old.position:
                return False
            self._base.execute(
                "INSERT OR REPLACE INTO logs VALUES (?, ?, ?, ?, ?, ?)",
                (path, new.position, new.head_bytes, new.head, new.whole, int(now)),
            )
            for step in STEPS:
                for group, names in tally.by_steps(step).items():
                    if group.start >= now - KEPT[step]:
                        self._add(step, group, names)
        return True

    def counted(self, now: float) -> None:
        """Note that all there is was counted at this time."""
        with self._told(), self._transaction():
            self._base.execute("DELETE FROM freshness")
            self._base.execute("INSERT INTO freshness VALUES (?)", (now,))

    def tidy(self, seen: Collection[str], now: float) -> None:
        """Forget what is too old; `seen` are the logs that are there."""
        with self._told(), self._transaction():
            for step in STEPS:
                self._base.execute(
                    "DELETE FROM numbers WHERE step = ? AND start < ?", (step, now - KEPT[step])
                )
            update = "UPDATE logs SET seen = ? WHERE path = ?"
            self._base.executemany(update, ((int(now), path) for path in seen))
            self._base.execute("DELETE FROM logs WHERE seen < ?", (now - LOST_SECONDS,))

    def _position(self, path: str) -> int:
        row = self._base.execute("SELECT position FROM logs WHERE path = ?", (path,)).fetchone()
        return int(row[0]) if row else 0

    def _add(self, step: int, group: Group, names: Names) -> None:
        """Add to the numbers of a group, and keep the most frequent names."""
        place = (step, group.by.value, group.start, group.subcluster)
        where = "WHERE step = ? AND dimension = ? AND start = ? AND subcluster = ?"
        rows = self._base.execute(f"SELECT name, {_COLUMNS} FROM numbers {where}", place)  # noqa: S608
        before: Names = {name: tuple(numbers) for name, *numbers in rows}
        after = trimmed(merged((before, names)), NAMES_MAX[group.by])
        if gone := before.keys() - after.keys():
            self._base.executemany(
                f"DELETE FROM numbers {where} AND name = ?",  # noqa: S608
                ((*place, name) for name in gone),
            )
        marks = ", ".join("?" * (5 + len(Outcome)))
        self._base.executemany(
            f"INSERT OR REPLACE INTO numbers VALUES ({marks})",  # noqa: S608
            sorted((*place, name, *row) for name, row in after.items() if row != before.get(name)),
        )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise CountsError(f"{self._path}: {error}; see the disk") from error


def check(base: sqlite3.Connection, path: Path) -> None:
    """Raise `CountsError` for a file of another version."""
    found = base.execute("PRAGMA user_version").fetchone()[0]
    if found not in (0, FORMAT):
        raise CountsError(
            f"{path} is of another version ({found}, not {FORMAT}); remove it, and mail is counted "
            "anew from the logs that are still there"
        )
