"""Questions about mail as a URL has them, for the API and the page alike."""

from collections.abc import Mapping

from cluster_admin.mail.counted import Question
from cluster_admin.rest.moments import seconds_of
from workers.maillog.core.tally import By

BACK_SECONDS = 86_400
NAME_MAX = 255
ROWS, ROWS_MAX = 50, 1_000
TIME = "time"
BYS = (TIME, *(one.value for one in By))


class BadQuestion(Exception):
    """A value that cannot be asked with: its name, and a sentence that goes on from there."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"{name} {sentence}")
        self.name, self.sentence = name, sentence


def by_of(query: Mapping[str, str]) -> str:
    """What numbers are told by; by time unless told."""
    told = query.get("by") or TIME
    if told not in BYS:
        raise BadQuestion("by", f"is {told[:40]!r}; write one of {', '.join(BYS)}")
    return told


def question_of(query: Mapping[str, str], readable: frozenset[str] | None, now: float) -> Question:
    """Of the last day unless told; of what the asker may read. Raises `BadQuestion`."""
    until = _moment(query.get("until") or "0s", "until", now)
    since = _moment(query.get("since") or f"{BACK_SECONDS}s", "since", now)
    if since >= until:
        raise BadQuestion("since", "is not before until; write an earlier time")
    for name in ("subcluster", "node"):
        if len(query.get(name, "")) > NAME_MAX:
            raise BadQuestion(name, f"is longer than {NAME_MAX} characters; write a name")
    names = readable
    if subcluster := query.get("subcluster", ""):
        names = frozenset({subcluster}) & (
            frozenset({subcluster}) if readable is None else readable
        )
    return Question(since, until, now, names, query.get("node", ""))


def limit_of(query: Mapping[str, str]) -> int:
    """At most so many rows by name."""
    told = query.get("limit") or str(ROWS)
    number = int(told) if told.isascii() and told.isdigit() and len(told) < 9 else 0
    if not 1 <= number <= ROWS_MAX:
        raise BadQuestion("limit", f"is {told[:20]!r}; write 1 to {ROWS_MAX:,}")
    return number


def _moment(text: str, name: str, now: float) -> float:
    try:
        return seconds_of(text, now)
    except ValueError as error:
        raise BadQuestion(name, str(error)) from None
