"""When a line was written: the three forms of time that mail logs have, as seconds since 1970.

`Nov 29 00:41:02` says neither year nor zone; `2026-11-29T00:41:02.123456+00:00` says both;
`2026-11-29 00:41:02` says no zone unless `+0100` follows. What is missing comes from the reader:
the zone of the host, and about when it is.
"""

import re

DAY = 86_400
_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
_FULL = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(\.\d{1,9})? ?(?:(Z)|([+-])(\d\d):?(\d\d))?"
)
_SHORT = re.compile(r"([A-Z][a-z]{2}) ([ \d]\d) (\d\d):(\d\d):(\d\d)")


class Moments:
    """Reads times; `offset` is what the host's zone is ahead of UTC, in seconds.

    Mutable: most lines say what the line before said, so that answer is kept.
    """

    def __init__(self, offset: int = 0) -> None:
        self._offset = offset
        self._now, self._latest = 0.0, 1970
        """About when it is, and the latest year that a time without one can be of."""
        self._text = ""
        self._year = 0
        self._seconds: float | None = None

    def seconds(self, text: str, now: float) -> float | None:
        """When that was; None when it is no time. `now` (seconds) is when it was read, about.

        A time without a year is of the newest year that puts it at most a day after `now`.
        """
        if now != self._now:
            self._now, self._latest = now, year_of(now + self._offset + DAY)
        if text != self._text or self._latest != self._year:
            self._text, self._year = text, self._latest
            self._seconds = self._read(text, now, self._latest)
        return self._seconds

    def _read(self, text: str, now: float, year: int) -> float | None:
        found = _FULL.fullmatch(text)
        if found is not None:
            numbers = [int(part) for part in found.groups()[:6]]
            whole = _whole(*numbers)
            if whole is None:
                return None
            return whole + float(found[7] or 0) - self._zone(found)
        short = _SHORT.fullmatch(text)
        if short is None or short[1] not in _MONTHS:
            return None
        day, hour, minute, second = (int(part) for part in short.groups()[1:])
        for candidate in range(year, year - 9, -1):
            # Nine years back: there is a 29 February among any eight.
            whole = _whole(candidate, _MONTHS[short[1]], day, hour, minute, second)
            if whole is not None and whole - self._offset <= now + DAY:
                return float(whole - self._offset)
        return None

    def _zone(self, found: re.Match[str]) -> int:
        if found[8]:
            return 0
        if not found[9]:
            return self._offset
        ahead = int(found[10]) * 3_600 + int(found[11]) * 60
        return -ahead if found[9] == "-" else ahead


def days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a date in the Gregorian calendar."""
    since_march = (month + 9) % 12
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * since_march + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def year_of(seconds: float) -> int:
    """The year, in UTC."""
    count = int(seconds // DAY)
    year = 1970 + count * 400 // 146_097
    while days(year + 1, 1, 1) <= count:
        year += 1
    while days(year, 1, 1) > count:
        year -= 1
    return year


def _whole(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    """Seconds since 1970 of a time in UTC; None when there is no such."""
    if not (1 <= month <= 12 and day >= 1 and hour < 24 and minute < 60 and second <= 60):
        return None
    first = days(year, month, 1)
    next_first = days(year + month // 12, month % 12 + 1, 1)
    if first + day > next_first:
        return None
    return (first + day - 1) * DAY + hour * 3_600 + minute * 60 + second
