"""Which of the limits on the same thing hold: those whose scope says most. Pure.

The order is binding and host, host, binding and domain, binding, domain, everything. Of one scope
all hold, such as so many a minute and so many a day; of two scopes that say as much, the one whose
limit is named first, so that all nodes choose alike.
"""

from collections.abc import Iterable

from workers.replication.core.definitions import Limit
from workers.replication.core.limit_keys import domain_of

_RANKS = {
    (True, True, False): 0,
    (False, True, False): 1,
    (True, False, True): 2,
    (True, False, False): 3,
    (False, False, True): 4,
    (False, False, False): 5,
}


def rank(limit: Limit) -> int:
    """Return how much the scope of a limit says: 0 is the most specific, 5 is everything."""
    scope = (bool(limit.binding), bool(limit.host), bool(limit.domain))
    return _RANKS.get(scope, 0)


def covers(limit: Limit, binding: str, host: str, domain: str) -> bool:
    """Whether what is asked for is within the scope of `limit`; a scope ".a.b" is all below a.b."""
    return (
        limit.binding in ("", binding)
        and (not limit.host or _within(limit.host, host))
        and (not limit.domain or _within(limit.domain, domain))
    )


def holding(limits: Iterable[Limit], binding: str, host: str, domain: str) -> list[Limit]:
    """Return the limits that hold: all of the most specific scope that covers what is asked for."""
    found = [one for one in limits if covers(one, binding, host, domain)]
    first = min(found, key=_order, default=None)
    return [one for one in found if first is not None and _scope(one) == _scope(first)]


def _order(limit: Limit) -> tuple[int, bool, int, str]:
    """By rank; then the whole name before all that is below one, and the longer name first."""
    name = limit.host or limit.domain
    return rank(limit), name.startswith("."), -len(name), limit.name


def _scope(limit: Limit) -> tuple[str, str, str]:
    return limit.binding, limit.host, limit.domain


def _within(scope: str, name: str) -> bool:
    scope, name = domain_of(scope), domain_of(name)
    return name == scope or (scope.startswith(".") and name.endswith(scope))
