"""The failover consumer: the process that carries out what the machine decides. One per node.

One asyncio loop, no threads. Invariants: what waits in the sockets is read before the machine is
told the time; actions are performed at once, in order; the outcome of a Take is told before
anything else.
"""

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import sys
from pathlib import Path
from typing import Any

from workers.bus.errors import BusError
from workers.bus.keys import load_keys
from workers.failover.core import actions as act
from workers.failover.core.definitions import Definitions
from workers.failover.core.events import Defined, Event, Received, StopRequested, Taken, Wake
from workers.failover.core.handover import Assembly, split
from workers.failover.core.machine import Machine
from workers.failover.core.messages import DefinitionsPiece
from workers.failover.door import Door
from workers.failover.errors import FailoverError
from workers.failover.journal import Journal
from workers.failover.neighbours import Neighbours
from workers.failover.plumber import Plumber
from workers.failover.rings import Rings
from workers.failover.settings import Settings, read_settings
from workers.failover.store import Store

POLL_SECONDS = 1.0
"""How often the definitions file is looked at."""
STOP_SECONDS = 2.0
NICENESS = -15
FOREVER_SECONDS = 3600.0


class Consumer:
    """The machine with its sockets, files and timer. Raises `FailoverError` or `BusError`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = Store(settings.state_directory, settings.cluster, settings.subcluster)
        definitions = self.store.load()
        keys = load_keys(settings.key_file)
        self.plumber = Plumber(settings.node, definitions)
        self.neighbours = Neighbours(settings.node, definitions)
        incarnation = self.store.next_incarnation()
        self.machine = Machine(settings.node, definitions, incarnation, self.plumber.macs())
        self.journal = Journal(settings.state_directory, incarnation)
        self.rings = Rings(settings.node, definitions, keys, settings.brokers, self.step)
        self.door = Door(
            settings.socket,
            {
                "status": lambda _: self.status(),
                "vips": lambda _: {"vips": self.status()["vips"]},
                "events": self._events,
                "definitions": lambda _: {"text": self.store.text},
                "stop": lambda _: self._stop(),
            },
            self.journal.followers,
        )
        self._plumbed = definitions
        self._assembly = Assembly()
        self._handed: Definitions | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._readers: tuple[int, ...] = ()
        self._max_step = self._max_late = 0.0

    async def run(self) -> None:
        """Start, and go on until the machine is finished."""
        self.loop = asyncio.get_running_loop()
        self.finished = asyncio.Event()
        await self.door.open()
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.add_signal_handler(number, self._stop)
        self.loop.add_reader(self.plumber.fileno(), self._read_kernel)
        self._listen()
        self.step(self.plumber.open())
        self.rings.open()
        self.loop.call_later(POLL_SECONDS, self._poll)
        gc.collect()
        gc.freeze()
        await self.finished.wait()
        self.door.close()
        await self.rings.close()
        self.plumber.close()
        self.neighbours.close()

    def step(self, event: Event) -> None:
        """Let the machine decide on one event, and perform what it wants."""
        if isinstance(event, Received) and isinstance(event.message, DefinitionsPiece):
            self._assemble(event.message)
            return
        began = self.loop.time()
        outcome: Event | None = event
        while outcome is not None:
            outcome = self._decide(outcome)
        self._arm()
        self._max_step = max(self._max_step, self.loop.time() - began)

    def _decide(self, event: Event) -> Taken | None:
        actions, facts = self.machine.decide(event, self.loop.time())
        taken: Taken | None = None
        for action in actions:
            taken = self._perform(action) or taken
        for fact in facts:
            self.journal.record(fact)
        if self.machine.definitions is not self._plumbed:
            self._redefine(self.machine.definitions)
        return taken

    def _perform(self, action: act.Action) -> Taken | None:
        match action:
            case act.Send():
                self.rings.send(action)
            case act.Probe():
                self.neighbours.probe(action)
            case act.Take():
                return self.plumber.take(action)
            case act.Release():
                self.plumber.release(action.vips)
            case act.Renew():
                self.plumber.renew(action)
            case act.Announce():
                self.neighbours.announce(action.vips)
            case act.HandDefinitions():
                self._hand(action.to)
            case act.SaveIncarnation():
                self.store.save_incarnation(action.incarnation)
            case act.Exit():
                self.finished.set()
        return None

    def _arm(self) -> None:
        """Be woken at the machine's deadline."""
        due = min(self.machine.deadline(), self.loop.time() + FOREVER_SECONDS)
        if self._timer is not None:
            if self._timer.when() == due and not self._timer.cancelled():
                return
            self._timer.cancel()
        self._timer = self.loop.call_at(due, self._wake, due)

    def _wake(self, due: float) -> None:
        self._timer = None
        self._max_late = max(self._max_late, self.loop.time() - due)
        self.rings.drain()
        self._read_kernel()
        self._read_wire()
        self.step(Wake())

    def _read_kernel(self) -> None:
        for change in self.plumber.read():
            self.step(change)

    def _read_wire(self) -> None:
        for sighting in self.neighbours.read():
            self.step(sighting)

    def _listen(self) -> None:
        """Watch the packet sockets of all interfaces."""
        for number in self._readers:
            self.loop.remove_reader(number)
        self._readers = self.neighbours.filenos()
        for number in self._readers:
            self.loop.add_reader(number, self._read_wire)

    # Definitions.

    def _poll(self) -> None:
        self.loop.call_later(POLL_SECONDS, self._poll)
        newer = self.store.poll(self.machine.revisions.known)
        if newer is not None:
            self.step(Defined(newer))

    def _assemble(self, piece: DefinitionsPiece) -> None:
        if piece.to != self.settings.node:
            return
        known = self.machine.revisions.known
        text = self._assembly.accept(piece, known)
        newer = self.store.put(text, known) if text is not None else None
        if newer is not None:
            self.step(Defined(newer))

    def _hand(self, to: str) -> None:
        revision = self.machine.revisions.known
        for piece in split(self.store.text, revision, self.settings.node, to):
            self.rings.send(act.Send(piece, (to,), ring_a=False))

    def _redefine(self, definitions: Definitions) -> None:
        """The machine acts on new definitions: so do the shells."""
        self._plumbed = definitions
        if self.settings.node not in definitions.nodes:
            return
        try:
            self.plumber.redefine(definitions)
            self.neighbours.redefine(definitions)
        except FailoverError as error:
            self.store.problem = f"revision {definitions.revision}: {error}"
        self.rings.redefine(definitions)
        self._listen()

    # Stopping, and answering.

    def _stop(self) -> dict[str, Any]:
        if not self.finished.is_set():
            self.loop.call_later(STOP_SECONDS, self.finished.set)
            self.step(StopRequested())
        return {"stopping": True}

    def _events(self, request: dict[str, Any]) -> dict[str, Any]:
        since = request.get("since", 0)
        return {"events": self.journal.since(since if isinstance(since, int) else 0)}

    def status(self) -> dict[str, Any]:
        """The machine's picture, and how the process itself is doing."""
        picture = self.machine.snapshot(self.loop.time())
        rings = {ring.value: counts for ring, counts in self.rings.counts.items()}
        return {
            "cluster": self.settings.cluster,
            "subcluster": self.settings.subcluster,
            "pid": os.getpid(),
            **picture,
            "definitions_problem": self.store.problem,
            "warnings": list(self.plumber.warnings()),
            "broker": self.rings.broker,
            "ring_a": self.rings.ring_a_sentence,
            "ring_b": self.rings.ring_b_sentence,
            "messages": {
                ring: {
                    "sent": counts.sent,
                    "dropped": counts.dropped,
                    "received": counts.received,
                    "refused": {why.name: n for why, n in counts.refused.items()},
                    "errors": dict(counts.errors),
                }
                for ring, counts in rings.items()
            },
            "frames": {
                "malformed": self.neighbours.malformed,
                "unsent": self.neighbours.errors,
            },
            "loop": {
                "max_step_ms": round(self._max_step * 1000, 2),
                "max_late_ms": round(self._max_late * 1000, 2),
            },
        }


def main() -> None:
    """Run the consumer; exit 2 for what an operator must mend first, 1 for what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m workers.failover.consumer")
    parser.add_argument("--config", type=Path, required=True, help="NODE.toml of this node")
    arguments = parser.parse_args()
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    try:
        consumer = Consumer(read_settings(arguments.config))
        asyncio.run(consumer.run())
    except (FailoverError, BusError) as error:
        print(f"muster: {error}", file=sys.stderr)
        raise SystemExit(2) from error


if __name__ == "__main__":
    main()
