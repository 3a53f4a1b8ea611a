"""One event's consequences for a rollout: nodes get their turn, prove themselves, or all go back.

A turn changes the rollout, and collects what is to be done and told. Invariant: what is asked of
others (draining, undraining) is asked again until it is seen done, so a death loses nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.config.core.rollout_judgement import back, calm, failure, lasting, loss, there, trouble
from workers.config.core.rollout_values import (
    BACK,
    ORDERED_TO_IT,
    OVER,
    Action,
    Deploy,
    Drain,
    Fact,
    Look,
    Node,
    Order,
    Phase,
    Rollout,
    Seen,
    Stage,
    Stops,
    Undrain,
)

STEP_SECONDS = 5.0
"""A longer gap between two looks was one in which nobody watched; only so much of it counts."""
SETTLE_SECONDS = 2.0
"""By then a node has told of an order that was on its way when it was ordered back."""


@dataclass(slots=True)
class Turn:
    """Consequences as they are found."""

    rollout: Rollout
    actions: list[Action] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    unjudged: str = ""
    """As the look has it."""

    def look(self, look: Look, now: float) -> None:
        """What follows from how the nodes are seen."""
        rollout = self.rollout
        self.unjudged = look.unjudged
        passed = max(0.0, now - rollout.seen_at)
        rollout.seen_at = now
        if look.deaf:
            return  # of nodes that cannot be heard nothing is judged, and no time runs
        rollout.clock += min(passed, STEP_SECONDS)
        for name, node in rollout.nodes.items():
            self._notice(name, node, look.nodes.get(name))
        if calm(rollout):
            rollout.calm_at = rollout.clock
        self._judge(look.nodes)
        while self._open and self._advance(look.nodes):
            pass
        if rollout.phase is Phase.TURNING_BACK:
            self._return(look.nodes)
        if not self._undraining(look.nodes):
            self._end()

    def enter(self, phase: Phase, sentence: str = "") -> None:
        """Say how the rollout is from now on."""
        self.rollout.phase, self.rollout.reason = phase, sentence
        self.facts.append(Fact(phase.value, sentence))
        for node in self.rollout.nodes.values():
            if node.stage is Stage.DRAINING:
                node.since = self.rollout.clock  # while it was paused no time ran for it

    def turn_back(self, sentence: str) -> None:
        """Order every node that has, or may have, the revision to the one before."""
        self.enter(Phase.TURNING_BACK, sentence)
        for name, node in self.rollout.nodes.items():
            if node.stage in ORDERED_TO_IT:
                self._put(name, Stage.RETURNING, node.sentence)
                node.mark = node.newest
                self.actions.append(Order(name, node.old))
            elif node.stage is not Stage.SKIPPED:
                self._put(name, Stage.UNTOUCHED, node.sentence)

    @property
    def _open(self) -> bool:
        return self.rollout.phase in (Phase.RUNNING, Phase.PAUSED)

    def _since(self, clock: float) -> float:
        return self.rollout.clock - clock

    def _put(self, name: str, stage: Stage, sentence: str = "") -> None:
        node = self.rollout.nodes[name]
        node.stage, node.since, node.sentence = stage, self.rollout.clock, sentence
        self.facts.append(Fact(stage.value, sentence, name))

    def _fail(self, name: str, sentence: str) -> None:
        self.rollout.nodes[name].sentence = sentence
        self.rollout.failed = name
        self.turn_back(sentence)

    def _notice(self, name: str, node: Node, seen: Seen | None) -> None:
        """Remember what is new; a node that left the subcluster takes no further part."""
        if seen is None:
            if node.stage not in BACK:
                self._put(name, Stage.SKIPPED, f"{name} is no longer in the subcluster")
            node.drained = False
            return
        if seen.heard != node.heard:
            node.heard, node.heard_since = seen.heard, self.rollout.clock
        node.newest = max([node.newest, *(one.mark for one in seen.reports)])
        before, node.trouble = node.trouble, trouble(self.rollout, name, node, seen)
        if not before:
            node.trouble_since = self.rollout.clock

    def _judge(self, seen: Mapping[str, Seen]) -> None:
        """Whether those that are to have the revision have it, and do well with it."""
        for name, node in self.rollout.nodes.items():
            if not self._open or node.stage not in ORDERED_TO_IT:
                continue
            if sentence := failure(self.rollout, name, node, seen[name]):
                self._fail(name, sentence)
            elif node.stage is Stage.ORDERED and there(self.rollout, seen[name]):
                self._put(name, Stage.APPLIED)

    def _advance(self, seen: Mapping[str, Seen]) -> bool:
        """Let the nodes of the batch have their turn; whether a further batch began."""
        rollout = self.rollout
        names = rollout.batches[rollout.batch]
        for name in names:
            node = rollout.nodes[name]
            if self._open and node.stage in (Stage.WAITING, Stage.DRAINING):
                self._have_turn(name, node, seen[name])
            elif node.stage is Stage.APPLIED and self._proved(node):
                self._pass(name)
        stages = {rollout.nodes[name].stage for name in names}
        if not self._open or not stages <= OVER:
            return False
        if rollout.batch == 0 and Stage.PASSED not in stages:
            self.turn_back("no canary is left; start another rollout")
        if not self._open or not calm(rollout) or rollout.batch + 1 == len(rollout.batches):
            return False
        rollout.batch += 1
        self._stop()
        return True

    def _proved(self, node: Node) -> bool:
        return not node.trouble and self._since(node.since) >= self.rollout.settings.pause_seconds

    def _pass(self, name: str) -> None:
        """A node has proved itself, unless nobody could see whether it did."""
        if not self.unjudged:
            self._put(name, Stage.PASSED)
        elif self.rollout.phase is Phase.RUNNING:
            self.enter(Phase.PAUSED, f"{self.unjudged}; put that right and resume, or abort")

    def _stop(self) -> None:
        """Wait for somebody where that is wanted; `batch` is the one that would begin."""
        stops, number = self.rollout.settings.stops, self.rollout.batch
        if stops is Stops.BATCHES or (stops is Stops.CANARY and number == 1):
            what = "the canary" if number == 1 else f"batch {number - 1}"
            self.enter(Phase.PAUSED, f"{what} has passed; resume to go on, or abort")

    def _have_turn(self, name: str, node: Node, seen: Seen) -> None:
        """A node whose turn it is: skipped, drained, or ordered."""
        if node.trouble:
            if bad := lasting(self.rollout, node):
                self._skip(name, bad)
        elif self.rollout.phase is Phase.PAUSED:
            pass
        elif self.rollout.settings.drain:
            self._drain(name, node, seen)
        else:
            self._order(name, node, seen)

    def _skip(self, name: str, bad: str) -> None:
        if self.rollout.batch == 0:
            self._fail(name, f"the canary cannot be tried: {bad}")
        else:
            self._put(name, Stage.SKIPPED, f"{bad}; it gets the revision when it is back")

    def _drain(self, name: str, node: Node, seen: Seen) -> None:
        draining, limit = seen.draining or seen.excused, self.rollout.settings.drain_seconds
        if node.stage is Stage.WAITING:
            self._put(name, Stage.DRAINING)
            node.drained = not draining
        if draining and not seen.held:
            self._order(name, node, seen)
        elif self._since(node.since) > limit:
            self._fail(name, f"{name} still holds {seen.held} VIPs after {limit:g} s of draining")
        elif not draining:
            self.actions.append(Drain(name))

    def _order(self, name: str, node: Node, seen: Seen) -> None:
        self._put(name, Stage.ORDERED)
        node.known, node.mark = seen.complaints, node.newest
        self.actions.append(Order(name, self.rollout.revision))

    def _return(self, seen: Mapping[str, Seen]) -> None:
        """Whether those that are to go back are back."""
        for name, node in self.rollout.nodes.items():
            if node.stage is not Stage.RETURNING:
                continue
            if sentence := loss(self.rollout, name, node, seen[name]):
                self._put(name, Stage.LOST, sentence)
            elif back(self.rollout, node, seen[name]) and self._settled(node):
                self._put(name, Stage.RETURNED, node.sentence)

    def _settled(self, node: Node) -> bool:
        return self._since(node.since) >= SETTLE_SECONDS

    def _undraining(self, seen: Mapping[str, Seen]) -> bool:
        """Let nodes that proved themselves hold VIPs again; whether that is still awaited."""
        settings, waits = self.rollout.settings, False
        for name, node in self.rollout.nodes.items():
            if not node.drained or node.stage not in OVER | BACK | {Stage.APPLIED}:
                continue
            if node.stage is Stage.LOST:
                node.drained = False
                node.sentence = f"{node.sentence}; it stays drained"
            elif not seen[name].draining:
                node.drained = False
            elif self._since(node.since) > settings.pause_seconds + settings.apply_seconds:
                node.drained = False
                node.sentence = f"{name} could not be undrained; do it by hand"
            else:
                waits = True
                self.actions.append(Undrain(name))
        return waits

    def _end(self) -> None:
        """The end, once nothing is left to wait for."""
        rollout = self.rollout
        stages = {node.stage for node in rollout.nodes.values()}
        if rollout.phase is Phase.RUNNING and stages <= OVER and calm(rollout):
            self.actions.append(Deploy(rollout.revision))
            self.enter(Phase.DONE)
        elif rollout.phase is Phase.TURNING_BACK and stages <= BACK:
            self.enter(Phase.ABORTED if rollout.aborted else Phase.TURNED_BACK, rollout.reason)
