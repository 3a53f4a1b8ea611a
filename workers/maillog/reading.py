"""Numbers of what happened to mail, for those who only read: over time, and by name.

`workers.maillog.counts` makes them. Spans that are long are told in long steps of time, so that no
question looks at more than it shows. Nothing here writes, nor needs the right to; where it has it,
what a death of the counter left half done is taken back.
"""

import contextlib
import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from workers.maillog.core.counted import Outcome
from workers.maillog.core.tally import MINUTE, By, Numbers, step_for
from workers.maillog.counts import WAIT_SECONDS, CountsError, check

__all__ = ["CountsError", "Reader", "Row"]
POINTS_MAX, SUMS_MAX = 2_900, 400
"""Steps that are looked at for a line over time, and for a sum by names."""
_SUMS = ", ".join(f"SUM({one.value})" for one in Outcome)


@dataclass(frozen=True, slots=True)
class Row:
    """Numbers of a name, or of a time; in the order of `Outcome`."""

    key: str | int
    """A name, or when the step begins in seconds."""
    numbers: Numbers


class Reader:
    """The numbers for those who only read. Use it in a `with`; raises `CountsError`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            raise CountsError(
                f"{path} is not there: nobody counts mail on this host; start its collector of logs"
            )
        with self._told():
            where = f"{path.absolute().as_uri()}?mode=rw"
            self._base = sqlite3.connect(where, uri=True, timeout=WAIT_SECONDS)
            check(self._base, path)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._base.close()

    def counted_at(self) -> float:
        """When all there was had been counted, in seconds; 0: never."""
        with self._told():
            row = self._base.execute("SELECT counted_at FROM freshness").fetchone()
        return float(row[0]) if row else 0.0

    def over_time(
        self,
        since: float,
        until: float,
        now: float,
        *,
        subclusters: Collection[str] | None = None,
        node: str = "",
    ) -> tuple[int, list[Row]]:
        """Seconds of a step, and numbers by step from `since` on; None, empty: of all."""
        step = step_for(since, until, now, POINTS_MAX)
        return step, self._summed(
            "start", step, By.NODE, since, until, subclusters=subclusters, name=node
        )

    def by_name(
        self,
        by: By,
        since: float,
        until: float,
        now: float,
        *,
        subclusters: Collection[str] | None = None,
        name: str = "",
    ) -> list[Row]:
        """Numbers by name, the largest first, `OTHER` where its number puts it."""
        step = step_for(since, until, now, SUMS_MAX)
        rows = self._summed("name", step, by, since, until, subclusters=subclusters, name=name)
        return sorted(rows, key=lambda row: (-sum(row.numbers), row.key))

    def by_minute(
        self, by: By, since: float, until: float, *, subclusters: Collection[str]
    ) -> list[tuple[int, str, Numbers]]:
        """Numbers of each minute and name: when it begins, the name, the numbers."""
        places = ", ".join("?" * len(subclusters))
        with self._told():
            rows = self._base.execute(
                f"SELECT start, name, {_SUMS} FROM numbers WHERE step = ? AND dimension = ? "  # noqa: S608
                f"AND start >= ? AND start < ? AND subcluster IN ({places}) GROUP BY start, name",
                (MINUTE, by.value, since, until, *subclusters),
            )
            return [(start, name, tuple(numbers)) for start, name, *numbers in rows]

    def _summed(
        self,
        key: str,
        step: int,
        by: By,
        since: float,
        until: float,
        *,
        subclusters: Collection[str] | None,
        name: str,
    ) -> list[Row]:
        where = "step = ? AND dimension = ? AND start >= ? AND start < ?"
        values: list[object] = [step, by.value, since // step * step, until]
        if subclusters is not None:
            where += f" AND subcluster IN ({', '.join('?' * len(subclusters))})"
            values += subclusters
        if name:
            where += " AND name = ?"
            values.append(name)
        with self._told():
            rows = self._base.execute(
                f"SELECT {key}, {_SUMS} FROM numbers WHERE {where} GROUP BY {key} ORDER BY {key}",  # noqa: S608
                values,
            )
            return [Row(key, tuple(numbers)) for key, *numbers in rows]

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise CountsError(f"{self._path}: {error}; see whether its collector runs") from error
