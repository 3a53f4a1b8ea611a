"""The thread that owns the live tree: recovers it, applies what is wanted, and looks at it.

It looks after each application and every `save_seconds`; then what failed without harm is tried
once more, and the replica is tidied up beside it.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from workers.config.applier import Applier
from workers.config.board import Board
from workers.config.core.orders import Target
from workers.config.core.reports import Report
from workers.config.edited import Edit
from workers.config.errors import ConfigError
from workers.config.replica import Replica

EDITS_AGAIN_SECONDS = 3_600.0
"""How often edits are told that nobody changed since: a listener may have missed them."""
PAUSE_SECONDS = 1.0
"""After a mistake of our own, which may come again."""

log = logging.getLogger("muster")


class Workbench:
    """Works for the `board` until that is closed."""

    def __init__(
        self, board: Board, applier: Applier, replica: Replica, save_seconds: float
    ) -> None:
        self._board = board
        self._applier = applier
        self._replica = replica
        self._save_seconds = save_seconds
        self._recovered = False
        self._quiet = False
        """What comes next is tried again, and only told if it is news."""
        self._last: Report | None = None
        self._told: tuple[Edit, ...] = ()
        self._told_at = time.monotonic()
        self._look_at = time.monotonic()
        self._housekeeping = threading.Thread()

    def run(self) -> None:
        """Work until the end."""
        self._guarded(self._begin)
        while not self._board.closed:
            self._guarded(self._turn)
        self._applier.close()

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception:
            log.exception("configuration: this is a mistake of Muster's")
            time.sleep(PAUSE_SECONDS)

    def _begin(self) -> None:
        self._board.began(self._applier.look())
        self._applier.warm()
        self._recover()
        self._see()

    def _turn(self) -> None:
        wait = max(0.0, self._look_at - time.monotonic())
        target = self._board.next(lambda: self._replica.newest[0], wait)
        if self._board.closed:
            return
        if target is not None:
            self._apply(target)
        elif time.monotonic() >= self._look_at:
            self._look_after()
        self._see()

    def _apply(self, target: Target) -> None:
        quiet, self._quiet = self._quiet, False
        if self._replica.gave_up(self._board.standing()[0].live.revision):
            # What is live is of a history that does not count any more: no number is older.
            target = replace(target, backwards=True)
        reports = self._applier.apply(target)
        self._board.ended(reports[-1])
        self._recovered = True
        for report in reports:
            if not (quiet and self._said(report)):
                self._board.report(report)
        self._last = reports[-1]

    def _said(self, report: Report) -> bool:
        """Whether the last one said the same."""
        last = self._last
        return last is not None and (last.outcome, last.sentence) == (
            report.outcome,
            report.sentence,
        )

    def _look_after(self) -> None:
        self._recover()
        self._quiet = self._board.again()
        if not self._housekeeping.is_alive():
            self._housekeeping = threading.Thread(
                target=self._tidy_up, name="housekeeping", daemon=True
            )
            self._housekeeping.start()

    def _tidy_up(self) -> None:
        self._replica.collect_garbage()
        if self._replica.is_damaged:
            self._board.tell_again()

    def _recover(self) -> None:
        """Bring to its end what a death interrupted, unless that is done."""
        if self._recovered:
            return
        try:
            report = self._applier.recover()
        except ConfigError as error:
            log.error("configuration: %s", error)
            return
        self._recovered = True
        if report is not None:
            self._board.report(report)

    def _see(self) -> None:
        """Look at the live tree, and have edits told that are new."""
        self._applier.warm()  # a template may have cost the process its life
        look, now = self._applier.look(), time.monotonic()
        self._look_at = now + self._save_seconds
        edits = self._applier.edits()
        again = self._board.tells_all() or now - self._told_at >= EDITS_AGAIN_SECONDS
        if edits == self._told and not again:
            edits = ()
        else:
            self._told, self._told_at = edits, now
        self._board.seen(look, edits)
