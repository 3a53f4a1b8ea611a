"""Questions about live tables and limits as URLs ask them; wrong values are refused by name."""

from typing import Any

from cluster_admin.replication import source
from cluster_admin.replication.answers import ROWS_MAX
from cluster_admin.replication.source import Readable
from cluster_admin.rest.questions import BadQuestion, Query, check_names, number_of

TOP, REFUSALS = 20, 100
ROWS_SECONDS = 20.0
"""Looking at millions of keys takes its time."""
CHART_SECONDS, CHART_SECONDS_MAX = 3_600, 86_400
KEY_MAX = 512
Told = dict[str, Any]


def tables(query: Query, readable: Readable) -> Told:
    """Every table, with how much is in it."""
    return source.ask("tables", readable, _words(query, "subcluster"))


def rows(query: Query, readable: Readable) -> Told:
    """What is in a table: the greatest, or the tree of its addresses."""
    asked: dict[str, Any] = _words(query, "subcluster", "table", "node")
    if not asked["table"]:
        raise BadQuestion("table", "is missing; write the name of a table")
    more = {
        "top": number_of(query, "top", TOP, 1, ROWS_MAX),
        "tree": _flag(query, "tree"),
        "span": float(number_of(query, "span", 0, 0, 31 * 86_400)) or None,
    }
    return source.ask("rows", readable, asked | more, ROWS_SECONDS)


def chart(query: Query, readable: Readable) -> Told:
    """The sum of a table over time; without a table the refusals since the nodes started."""
    seconds = number_of(query, "seconds", CHART_SECONDS, 60, CHART_SECONDS_MAX)
    return source.ask("chart", readable, {**_words(query, "subcluster", "table"), "back": seconds})


def nodes(query: Query, readable: Readable) -> Told:
    """How the nodes' replication is, as they told last."""
    return source.ask("nodes", readable, _words(query, "subcluster"))


def usage(query: Query, readable: Readable) -> Told:
    """How near each limit is to being reached."""
    near = number_of(query, "near", 5, 1, 20)
    return source.ask("limits", readable, {**_words(query, "subcluster", "limit"), "near": near})


def explain(query: Query, readable: Readable) -> Told:
    """Which limits apply to a key, and who was refused."""
    key = query.get("key", "").strip()
    if not key or len(key) > KEY_MAX:
        way = "write an address, a domain, a sender, a user or BINDING::DOMAIN"
        raise BadQuestion("key", f"is missing or too long; {way}")
    return source.ask("explain", readable, {**_words(query, "subcluster"), "key": key})


def refusals(query: Query, readable: Readable) -> Told:
    """The newest refusals that fit."""
    key = query.get("key", "").strip()[:KEY_MAX]
    top = number_of(query, "top", REFUSALS, 1, ROWS_MAX)
    words = _words(query, "subcluster", "node", "limit")
    return source.ask("refusals", readable, {**words, "key": key, "top": top})


def _words(query: Query, *names: str) -> dict[str, Any]:
    check_names(query, names)
    return {name: query.get(name, "").strip() for name in names}


def _flag(query: Query, name: str) -> bool:
    text = query.get(name) or "0"
    if text not in ("0", "1"):
        raise BadQuestion(name, f"is {text[:20]!r}; write 1 or 0")
    return text == "1"
