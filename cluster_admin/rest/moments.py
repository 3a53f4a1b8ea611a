"""Times as people write them into URLs: ISO 8601, or how long ago: 15m, 2h, 7d."""

import re
from datetime import UTC, datetime

LAST_YEAR = 9000
_AGO = re.compile(r"(\d{1,9})([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def seconds_of(text: str, now: float) -> float:
    """Seconds since 1970; UTC unless it says otherwise. Raises `ValueError` with a sentence."""
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return max(0.0, now - int(ago[1]) * _UNITS[ago[2]])
    try:
        found = datetime.fromisoformat(text)
        if not 1970 < found.year <= LAST_YEAR:
            raise ValueError
    except ValueError:
        way = "write a time such as 2026-01-31T12:00, or how long ago: 15m, 2h, 7d"
        raise ValueError(f"is {text[:40]!r}; {way}") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
