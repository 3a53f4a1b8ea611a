"""What a node may do of each limit on its own: the limit divided by the nodes that are alive. Pure.

For servers that cannot ask before each delivery, such as Postfix. Shares of the nodes add up to the
limit at most, but for one case: a node may always have one connection and one message at a time.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workers.replication.core import precedence
from workers.replication.core.definitions import Limit, Per, Subject

USUAL_CONCURRENCY, USUAL_PROCESSES = 20, 100
"""Of Postfix: deliveries to one destination at a time, and of a transport."""
DELAY_SECONDS_MAX = 1_000_000_000
"""Longer than any message waits: nothing is sent."""
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


@dataclass(frozen=True, slots=True)
class Transport:
    """What keeps a transport of Postfix within a share; delays are whole seconds, 0: none."""

    destination_concurrency_limit: int = USUAL_CONCURRENCY
    destination_rate_delay: int = 0
    """Between two deliveries to a destination; Postfix then has one of them at a time."""
    transport_rate_delay: int = 0
    """Between two deliveries of the transport."""
    process_limit: int = USUAL_PROCESSES
    """The `maxproc` of its line in master.cf."""


def transport_of(
    share: Share, concurrency: int = USUAL_CONCURRENCY, processes: int = USUAL_PROCESSES
) -> Transport:
    """Return the settings for a share; without a limit those given.

    Postfix waits for whole seconds or not at all, so a rate above one a second is not kept by a
    delay: more is sent, and the counting of the mail log shows it. Slower ones are rounded down.
    """
    whole = processes if share.all_connections is None else min(processes, share.all_connections)
    apart = concurrency if share.connections is None else min(concurrency, share.connections)
    return Transport(
        destination_concurrency_limit=min(apart, whole),
        destination_rate_delay=_delay(share.rate),
        transport_rate_delay=_delay(share.all_rate),
        process_limit=whole,
    )


def _delay(rate: float | None) -> int:
    if rate is None or rate > 1:
        return 0
    return min(DELAY_SECONDS_MAX, math.ceil(1 / rate)) if rate > 0 else DELAY_SECONDS_MAX
