"""The clients of one kind of local server: how many there may be, and which have to go. Pure.

A client that says nothing for long, takes too long to end what it began, or does not read what it
is told is closed; where there are too many, those that said nothing for the longest time go.
"""

from collections.abc import Iterable
from heapq import nsmallest
from typing import Protocol, TypeVar

CLIENTS_MAX = 4_096
"""Postfix has a process for each connection of a client: 100 unless told otherwise."""
IDLE_SECONDS = 900.0
"""Postfix itself closes after 300 s without a request."""
UNFINISHED_SECONDS = 30.0
UNREAD_SECONDS = 30.0
CROWD_PART = 16
"""Where it is crowded, one in so many goes at once, so that room is made in few looks."""


class Client(Protocol):
    """What is known of a client."""

    heard_at: float
    begun_at: float | None
    """Since when it is in the middle of a request."""
    held_up_at: float | None
    """Since when it does not read."""


C = TypeVar("C", bound=Client)


def overdue(clients: Iterable[C], now: float) -> list[tuple[C, str]]:
    """Return who has to go, and why."""
    found = []
    for one in clients:
        if one.held_up_at is not None and now - one.held_up_at > UNREAD_SECONDS:
            found.append((one, "unread"))
        elif one.begun_at is not None and now - one.begun_at > UNFINISHED_SECONDS:
            found.append((one, "unfinished"))
        elif now - one.heard_at > IDLE_SECONDS:
            found.append((one, "idle"))
    return found


def crowded_out(clients: Iterable[C], most: int) -> list[C]:
    """Return who goes so that others come in: those that said nothing for the longest time."""
    return nsmallest(max(1, most // CROWD_PART), clients, key=lambda one: one.heard_at)
