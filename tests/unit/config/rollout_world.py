"""A small cluster for rollouts: nodes that obey, fail, die or say nothing; a clock that is turned.

The rollout goes through JSON before every event, as it does when a manager is killed between any
two of them. `Manners` says what a node does with the new revision.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from workers.config.core.reports import Outcome
from workers.config.core.rollout_values import (
    ENDS,
    Action,
    Deploy,
    Drain,
    Event,
    Fact,
    Look,
    Order,
    Rollout,
    Seen,
    Settings,
    Stage,
    Told,
    Undrain,
    wanted,
)
from workers.config.core.rollouts import begin, decide, plan

OLD, NEW = 6, 7
GOOD, SILENT, DIES = "good", "silent", "dies"
FAILING = (Outcome.TURNED_BACK, Outcome.STRANDED, Outcome.KEPT, Outcome.REFUSED)


@dataclass
class FakeNode:
    """A node that the manager sees through what it tells."""

    manners: str = GOOD
    """What it does with the new revision: GOOD, SILENT, DIES, or an outcome's word."""
    returns: str = GOOD
    """And with the old one, after it had the new one or was to."""
    seconds: float = 1.0
    """How long an application takes."""
    up: bool = True
    live: int = OLD
    target: int = OLD
    heard: float = 1.0
    reports: list[Told] = field(default_factory=list)
    complaints: tuple[str, ...] = ()
    draining: bool = False
    maintenance: bool = False
    held: int = 0
    sticky: bool = False
    """Whether its VIPs have nowhere else to go."""
    busy_until: float | None = None
    had: list[int] = field(default_factory=list)
    """Every revision that it ever began to apply."""

    def seen(self, name: str) -> Seen:
        """As the manager sees it."""
        return Seen(
            heard=self.heard,
            live=self.live,
            target=self.target,
            busy=self.busy_until is not None,
            reports=tuple(self.reports),
            away="" if self.up else f"{name} is dead",
            complaints=self.complaints,
            draining=self.draining,
            excused=self.maintenance,
            held=self.held,
        )


class World:
    """A rollout and its nodes. `looks` go on at one a second."""

    def __init__(
        self,
        nodes: dict[str, FakeNode],
        canary: int = 1,
        batch: int = 1,
        order: Sequence[str] = (),
        settings: Settings | None = None,
    ) -> None:
        self.nodes = nodes
        self.now = 1_000.0
        self.set_by = 0.0
        """How far the manager's clock was set forth, or back."""
        self.marks = 100
        self.pointer = OLD
        away = [name for name, node in nodes.items() if not node.up]
        batches = plan(nodes, canary, batch, order=order, away=away)
        self.batch_size = max(canary, batch)
        self.rollout: Rollout = begin(
            NEW,
            batches,
            dict.fromkeys(nodes, OLD),
            settings or Settings(pause_seconds=5, apply_seconds=30, drain_seconds=20),
            self.now,
            newest=self.marks,
        )
        self.facts: list[Fact] = []
        self.actions: list[Action] = []
        self.deaf = False
        self.loses_actions = False

    def say(self, event: Event) -> tuple[Action, ...]:
        """Decide on an event, from what is stored; do what follows."""
        stored = msgspec.json.encode(self.rollout)
        self.rollout = msgspec.json.decode(stored, type=Rollout)
        decision = decide(self.rollout, event, self.now + self.set_by)
        self.facts += decision.facts
        self.actions += decision.actions
        for action in decision.actions:
            self._do(action)
        return decision.actions

    def look(self, seconds: float = 1.0) -> tuple[Action, ...]:
        """Time passes, nodes work, the manager looks."""
        self.now += seconds
        self.work()
        seen = {name: node.seen(name) for name, node in self.nodes.items()}
        return self.say(Look(seen, self.deaf))

    def run(self, looks: int = 400) -> Rollout:
        """Look until the end, at most so often."""
        for _ in range(looks):
            if self.rollout.phase in ENDS:
                break
            self.look()
        return self.rollout

    def until(self, name: str, stage: Stage, looks: int = 200) -> None:
        """Look until a node is at a stage."""
        for _ in range(looks):
            if self.stage(name) is stage:
                return
            self.look()
        raise AssertionError(f"{name} is {self.stage(name)}, never {stage}: {self.rollout}")

    def stage(self, name: str) -> Stage:
        """Where a node stands."""
        return self.rollout.nodes[name].stage

    def stages(self) -> dict[str, str]:
        """Where all stand."""
        return {name: node.stage.value for name, node in self.rollout.nodes.items()}

    def ordered(self) -> list[tuple[str, int]]:
        """Every order that was given, in turn."""
        return [(one.node, one.revision) for one in self.actions if isinstance(one, Order)]

    def work(self) -> None:
        """Nodes go on with what they are to do; who lags is ordered again."""
        for name, node in self.nodes.items():
            if not node.up:
                continue
            node.heard = self.now
            if node.draining and not node.sticky:
                node.held = max(0, node.held - 1)
            if node.busy_until is not None and node.busy_until <= self.now:
                self._end(node)
            target = wanted(self.rollout, name) if self.rollout.phase not in ENDS else self.pointer
            if target and target != node.target:
                self._begin(node, target)

    def tell(self, node: FakeNode, revision: int, outcome: Outcome) -> None:
        """A report comes in."""
        self.marks += 1
        node.reports.append(Told(self.marks, revision, outcome, f"r{revision}: {outcome.value}"))

    def _begin(self, node: FakeNode, target: int) -> None:
        manners = node.manners if target == NEW else node.returns
        node.had.append(target)
        if manners == SILENT:
            node.heard = min(node.heard, self.now - 1)
            return
        if manners == DIES:
            node.up = False
            return
        node.target, node.busy_until = target, self.now + node.seconds

    def _end(self, node: FakeNode) -> None:
        node.busy_until = None
        manners = node.manners if node.target == NEW else node.returns
        if manners == GOOD:
            outcome = Outcome.UNCHANGED if node.live == node.target else Outcome.APPLIED
            node.live = node.target
        else:
            outcome = Outcome(manners)
            if outcome is Outcome.STRANDED:
                node.live = node.target
        self.tell(node, node.target, outcome)

    def _do(self, action: Action) -> None:
        if isinstance(action, Deploy):
            self.pointer = action.revision
        elif self.loses_actions:
            pass
        elif isinstance(action, Drain):
            self.nodes[action.node].draining = True
        elif isinstance(action, Undrain):
            self.nodes[action.node].draining = False


def world(names: Iterable[str] = "abcde", **options: object) -> World:
    """Good nodes."""
    return World({name: FakeNode() for name in names}, **options)  # type: ignore[arg-type]
