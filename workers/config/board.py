"""What the desk's two threads leave for each other: orders and looks, targets and reports.

Invariants: only who holds the lock touches what is shared; nothing here grows without bound, and of
too many orders or reports the newest stay.
"""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from workers.config.applier import Look
from workers.config.core.messages import Order
from workers.config.core.orders import Target, Targets
from workers.config.core.reports import Report
from workers.config.edited import Edit

WAITING_MAX = 16
"""Of orders with a part of a pack in each, and of reports."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """What came since the last time: orders to take in, and what is to be told."""

    orders: tuple[Order, ...]
    reports: tuple[Report, ...]
    edits: tuple[Edit, ...]


class Board:
    """Shared by who tells and who applies."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._targets = Targets()
        self._orders: deque[Order] = deque(maxlen=WAITING_MAX)
        self._reports: deque[Report] = deque(maxlen=WAITING_MAX)
        self._edits: tuple[Edit, ...] = ()
        self._begun = False
        self._look = Look()
        self._busy = True
        self._news = False
        self._all_again = False
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether it is over."""
        return self._closed

    def post(self, order: Order) -> None:
        """Leave an order."""
        with self._changed:
            self._orders.append(order)
            self._changed.notify_all()

    def tell_again(self) -> None:
        """Have everything told once more."""
        with self._changed:
            self._news = self._all_again = True
            self._changed.notify_all()

    def close(self) -> None:
        """Have both end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # For who tells.

    def gather(self, seconds: float) -> Gathered:
        """Wait for something to do, for so long; perhaps there is nothing."""
        with self._changed:
            self._changed.wait_for(self._has_work, seconds)
            found = Gathered(tuple(self._orders), tuple(self._reports), self._edits)
            self._orders.clear()
            self._reports.clear()
            self._edits, self._news = (), False
            return found

    def _has_work(self) -> bool:
        """Nothing is told before the first look: what runs here would be told as nothing."""
        return self._closed or (self._begun and bool(self._news or self._orders))

    def taken(self, order: Order) -> bool:
        """Say that an order is taken in; False when a newer one came before."""
        with self._changed:
            newer = self._targets.order(order)
            self._changed.notify_all()
            return newer

    def forget(self) -> None:
        """Let no order count that came before: its numbers were another history's."""
        with self._changed:
            self._targets = Targets()

    def standing(self) -> tuple[Look, bool, Order | None]:
        """The last look, whether an application is under way, and the newest order."""
        with self._changed:
            return self._look, self._busy, self._targets.newest

    @property
    def wish(self) -> int:
        """The newest thing that an operator asked for; 0: nothing."""
        return self._targets.wish

    # For who applies.

    def next(self, newest: Callable[[], int], seconds: float) -> Target | None:
        """Wait for a revision to apply, for so long, or until all is to be told again.

        `newest` is the number of the replica's newest revision.
        """
        found: Target | None = None

        def ready() -> bool:
            nonlocal found
            found = found or self._targets.next(newest())
            return self._closed or self._all_again or found is not None

        with self._changed:
            self._changed.wait_for(ready, seconds)
            self._busy = found is not None
            self._news = self._news or self._busy
            self._changed.notify_all()
            return found

    def tells_all(self) -> bool:
        """Whether everything was to be told again; asked once."""
        with self._changed:
            asked, self._all_again = self._all_again, False
            return asked

    def report(self, report: Report) -> None:
        """Leave a report to be told."""
        with self._changed:
            self._reports.append(report)

    def ended(self, report: Report) -> None:
        """Say what came of the target that `next` gave."""
        with self._changed:
            self._targets.ended(report.outcome)

    def again(self) -> bool:
        """Let what failed without harm be tried once more; whether something did."""
        with self._changed:
            return self._targets.again()

    def began(self, look: Look) -> None:
        """Leave the first look; nothing is told before."""
        with self._changed:
            self._look, self._news, self._begun = look, True, True
            self._changed.notify_all()

    def seen(self, look: Look, edits: tuple[Edit, ...]) -> None:
        """Leave a look, and edits to be told; nothing is under way."""
        with self._changed:
            changed = self._busy or look != self._look or edits
            self._look, self._busy, self._edits = look, False, edits or self._edits
            self._news = self._news or bool(changed or self._reports)
            self._changed.notify_all()
