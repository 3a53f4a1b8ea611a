"""One cluster in virtual time: a heap of timed events, everything random from one seed.

The world carries out a plan and stops at the first violation. It decides nothing about addresses:
that is the machines' part, and the watch judges them.
"""

from __future__ import annotations

import itertools
import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any, Protocol

from tests.simulation.broker import Broker
from tests.simulation.ears import Ears
from tests.simulation.faults_planned import STEPS
from tests.simulation.host import Endpoint, Host
from tests.simulation.network import Client, Network
from tests.simulation.plan import SETTLE_SECONDS, Plan, Step
from tests.simulation.traps import Trap
from tests.simulation.watch import Watch
from workers.failover.core.actions import Action, Fact
from workers.failover.core.definitions import Definitions
from workers.failover.core.events import Event

if TYPE_CHECKING:
    from tests.simulation.trace import Trace

GATEWAY = "gateway"
EXTENSION_SECONDS, EXTENSIONS_MAX = 0.5, 8
"""A plan goes on so long, so often, while a planned move is not known to everybody."""


class Deciding(Protocol):
    """The contract of the core's machine."""

    def decide(self, event: Event, now: float) -> tuple[list[Action], list[Fact]]:
        """What to do about an event."""
        ...

    def deadline(self) -> float:
        """When to wake it."""
        ...

    def snapshot(self, now: float) -> dict[str, Any]:
        """What it believes."""
        ...


MachineFactory = Callable[[str, Definitions, int, tuple[str, ...]], Deciding]


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken invariant."""

    at: float
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.at:.3f} {self.kind}: {self.text}"


class World:
    """A run of one plan."""

    def __init__(self, plan: Plan, machine: MachineFactory, trace: Trace | None = None) -> None:
        self.plan = plan
        self.machine = machine
        self.trace = trace
        self.tracing = trace is not None
        self.rng = random.Random(f"{plan.name}/{plan.seed}/world")
        self.random = self.rng.random
        self.now = 0.0
        self.steps = 0
        self.heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self.tick = itertools.count().__next__
        self.violation: Violation | None = None
        self.latest = plan.definitions
        self.disturbed_at = max([plan.watch_from, *(step.at for step in plan.steps)])
        """The last step, or the last instant at which an agent started or went on."""
        self.traps: list[Trap] = []
        self.clients: list[Client] = []
        self.hosts: dict[str, Host] = {}
        self.watch = Watch(self)
        self.broker = Broker(self)
        self.network = Network(self)
        self.ears = Ears(self)
        self._build()

    def _build(self) -> None:
        plan = self.plan
        gateway = plan.definitions.witnesses[0] if plan.definitions.witnesses else "198.18.0.1"
        self.network.add(Endpoint(self, GATEWAY, gateway, "02:00:00:00:01:01"))
        for index, name in enumerate(plan.clients, 1):
            client = Client(self, name, f"198.18.0.{200 + index}", f"02:00:00:00:02:{index:02x}")
            self.clients.append(client)
            self.network.add(client)
        members = plan.definitions.nodes
        for index, node in enumerate([*members.values(), *plan.joiners], 1):
            mac = f"02:00:00:00:00:{index:02x}"
            host = Host(self, node.name, node.address, mac, plan.definitions)
            self.hosts[node.name] = host
            self.broker.add(node.name)
            self.network.add(host)
            if node.name in members:
                self.at(plan.starts.get(node.name, 0.0), host.start_agent)
        self.network.refresh()
        self.watch.define(list(plan.definitions.vips))
        self.at(plan.watch_from, self.watch.begin)
        for step in plan.steps:
            self.at(step.at, self.act, step)

    # -- time

    def at(self, when: float, action: Callable[..., None], *arguments: Any) -> None:
        """Do something at an instant."""
        heappush(self.heap, (when, self.tick(), action, arguments))

    def after(self, delay: float, action: Callable[..., None], *arguments: Any) -> None:
        """Do something after `delay` seconds."""
        heappush(self.heap, (self.now + delay, self.tick(), action, arguments))

    def run(self) -> Violation | None:
        """Carry the plan out; the first violation ends it."""
        for extension in range(EXTENSIONS_MAX + 1):
            self._run_until(self.plan.ends + extension * EXTENSION_SECONDS)
            if not self.watch.moving():
                break
        if self.violation is not None:
            return self.violation
        self.watch.end()
        if self.plan.rests and self.violation is None:
            self.watch.check_rest()
        return self.violation

    def _run_until(self, ends: float) -> None:
        heap = self.heap
        while heap and heap[0][0] <= ends and self.violation is None:
            self.now, _, action, arguments = heappop(heap)
            action(*arguments)
        if self.violation is None:
            self.now = ends

    @property
    def at_rest(self) -> bool:
        """Long after the last step of a plan that heals everything."""
        return self.plan.rests and self.now > self.disturbed_at + SETTLE_SECONDS

    def disturb(self) -> None:
        """An agent started or went on: rest begins anew."""
        self.disturbed_at = max(self.disturbed_at, self.now)

    def act(self, step: Step) -> None:
        """Carry out one step of the plan."""
        self.note("fault", str(step))
        STEPS[step.kind](self, *step.arguments)

    # -- what happened

    def facts(self, host: Host, facts: list[Fact]) -> None:
        """What a machine told."""
        for fact in facts:
            self.watch.fact(host, fact)
            if self.tracing:
                words = [fact.kind.value, fact.vip, fact.node, fact.reason.value, fact.detail]
                epoch = f" epoch {fact.epoch}" if fact.epoch else ""
                self.note("fact", f"{host.name}: {' '.join(w for w in words if w)}{epoch}")

    def note(self, kind: str, text: str, detail: bool = False) -> None:
        """Add a line to the trace."""
        if self.trace is not None:
            self.trace.add(self.now, kind, text, detail)

    def fail(self, kind: str, text: str) -> None:
        """An invariant is broken."""
        if self.violation is None:
            self.violation = Violation(self.now, kind, text)
            self.note("VIOLATION", f"{kind}: {text}")

    def crash(self, name: str, event: Event, problem: Exception) -> None:
        """A machine raised: never allowed."""
        where = "".join(traceback.format_exception(problem)[-4:])
        self.fail("crash", f"{name} on {event}: {problem!r}\n{where}")
