"""Questions about mail as a URL has them, for the API and the page alike."""

from cluster_admin.mail.counted import Question
from cluster_admin.rest.questions import BadQuestion, Query, check_names, number_of, range_of
from workers.maillog.core.tally import By

BACK_SECONDS = 86_400
ROWS, ROWS_MAX = 50, 1_000
TIME = "time"
BYS = (TIME, *(one.value for one in By))


def by_of(query: Query) -> str:
    """What numbers are told by; by time unless told."""
    told = query.get("by") or TIME
    if told not in BYS:
        raise BadQuestion("by", f"is {told[:40]!r}; write one of {', '.join(BYS)}")
    return told


def question_of(query: Query, readable: frozenset[str] | None, now: float) -> Question:
    """Of the last day unless told; of what the asker may read. Raises `BadQuestion`."""
    since, until = range_of(query, now, BACK_SECONDS)
    check_names(query, ("subcluster", "node"))
    names = readable
    if subcluster := query.get("subcluster", ""):
        names = frozenset({subcluster}) & (
            frozenset({subcluster}) if readable is None else readable
        )
    return Question(since, until, now, names, query.get("node", ""))


def limit_of(query: Query) -> int:
    """At most so many rows by name."""
    return number_of(query, "limit", ROWS, 1, ROWS_MAX)
