"""The failover consumer: the process that carries out what the machine decides. One per node.

One asyncio loop (a helper thread reads and writes definitions files). Invariants: what waits in
the sockets is read before the machine is told the time; actions are performed at once, in order;
the outcome of a Take is told before anything else. A fault of our own ends the process: the kernel
keeps what it has under the lease, and the next process adopts it.
"""

import argparse
import asyncio
import contextlib
import gc
import math
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from workers.bus.errors import BusError
from workers.bus.keys import load_keys
from workers.exit_codes import Exit
from workers.failover import succession
from workers.failover.acquaintances import Acquaintances
from workers.failover.capability import Capability, has
from workers.failover.checks import Checks
from workers.failover.core import actions as act
from workers.failover.core import hearing
from workers.failover.core.briefing import asked, briefing
from workers.failover.core.definitions import Definitions
from workers.failover.core.events import (
    Checked,
    Defined,
    Event,
    KernelChanged,
    Received,
    RestartRequested,
    StopRequested,
    Taken,
    Wake,
)
from workers.failover.core.machine import Machine
from workers.failover.core.messages import DefinitionsPiece, Neighbourhood
from workers.failover.core.snapshot import holdings
from workers.failover.door import Door
from workers.failover.errors import FailoverError
from workers.failover.following import Following
from workers.failover.guard import Guard
from workers.failover.handover import Handover
from workers.failover.history import History
from workers.failover.hooks import Hooks
from workers.failover.journal import Journal
from workers.failover.leftovers import Leftovers
from workers.failover.meter import Meter, MeteredSelector
from workers.failover.neighbours import Neighbours
from workers.failover.plumber import Plumber
from workers.failover.rings import Rings
from workers.failover.settings import Settings, read_settings
from workers.failover.status import process_picture, rings_picture
from workers.failover.store import Store
from workers.failover.urgency import Urgency

STOP_SECONDS = 12.0
"""A stop that is not complete by then is cut off; the lease ends what is left."""
CLOSE_SECONDS = 0.5
LOOK_SECONDS = 1.0
FLUSH_SECONDS = 0.005
FOREVER_SECONDS = 3600.0
SWITCH_SECONDS = 0.001
"""The longest time for which the helper thread keeps the loop from running."""


