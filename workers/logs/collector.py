"""The collector of logs: pieces come from the nodes, files come out, nodes hear what is kept.

    python -m workers.logs.collector --config collector.toml

Invariants: a piece is answered and acknowledged only once it is on the disk (`workers.logs.store`);
while the disk is full nothing is taken, and nothing lost. A node that missed an answer, for its
own death or ours or the broker's, gets it again: all positions are told at each new connection.
"""

import argparse
import contextlib
import logging
import signal
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from workers.bus.errors import BusError
from workers.bus.keys import load_keys
from workers.exit_codes import Exit
from workers.logs.collector_link import Delivery, Link, LinkError
from workers.logs.collector_settings import Settings, SettingsError, read_settings
from workers.logs.core.collecting import Gaps, key, told
from workers.logs.core.destination import TemplateError
from workers.logs.core.ledger import Verdict
from workers.logs.core.messages import Kept, Shipment, Want
from workers.logs.housekeeping import Housekeeper
from workers.logs.indexing import Indexing
from workers.logs.store import Outcome, Piece, Store, StoreError
from workers.logs.wire import WireError, packed, read

POLL_SECONDS = 0.5
RETRY_SECONDS = 1.0
"""So often a full disk, or a broker that is away, is tried again."""
ANSWERS_SECONDS = 5.0
"""The same for the connection for answers."""
QUIET_SECONDS = 60.0
"""Refused messages are told so often at most."""
TIDY_SECONDS = 60.0
log = logging.getLogger("muster.logs")


