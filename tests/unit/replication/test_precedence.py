"""Which limits hold: those whose scope says most."""

from workers.replication.core.definitions import Limit, Per, Subject
from workers.replication.core.precedence import holding

SCOPES = {
    "binding and host": {"binding": "b", "host": "mx.x.example"},
    "host": {"host": "mx.x.example"},
    "binding and domain": {"binding": "b", "domain": "x.example"},
    "binding": {"binding": "b"},
    "domain": {"domain": "x.example"},
    "everything": {},
}


def limit(name: str, **scope: str) -> Limit:
    return Limit(name, Subject.OUTBOUND_MESSAGES, Per.DOMAIN, 1, 60.0, **scope)  # type: ignore[arg-type]


def test_the_most_specific_scope_holds() -> None:
    limits = [limit(name, **scope) for name, scope in SCOPES.items()]
    for number, name in enumerate(SCOPES):
        found = holding(reversed(limits[number:]), "b", "mx.x.example", "x.example")
        assert [one.name for one in found] == [name]


def test_a_scope_that_is_not_asked_about_does_not_hold() -> None:
    limits = [limit(name, **scope) for name, scope in SCOPES.items()]

    assert [one.name for one in holding(limits, "c", "", "y.example")] == ["everything"]


def test_all_limits_of_one_scope_hold() -> None:
    limits = [limit("day", domain="x.example"), limit("minute", domain="X.example."), limit("all")]
    limits[1] = limit("minute", domain="x.example")

    found = holding(limits, "", "", "x.example")
    assert [one.name for one in found] == ["day", "minute"]


def test_a_name_comes_before_all_names_below_one_and_the_longer_before_the_shorter() -> None:
    limits = [limit("a", domain=".example"), limit("b", domain=".x.example")]
    assert [one.name for one in holding(limits, "", "", "y.x.example")] == ["b"]
    limits.append(limit("c", domain="y.x.example"))

    assert [one.name for one in holding(limits, "", "", "y.x.example")] == ["c"]
    assert [one.name for one in holding(limits, "", "", "z.example")] == ["a"]