class Consumer:
    """The machine with its sockets, files and timer. Raises `FailoverError` or `BusError`."""

    def __init__(self, settings: Settings, selector: MeteredSelector, urgency: Urgency) -> None:
        self.settings = settings
        self.failure: Exception | None = None
        """A fault of our own that ended the process."""
        self.parting = ""
        """Why the machine left without being asked."""
        self._selector, self._meter = selector, selector.meter
        self._guard = Guard(self._fail)
        self._urgency = urgency
        self._started_at = time.monotonic()
        self.store = Store(settings.state_directory, settings.cluster, settings.subcluster)
        definitions = self.store.load()
        keys = load_keys(settings.key_file)
        self.plumber = Plumber(settings.node, definitions)
        self.neighbours = Neighbours(settings.node, definitions)
        self.following = Following(self.neighbours, self.plumber)
        self.leftovers = Leftovers(self.plumber, self.neighbours, self._fatal)
        self.rings = Rings(settings.node, definitions, keys, settings.brokers, self.step)
        self.acquaintances = Acquaintances(
            settings.node, definitions, self.neighbours, self.rings.send
        )
        incarnation = self.store.next_incarnation()
        self.machine = Machine(settings.node, definitions, incarnation, self.plumber.macs())
        self.journal = Journal(settings.state_directory, incarnation)
        self.history = History(self.journal)
        self.hooks = Hooks(settings.node, definitions, settings.commands, self._record)
        self.checks = Checks(
            settings.node,
            definitions,
            settings.commands,
            lambda: self.machine.holdings.held,
            lambda *result: self.step(Checked(*result)),
        )
        self.handover = Handover(
            settings.node, self.store, lambda new: self.step(Defined(new)), self.rings.send
        )
        self.door = Door(
            settings.socket,
            {
                "status": lambda _: self.status(),
                "held": lambda _: holdings(self.machine, self.loop.time()),
                "vips": lambda _: {"vips": self._snapshot()["vips"]},
                "events": self.history.events,
                "runs": self.history.runs,
                "report": self._brief,
                "definitions": lambda _: {"text": self.store.text},
                "reread": lambda _: self._reread(),
                "restart": self._restart,
                "stop": lambda _: self._stop(),
            },
            self.journal.followers,
        )
        self._plumbed = definitions
        self._timer: asyncio.TimerHandle | None = None
        self._read_at = -math.inf
        """All frames that arrived before it were read."""
        self._readers: tuple[int, ...] = ()
        self._flushing = self._stopping = False
        self._told_problem = ""
        self._closed = False

    async def run(self) -> None:
        """Start, and go on until the machine is finished."""
        self.loop = asyncio.get_running_loop()
        self.finished = asyncio.Event()
        await self.door.open()
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                self.loop.add_signal_handler(number, self._stop)
            self.loop.add_reader(self.plumber.fileno(), self._read_kernel)
            self._listen()
            self.step(self.plumber.open())
            self.leftovers.open(self.loop, tuple(self.machine.definitions.vips))
            self.rings.open()
            self.handover.open()
            self.checks.open()
            self.acquaintances.open(self.loop, self._fatal)
            self._look()
            self._selector.glance = self._glance
            self.loop.call_later(self._audit_seconds, self._audit)
            await self.finished.wait()
            self.checks.close()
            self.handover.close()
        finally:
            self.door.close()
            await self._close()

    async def _close(self) -> None:
        """Leave the rings and write what is left to tell; the kernel keeps the lease."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.rings.close(), CLOSE_SECONDS)
        # An agent that starts anew has its lease to catch: it takes again what it adopts.
        stops = self.asked or self.parting == act.Reason.STOPPING
        await self.hooks.close(self._plumbed.knobs.hook_timeout if stops else 0.0)
        self._closed = True
        self.plumber.close()
        self.leftovers.close()
        self.acquaintances.close()
        self.neighbours.close()
        self.history.close()
        self.journal.close()
        self.store.close()

    def step(self, event: Event) -> None:
        """Let the machine decide on one event, and perform what it wants."""
        if self.failure is not None:
            return
        if isinstance(event, Received) and isinstance(event.message, DefinitionsPiece):
            self.handover.accept(event.message)
            return
        if isinstance(event, Received) and isinstance(event.message, Neighbourhood):
            self.acquaintances.hear(event.message)
            return
        began = self.loop.time()
        with self._fatal():
            outcomes = self._decide(event, began)
            while outcomes:
                outcomes += self._decide(outcomes.pop(0), self.loop.time())
            self._arm()
        self._selector.patience = self.machine.patience
        self._meter.step(self.loop.time() - began)

    def _decide(self, event: Event, now: float) -> list[Event]:
        """Perform what the machine decides; returns the outcomes it has to be told."""
        actions, facts = self.machine.decide(event, now)
        if self.machine.definitions is not self._plumbed:
            actions = self._redefine(self.machine.definitions, actions)
        outcomes: list[Event] = []
        for action in actions:
            taken = self._perform(action)
            if taken is not None:
                outcomes.append(taken)
        for fact in facts:
            self._record(fact)
            self.hooks.tell(fact)
        return outcomes

    def _perform(self, action: act.Action) -> Taken | None:
        match action:
            case act.Send():
                self.rings.send(action)
            case act.Probe() | act.Refer():
                self.neighbours.send(action)
            case act.Take():
                return self.plumber.take(action)
            case act.Release():
                self.leftovers.release(action.vips)
            case act.Renew():
                with self._meter.renewing():
                    self.plumber.renew(action)
            case act.Announce():
                self.leftovers.announce(action.vips)
            case act.HandDefinitions():
                self.handover.hand(action.to)
            case act.SaveIncarnation():
                self.store.save_incarnation(action.incarnation)
                self.journal.reincarnate(action.incarnation)
            case act.Exit():
                self.parting = action.sentence
                self.finished.set()
        return None

    def _redefine(self, definitions: Definitions, actions: list[act.Action]) -> list[act.Action]:
        """The machine acts on new definitions: release by the old ones, then follow the new.

        Returns the actions that are left to perform.
        """
        self._plumbed = definitions
        self.hooks.redefine(definitions)
        self.checks.redefine(definitions)
        for action in actions:
            if isinstance(action, act.Release):
                self.leftovers.release(action.vips)
        if self.settings.node in definitions.nodes:
            self.following.follow(definitions)
            self._followed()
            self.rings.redefine(definitions)
            self.acquaintances.redefine(definitions)
        return [action for action in actions if not isinstance(action, act.Release)]

    def _followed(self) -> None:
        """Sockets and link addresses may be others now."""
        self._listen()
        self.machine.voice.macs = self.plumber.macs()

    # Time and sockets.

    def _arm(self) -> None:
        """Be woken at the machine's deadline."""
        due = self.machine.deadline()
        if self._timer is not None:
            if self._timer.when() == due:
                return
            self._timer.cancel()
        if due == math.inf:
            due = self.loop.time() + FOREVER_SECONDS
        self._timer = self.loop.call_at(due, self._wake, due)

    def _wake(self, due: float) -> None:
        self._timer = None
        self._meter.late(self.loop.time() - due)
        with self._fatal():
            self.rings.drain()
        self._read_kernel()
        began = self.loop.time()
        self._read_wire()
        if not self.neighbours.more:
            self._read_at = began
        self.step(Wake(self._read_at, self.neighbours.lost(), self.neighbours.unasked()))

    def _read_kernel(self) -> None:
        if self._closed:  # the loop has a last turn
            return
        with self._fatal():
            for change in self.plumber.read():
                if isinstance(change, KernelChanged):
                    self.leftovers.gone(change.gone)
                else:  # peers know our frames by the link address
                    self.machine.voice.macs = self.plumber.macs()
                self.step(change)
            for fact in self.plumber.facts():
                self._record(fact)

    def _glance(self) -> bool:
        """See that the kernel has no news, so as to know how old they can be; else read them."""
        news = self.plumber.holding and not (self._closed or self.plumber.quiet())
        if news:
            self.loop.call_soon(self._read_kernel)
        return news

    def _audit(self) -> None:
        """Compare the interfaces with the plan, whatever the kernel told or did not tell."""
        self.loop.call_later(self._audit_seconds, self._audit)
        self.plumber.audit()
        self._read_kernel()

    @property
    def _audit_seconds(self) -> float:
        return self.machine.definitions.knobs.audit_interval

    def _read_wire(self) -> None:
        with self._fatal():
            for sighting in self.neighbours.read():
                if hearing.heeds(self.machine, sighting):
                    self.step(sighting)

    def _listen(self) -> None:
        """Watch the packet sockets of all interfaces."""
        for number in self._readers:
            self.loop.remove_reader(number)
        self._readers = self.neighbours.filenos()
        for number in self._readers:
            self.loop.add_reader(number, self._read_wire)

    def _fatal(self) -> Guard:
        """End the process on a fault: half a step must not be followed by another."""
        return self._guard

    def _fail(self, error: Exception) -> None:
        self.failure = self.failure or error
        if not isinstance(error, FailoverError):
            self.journal.output.write(["".join(traceback.format_exception(error)).encode()])
        self.finished.set()

    # Telling.

    def _record(self, fact: act.Fact) -> None:
        self.journal.record(fact)
        self.acquaintances.note(fact)
        if not self._flushing:
            self._flushing = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self.journal.flush()
        self._flushing = self.journal.waiting
        if self._flushing:
            self.loop.call_later(FLUSH_SECONDS, self._flush)

    def _look(self) -> None:
        """Follow what could not be followed yet; tell when the definitions' problem changed."""
        self.loop.call_later(LOOK_SECONDS, self._look)
        self._urgency.insist()
        if self.following.problem and not self._closed:
            with self._fatal():
                self.following.again()
                self._followed()
        problem = self._problem
        if problem != self._told_problem:
            self._told_problem = problem
            detail = problem or "the definitions file is good, and followed"
            kind = act.FactKind.DEFINITIONS
            self._record(act.Fact(kind, node=self.settings.node, detail=detail))

    # Stopping, and answering.

    def _stop(self) -> dict[str, Any]:
        if not self._stopping:
            self._stopping = True
            self.loop.call_later(STOP_SECONDS, self.finished.set)
            self.step(StopRequested())
        return {"stopping": True}

    def _restart(self, request: dict[str, Any]) -> dict[str, Any]:
        """Leave what the kernel has to a new instance: this process, begun anew."""
        lease_seconds = succession.lease_seconds(request.get("lease_seconds"))
        if not self._stopping:
            self.step(RestartRequested(lease_seconds))
        return {"restarting": not self._stopping, "lease_seconds": lease_seconds}

    @property
    def asked(self) -> bool:
        """Whether somebody asked the process to stop."""
        return self._stopping

    @property
    def _problem(self) -> str:
        """What keeps this node from acting on the definitions file, or from all of it."""
        return "; ".join(filter(None, (self.store.problem, self.following.problem)))

    def _reread(self) -> dict[str, Any]:
        """Look at the definitions file now; what is told is from before that look."""
        self.handover.reread()
        revisions = self.machine.revisions
        return {
            "revision": revisions.acted.revision,
            "known_revision": revisions.known,
            "problem": self._problem,
        }

    def _brief(self, request: dict[str, Any]) -> dict[str, Any]:
        """What the reporter needs; of what is held, some that is not known to it."""
        return {
            **briefing(self.machine, self.loop.time(), *asked(request)),
            "problem": self._problem,
            "warnings": [*self.plumber.warnings(), *self.leftovers.warnings()],
            "first": self.journal.first,
        }

    def _snapshot(self) -> dict[str, Any]:
        return self.machine.snapshot(self.loop.time())

    def status(self) -> dict[str, Any]:
        """The machine's picture, and how the process itself is doing."""
        counts = {ring.value: counts for ring, counts in self.rings.counts.items()}
        frames = {"malformed": self.neighbours.malformed, "unsent": self.neighbours.errors}
        return {
            "cluster": self.settings.cluster,
            "subcluster": self.settings.subcluster,
            **self._snapshot(),
            "definitions_problem": self._problem,
            "warnings": [*self.plumber.warnings(), *self.leftovers.warnings()],
            "hooks": self.hooks.picture(),
            "checks": self.checks.picture(self.loop.time()),
            "broker": self.rings.broker,
            "ring_a": self.rings.ring_a_sentence,
            "ring_b": self.rings.ring_b_sentence,
            "messages": rings_picture(counts),
            "frames": frames,
            "loop": self._meter.picture(),
            "files": self.handover.picture(self.loop.time()),
            "process": process_picture(self._started_at, self._urgency.sentence),
            "unlogged": self.journal.output.dropped,
        }


