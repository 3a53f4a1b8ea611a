"""The desk of a node's configuration: takes orders in, has them applied, and tells how it stands.

Two threads: this one owns the replica and tells, the `workbench` owns the live tree, so that a
commit reaches the replica while an application is under way. Truth is what is told: at the start,
after each change and every minute; orders are hints, and may be lost. Invariant: nothing that a
manager, a broker or the disk does ends a thread.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from workers.config.applier import Applier
from workers.config.board import Board
from workers.config.core.messages import Applied, Ask, Edited, Message, Order, Past, Standing
from workers.config.core.reports import DRIFT_MAX, SENTENCE_CHARACTERS
from workers.config.edited import Edit
from workers.config.errors import StateError
from workers.config.own_history import OwnHistory
from workers.config.own_tree import Parse
from workers.config.replica import Replica
from workers.config.settings import Configuration
from workers.config.workbench import Workbench
from workers.repository.errors import RepositoryError

STANDING_SECONDS = 60.0
WANTING_SECONDS = 5.0
"""The same while it lacks a pack."""
CLOSE_SECONDS = 3.0
"""How long an application under way is waited for; the next start goes on with it."""

log = logging.getLogger("muster")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who tells: a node of a subcluster."""

    subcluster: str
    node: str


class Desk:
    """One node's; `run` it in a thread. `say` must not wait; `parse` reads definitions."""

    def __init__(
        self,
        configuration: Configuration,
        identity: Identity,
        parse: Parse,
        say: Callable[[Message], None],
    ) -> None:
        self._configuration = configuration
        self._node = identity.node
        self._say = say
        self._started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._sequence = 0
        self._refused = 0
        self._replica = Replica(configuration.repository)
        self._history = OwnHistory()
        self._applier = Applier(
            configuration, identity.subcluster, identity.node, parse, self._replica
        )
        self._board = Board()
        self._workbench = Workbench(
            self._board, self._applier, self._replica, configuration.save_seconds
        )
        self._over = threading.Event()

    def order(self, order: Order) -> None:
        """Take an order in, at once; of too many the newest count."""
        self._board.post(order)

    def refuse(self, task: str) -> None:
        """Count a task that no manager signed; the count is told with what is told next."""
        self._refused += 1
        if str(self._refused).rstrip("0") == "1":  # seldom, however many come
            way = "if a manager sent it, give both the same cluster key"
            log.error("%s is refused, the %dth: not signed; %s", task, self._refused, way)

    def tell_again(self) -> None:
        """Tell everything once more: who listens may have missed it."""
        self._board.tell_again()

    def run(self) -> None:
        """Work until `close`."""
        applying = threading.Thread(target=self._workbench.run, name="workbench", daemon=True)
        try:
            self._replica.open()
            applying.start()
            while not self._board.closed:
                self._turn()
            applying.join(CLOSE_SECONDS)
            self._turn()  # what came of it is told
        finally:
            self._history.close()
            self._replica.close()
            self._over.set()

    def close(self) -> None:
        """End it; an application under way is waited for a moment."""
        self._board.close()
        self._over.wait(CLOSE_SECONDS + 1.0)

    def _turn(self) -> None:
        """Wait for something to do, and do it."""
        wanting = self._replica.wants(self._board.standing()[2])[0]
        found = self._board.gather(WANTING_SECONDS if wanting else STANDING_SECONDS)
        try:
            for order in found.orders:
                self._take(order)
            self._replica.repair(time.monotonic())
            for report in found.reports:
                self._say(Applied(**self._signature(), report=report))
            self._say(self._standing())
            for number, edit in enumerate(found.edits, start=1):
                self._say(self._edited(edit, more=number < len(found.edits)))
        except Exception:
            log.exception("configuration: this is a mistake of Muster's")

    def _take(self, order: Order) -> None:
        if order.ask is not None:
            self._tell_history(order.ask)
            return
        if self._replica.take(order, time.monotonic()):
            self._board.forget()
        if not self._replica.is_of(order):
            log.info("configuration: r%d is not of the replica's history", order.head)
        elif not self._board.taken(order):
            log.info("configuration: an order for r%d is older than another", order.head)

    def _tell_history(self, ask: Ask) -> None:
        """Tell what this node's own history has that the manager lacks, some of it at a time."""
        try:
            for one in self._history.pieces(self._replica.repository, ask):
                self._say(Past(**self._signature(), **asdict(one)))
        except (StateError, RepositoryError, OSError) as error:
            log.error("configuration: the history cannot be told: %s", error)

    def _standing(self) -> Standing:
        look, busy, newest = self._board.standing()
        number, commit = self._replica.newest
        wants, offset = self._replica.wants(newest)
        return Standing(
            **self._signature(),
            number=number,
            commit=commit,
            live=look.live.revision,
            live_hash=look.live.hash,
            target=newest.target if newest else 0,
            wish=self._board.wish,
            busy=busy,
            drift=look.drift[:DRIFT_MAX],
            drift_count=len(look.drift),
            wants=wants,
            offset=offset,
            autoupdate=self._configuration.autoupdate,
            refused=self._refused,
            trouble=(self._replica.trouble or look.trouble)[:SENTENCE_CHARACTERS],
            histories=True,
            repaired=self._replica.repaired[:SENTENCE_CHARACTERS],
        )

    def _edited(self, edit: Edit, more: bool) -> Edited:
        return Edited(
            **self._signature(),
            live=self._board.standing()[0].live.revision,
            path=edit.path,
            content=edit.content,
            executable=edit.executable,
            more=more,
        )

    def _signature(self) -> dict[str, Any]:
        """What every message says of its sender."""
        self._sequence += 1
        return {
            "node": self._node,
            "started_at": self._started_at,
            "sequence": self._sequence,
        }
