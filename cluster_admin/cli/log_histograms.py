"""A histogram of lines as commands print it: a bar for each span of time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cluster_admin.cli import shapes
from cluster_admin.cli.columns import Column, Rank, clock
from cluster_admin.cli.shapes import Look, tell

BAR_CHARACTERS = 40
"""Of the longest bar."""
_EIGHTHS = " ▏▎▍▌▋▊▉"
COLUMNS = (
    Column("since", rank=Rank.KEY, text=clock),
    Column("lines", "count", rank=Rank.KEY),
    Column("bar", rank=Rank.MAIN),
    Column("until", rank=Rank.WIDE, text=clock),
)


def buckets(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each span of the manager's answer, earliest first: since, until, count."""
    since, until = (datetime.fromisoformat(told[name]) for name in ("since", "until"))
    counts, length = told["counts"], until - since
    ends = [(since + length * one / len(counts)).isoformat() for one in range(len(counts) + 1)]
    return [
        {"since": start, "until": end, "count": count}
        for start, end, count in zip(ends[:-1], ends[1:], counts, strict=True)
    ]


def bar(count: int, most: int) -> str:
    """As long as its share of the most, in eighths of a character; something for any line."""
    eighths = -(-count * BAR_CHARACTERS * 8 // most) if most else 0
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def show(told: Mapping[str, Any], look: Look) -> None:
    """Print it; people are told how many lines there are together."""
    rows = buckets(told)
    if look.verbatim:
        shapes.put(shapes.document(rows, look.output))
    else:
        most = max(told["counts"], default=0)
        drawn = [row | {"bar": bar(row["count"], most)} for row in rows]
        shapes.rows_text(drawn, COLUMNS, look).print()
    if look.for_people:
        total = sum(told["counts"])
        tell(f"{total} line{'' if total == 1 else 's'}")
    if told["note"]:
        tell(told["note"])