def main() -> None:
    """Run the consumer; exits with one of `workers.exit_codes`."""
    parser = argparse.ArgumentParser(prog="python -m workers.failover.consumer")
    parser.add_argument("--config", type=Path, required=True, help="NODE.toml of this node")
    arguments = parser.parse_args()
    try:
        _check_rights()
        sys.exit(_run(read_settings(arguments.config)))
    except (FailoverError, BusError) as error:
        print(f"muster: {error}", file=sys.stderr)
        sys.exit(Exit.USAGE)


def _check_rights() -> None:
    """Before anything is read or written: tell the reason, not a consequence of it."""
    missing = [f"CAP_{one.name}" for one in Capability if not has(one)]
    if missing:
        raise FailoverError(f"no right to change addresses: {' and '.join(missing)}; run as root")


def _run(settings: Settings) -> Exit:
    """Run until stopped, replaced or at fault."""
    sys.setswitchinterval(SWITCH_SECONDS)
    selector = MeteredSelector(Meter())
    consumer = Consumer(settings, selector, Urgency())
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selector)) as runner:
        runner.run(consumer.run())
    if consumer.failure is not None:
        print(f"muster: {consumer.failure}", file=sys.stderr)
        return Exit.FAILED
    if consumer.parting == act.Reason.RESTARTING and not consumer.asked:
        succession.begin_anew()
    if consumer.asked:
        return Exit.OK
    print(f"muster: {settings.node} leaves: {consumer.parting}", file=sys.stderr)
    return Exit.REFUSED


if __name__ == "__main__":
    main()
