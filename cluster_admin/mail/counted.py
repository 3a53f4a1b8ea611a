"""Where the numbers of mail are, and what the pages, the API and rollouts ask of them."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from workers.maillog.core.counted import Outcome
from workers.maillog.core.tally import ORDER, By, Numbers, total
from workers.maillog.reading import Reader, Row

DELIVERED, DEFERRED, BOUNCED = (
    ORDER.index(one) for one in (Outcome.DELIVERED, Outcome.DEFERRED, Outcome.BOUNCED)
)


@dataclass(frozen=True, slots=True)
class Question:
    """Whose numbers, and of when (seconds); None: of every subcluster, empty: of every node."""

    since: float
    until: float
    now: float
    subclusters: Collection[str] | None = None
    node: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """An answer: rows, what they sum up to, and how long a step of time is, in seconds."""

    rows: list[Row]
    total: Numbers
    step: int = 0


def reader() -> Reader:
    """The numbers of this host's collector; raises `CountsError`."""
    return Reader(Path(settings.MUSTER_MAIL_COUNTS))


def over_time(counts: Reader, asked: Question) -> Told:
    """Numbers by step of time; steps without any are left out."""
    step, rows = counts.over_time(
        asked.since, asked.until, asked.now, subclusters=asked.subclusters, node=asked.node
    )
    return Told(rows, total(row.numbers for row in rows), step)


def by_name(counts: Reader, by: By, asked: Question) -> Told:
    """Numbers by name, the largest first; `node` counts only where numbers are told by node."""
    name = asked.node if by is By.NODE else ""
    rows = counts.by_name(
        by, asked.since, asked.until, asked.now, subclusters=asked.subclusters, name=name
    )
    return Told(rows, total(row.numbers for row in rows))


def attempts(numbers: Numbers) -> int:
    """Attempts to deliver to a recipient."""
    return numbers[DELIVERED] + failures(numbers)


def failures(numbers: Numbers) -> int:
    """Those that were deferred or bounced."""
    return numbers[DEFERRED] + numbers[BOUNCED]


def failed_percent(numbers: Numbers) -> float | None:
    """How many of a hundred attempts failed; None without any attempt."""
    tried = attempts(numbers)
    return round(100 * failures(numbers) / tried, 2) if tried else None