class Collector:
    """One subscriber. Raises `StoreError`, `BusError` when it cannot begin."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._keys = load_keys(settings.key_file)
        self._template = settings.template
        self._indexing = Indexing(settings.index_directory)
        self.store = Store(
            Path(settings.state_directory),
            file_mode=settings.file_mode,
            dir_mode=settings.dir_mode,
            wrote=self._indexing.kept if settings.index else _not_indexed,
        )
        self._link = Link(settings.brokers, settings.cluster, settings.subclusters, settings.name)
        self._gaps = Gaps()
        self._stop = threading.Event()
        self._answers_after = 0.0
        self._tidy_after = 0.0
        self._refused, self._refusals_after = 0, 0.0
        self._said = ""

    def stop(self) -> None:
        """End `run` soon; may be called from anywhere."""
        self._stop.set()

    def run(self) -> None:
        """Collect until `stop`."""
        while not self._stop.is_set():
            try:
                self._link.open()
                self._say(f"collecting from {self._link.broker}")
                while not self._stop.is_set():
                    self._round()
            except LinkError as error:
                self._say(f"not connected: {error}; it is tried again")
                self._stop.wait(RETRY_SECONDS)
        self._link.close()
        self._indexing.close()
        self.store.close()

    def _round(self) -> None:
        now = time.monotonic()
        if not self._link.answers and now >= self._answers_after:
            self._answers_after = now + ANSWERS_SECONDS
            self._greet()
        found = self._link.arrived(POLL_SECONDS)
        if found:
            self._take(found)
        self._tell(self._gaps.due(time.monotonic()))
        self._indexing.tell(now)
        if now >= self._tidy_after:
            self._tidy_after = now + TIDY_SECONDS
            self.store.let_go()
            with contextlib.suppress(BusError):  # told as soon as a message does not verify
                self._read_keys()

    def _greet(self) -> None:
        """Tell all nodes all that is kept: they may have missed it."""
        try:
            self._link.open_answers()
        except LinkError as error:
            log.warning("nodes cannot be answered: %s", error)
            return
        self._tell(told(self._settings.name, self.store.ledger.positions.items()))

    def _take(self, found: list[Delivery]) -> None:
        """Keep what came, answer, acknowledge: in this order."""
        shipments = [one for one in map(self._opened, found) if one is not None]
        outcomes = self._kept(shipments)
        if outcomes is None:
            return
        positions: dict[str, int] = {}
        wants: list[Want] = []
        for shipment, outcome in zip(shipments, outcomes, strict=True):
            segment = key(shipment)
            if outcome.verdict is not Verdict.GAP:
                positions[segment] = outcome.position
                self._gaps.moved(segment)
                continue
            want = Want(
                self._settings.name,
                shipment.subcluster,
                shipment.node,
                shipment.segment,
                outcome.position,
            )
            if self._gaps.found(segment, want, time.monotonic()):
                wants.append(want)
        self._tell([*told(self._settings.name, positions.items()), *wants])
        self._link.done(found)

    def _kept(self, shipments: list[Shipment]) -> list[Outcome] | None:
        """What became of them; waits while the disk is full. None: the collector is to end."""
        while not self._stop.is_set():
            try:
                outcomes = self.store.keep([self._piece(one) for one in shipments])
            except StoreError as error:
                self._say(str(error))
                self._link.rest(RETRY_SECONDS)
            else:
                self._say(f"collecting from {self._link.broker}")
                return outcomes
        return None

    def _piece(self, shipment: Shipment) -> Piece:
        return Piece(
            key(shipment),
            shipment.offset,
            shipment.data,
            self._path(shipment, time.localtime()),
            shipment.dropped,
        )

    def _path(self, shipment: Shipment, moment: time.struct_time) -> str:
        return self._template.path(
            log=shipment.log,
            subcluster=shipment.subcluster,
            node=shipment.node,
            format_time=lambda macro: time.strftime(macro, moment),
        )

    def _opened(self, delivery: Delivery) -> Shipment | None:
        """The shipment in a message; None for what is none, or says another's name."""
        try:
            message = self._read(delivery.body)
            if not isinstance(message, Shipment):
                raise WireError("it is no piece of a log")
            if delivery.user != message.node:
                raise WireError(f"{delivery.user or 'nobody'} speaks in the name of {message.node}")
            if message.subcluster not in self._settings.subclusters:
                raise WireError(f"{message.subcluster} is none of this collector's subclusters")
            if "/" in message.node or "/" in message.subcluster:
                raise WireError("its names cannot be parts of a path")
            self._path(message, time.localtime())
        except (BusError, TemplateError) as error:
            self._refuse(str(error))
            return None
        return message

    def _read(self, body: bytes) -> object:
        """The message; the keys may have been changed since they were read."""
        try:
            return read(body, self._keys)
        except WireError:
            if not self._read_keys():
                raise
            return read(body, self._keys)

    def _read_keys(self) -> bool:
        """Know what the file has now; whether that is something else. Raises `BusError`."""
        before, self._keys = self._keys, load_keys(self._settings.key_file)
        return self._keys != before

    def _refuse(self, sentence: str) -> None:
        self._refused += 1
        now = time.monotonic()
        if now >= self._refusals_after:
            log.warning("%s messages refused; the last: %s", self._refused, sentence)
            self._refused, self._refusals_after = 0, now + QUIET_SECONDS

    def _tell(self, messages: Iterable[Kept | Want]) -> None:
        """Answer; what cannot be told is told with everything else at the next connection."""
        for message in messages:
            if not self._link.answers:
                return
            try:
                self._link.tell(message.subcluster, message.node, packed(message, self._keys))
            except LinkError as error:
                log.warning("nodes cannot be answered: %s", error)

    def _say(self, sentence: str) -> None:
        """Tell once what is the matter, or that it is over."""
        if sentence != self._said:
            self._said = sentence
            log.warning("%s", sentence)


def _not_indexed(_path: str, _start: int, _data: bytes) -> None:
    """Without an index nothing is told."""


def main() -> None:
    """Run the collector; exits with one of `workers.exit_codes`."""
    parser = argparse.ArgumentParser(prog="python -m workers.logs.collector")
    parser.add_argument("--config", type=Path, required=True, help="collector.toml")
    logging.basicConfig(format="muster: %(message)s", level=logging.INFO, stream=sys.stderr)
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    try:
        settings = read_settings(parser.parse_args().config)
        collector = Collector(settings)
    except (SettingsError, StoreError, BusError) as error:
        print(f"muster: {error}", file=sys.stderr)
        sys.exit(Exit.USAGE)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: collector.stop())
    Housekeeper(settings).start()
    collector.run()


if __name__ == "__main__":
    main()
