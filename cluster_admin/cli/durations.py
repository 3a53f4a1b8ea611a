"""Durations as people write and read them: 90s, 10m, 2h, 30d in; "3 min" out."""

import re
from datetime import UTC, datetime, timedelta

from cluster_admin.cli.errors import Usage

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
WRITTEN = re.compile(r"(\d{1,9})([smhdw]?)")


def seconds(written: str, what: str) -> int:
    """The duration in seconds; raises `Usage` naming `what`."""
    told = WRITTEN.fullmatch(written.strip())
    if not told:
        raise Usage(f"{what} is {written!r}; write a duration such as 90s, 10m, 2h or 30d")
    return int(told[1]) * SECONDS[told[2] or "s"]


def moment(written: str, what: str, now: datetime | None = None) -> str:
    """ISO 8601 with offset, of a time or of a duration before now."""
    if WRITTEN.fullmatch(written.strip()):
        before = timedelta(seconds=seconds(written, what))
        return ((now or datetime.now(UTC)) - before).isoformat(timespec="milliseconds")
    try:
        time = datetime.fromisoformat(written)
    except ValueError:
        way = "write a time such as 2026-01-31T12:00, or how long ago: 10m, 2h, 3d"
        raise Usage(f"{what} is {written!r}; {way}") from None
    return (time if time.tzinfo else time.astimezone()).isoformat(timespec="milliseconds")


def ago(age_seconds: float | None) -> str:
    """An age for people."""
    if age_seconds is None:
        return ""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if age_seconds < limit:
            digits = 1 if unit == 1 and age_seconds < 10 else 0
            return f"{age_seconds / unit:.{digits}f} {name}"
    return f"{age_seconds / 86400:.0f} d"
