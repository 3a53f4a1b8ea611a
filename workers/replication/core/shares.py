"""What a node may do of each limit on its own: the limit divided by the nodes that are alive. Pure.

For servers that cannot ask before each delivery, such as Postfix. Shares of the nodes add up to the
limit at most, but for one case: a node may always have one connection and one message at a time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workers.replication.core import precedence
from workers.replication.core.definitions import Limit, Per, Subject

_OPEN = (
    Subject.OUTBOUND_CONNECTIONS,
    Subject.OUTBOUND_SCOPE_CONNECTIONS,
    Subject.OUTBOUND_SERVER_CONNECTIONS,
)
_ALL_TOGETHER = frozenset({Per.GLOBAL, Per.BINDING})


@dataclass(frozen=True, slots=True)
class Share:
    """Of one node, at most; None: no limit. Rates are messages per second."""

    connections: int | None = None
    """Open to one destination."""
    all_connections: int | None = None
    """Open to all destinations together."""
    rate: float | None = None
    all_rate: float | None = None


def share_of(limits: Iterable[Limit], alive: int, binding: str = "", domain: str = "") -> Share:
    """Return what one of `alive` nodes may send by a binding to a domain; both may be empty.

    Of each subject the limits of the most specific scope hold. What is only tested refuses nobody,
    and what is for one remote host is not known before the connection is there.
    """
    active = [one for one in limits if one.enabled and not one.test and not one.host]
    nodes = max(1, alive)
    held = [one for subject in _OPEN for one in _holding(active, subject, binding, domain)]
    sent = _holding(active, Subject.OUTBOUND_MESSAGES, binding, domain)
    apart, together = _connections(held, nodes, False), _connections(held, nodes, True)
    return Share(apart, together, _rate(sent, nodes, False), _rate(sent, nodes, True))


def _holding(limits: Sequence[Limit], subject: Subject, binding: str, domain: str) -> list[Limit]:
    of_subject = (one for one in limits if one.subject is subject)
    return precedence.holding(of_subject, binding, "", domain)


def _connections(limits: Iterable[Limit], nodes: int, together: bool) -> int | None:
    counts = (max(1, one.most // nodes) for one in limits if _is_of(one, together))
    return min(counts, default=None)


def _rate(limits: Iterable[Limit], nodes: int, together: bool) -> float | None:
    rates = (one.most / one.window / nodes for one in limits if _is_of(one, together))
    return min(rates, default=None)


def _is_of(limit: Limit, together: bool) -> bool:
    """Whether a limit is one sum for all destinations, or one for each."""
    one_sum = limit.per in _ALL_TOGETHER or limit.subject is Subject.OUTBOUND_SCOPE_CONNECTIONS
    return one_sum is together
