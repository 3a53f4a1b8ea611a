"""Which rounds a seed means: two to five ideas a round, each a fault or a change with its end.

Invariants: the same seed and layout give the same round, whatever ran before; everything a round
breaks is healed by its last step; no two faults of a round stand on the same thing at once, since
healing one would heal the other. What a step may cost a client is `core.allowances`'.
"""

from collections.abc import Callable, Sequence

from chaos.core.dice import Dice
from chaos.core.steps import (
    Change,
    ChangeKind,
    Deed,
    Heal,
    HealAll,
    Inject,
    Layout,
    Round,
    Step,
)
from workers.lab.core.faults import FaultKind

BEFORE_SECONDS = 0.5
"""The probe shows first that all is well."""
WINDOW_SECONDS = 7.0
LAST_START_SECONDS = 5.0
BOOT_SECONDS = 1.5
"""A host that has power again is left alone until its agent runs."""
RESTART_SECONDS = 3.0
"""A killed agent is left alone for so long: killed twice, it outlasts its lease."""
_TRIES = 40
Key = tuple[str, ...]


class Draft:
    """A round in the making: steps, and what stands on what, until when."""

    def __init__(self, seed: int, number: int, layout: Layout) -> None:
        self.dice = Dice("chaos", seed, number)
        self.layout = layout
        self.steps: list[Step] = []
        self.claims: list[tuple[Key, float, float]] = []

    def free(self, start: float, end: float, *keys: Key) -> bool:
        """Whether nothing stands on those things meanwhile."""
        return not any(key in keys and start <= e and s <= end for key, s, e in self.claims)

    def claim(self, start: float, end: float, *keys: Key) -> None:
        """From now on something does."""
        self.claims += [(key, start, end) for key in keys]

    def fault(
        self, kind: FaultKind, words: Sequence[str], start: float, end: float, *keys: Key
    ) -> bool:
        """Do a fault and end it, unless something stands there already."""
        keys = keys or ((kind.value,),)
        if not words or not self.free(start, end, *keys):
            return False
        self.claim(start, end, *keys)
        hosts = tuple(word for word in words if word != "/" and not word.lstrip("+-").isdigit())
        self.add(start, Inject(kind, tuple(words)))
        if end < WINDOW_SECONDS:
            self.add(end, Heal(kind, hosts))
        return True

    def add(self, at: float, deed: Deed) -> None:
        """One more step; the probe's lead comes on top."""
        self.steps.append(Step(round(BEFORE_SECONDS + at, 2), deed))

    def via(self) -> tuple[str, ...]:
        """Which nodes are told of a change: all, or one that tells the others."""
        nodes = self.layout.nodes
        return nodes if self.dice.chance(0.6) else (self.dice.pick(nodes),)

    def spared(self, start: float, end: float) -> bool:
        """Whether a node would be left if one more went down meanwhile."""
        down = {k[1] for k, s, e in self.claims if k[0] == "down" and start <= e and s <= end}
        return len(down) + 1 < len(self.layout.nodes)


def round_of(seed: int, number: int, layout: Layout) -> Round:
    """The round of that number."""
    draft = Draft(seed, number, layout)
    dice = draft.dice
    swift = dice.chance(0.5)
    wishing = dice.some(layout.vips, 0, 2)
    wishes = tuple((vip, dice.some(layout.nodes, 1, 2)) for vip in wishing)
    wanted, done = 2 + int(dice.fraction() * 4), 0
    for _ in range(_TRIES):
        if done == wanted:
            break
        start = dice.between(0.0, LAST_START_SECONDS)
        seconds = dice.between(0.1, 1.0) if dice.chance(0.4) else dice.between(1.0, 5.5)
        end = round(min(start + seconds, WINDOW_SECONDS), 2)
        done += dice.pick(IDEAS)(draft, start, end)
    steps = sorted(draft.steps, key=lambda step: step.at)
    last = Step(BEFORE_SECONDS + WINDOW_SECONDS, HealAll())
    return Round(seed, number, swift, wishes, (*steps, last))


def _down(draft: Draft, kind: FaultKind, host: str, start: float, end: float) -> bool:
    """A fault that takes a host off the net; never the last node."""
    if host in draft.layout.nodes and not draft.spared(start, end):
        return False
    return draft.fault(kind, (host,), start, end, (kind.value, host), ("down", host))


def _power_loss(draft: Draft, start: float, end: float) -> bool:
    host = draft.dice.pick((*draft.layout.nodes * 3, "gateway"))
    if not draft.free(start, end + BOOT_SECONDS, ("process", host)):
        return False
    done = _down(draft, FaultKind.POWER_LOSS, host, start, end)
    draft.claim(start, end + BOOT_SECONDS if done else start, ("process", host))
    return done


def _link_down(draft: Draft, start: float, end: float) -> bool:
    host = draft.dice.pick((*draft.layout.nodes * 3, "gateway"))
    return _down(draft, draft.dice.pick((FaultKind.LINK_DOWN, FaultKind.CABLE)), host, start, end)


def _isolate(draft: Draft, start: float, end: float) -> bool:
    host = draft.dice.pick((*draft.layout.nodes * 3, "gateway"))
    return _down(draft, FaultKind.ISOLATE, host, start, end)


def _kill_agent(draft: Draft, start: float, end: float) -> bool:
    node = draft.dice.pick(draft.layout.nodes)
    end = start + RESTART_SECONDS
    if not draft.free(start, end, ("process", node)):
        return False
    draft.claim(start, end, ("process", node))
    draft.add(start, Inject(FaultKind.KILL_AGENT, (node,)))
    return True


def _stop_agent(draft: Draft, start: float, end: float) -> bool:
    node = draft.dice.pick(draft.layout.nodes)
    return draft.fault(FaultKind.STOP_AGENT, (node,), start, end, ("process", node))


def _end_agent(draft: Draft, start: float, end: float) -> bool:
    kind = draft.dice.pick((FaultKind.KILL_AGENT_FOR_GOOD, FaultKind.CLEAN_STOP))
    node = draft.dice.pick(draft.layout.nodes)
    if not draft.free(start, end + RESTART_SECONDS, ("process", node)):
        return False
    draft.claim(start, end + RESTART_SECONDS, ("process", node))
    return draft.fault(kind, (node,), start, end, ("ended", node))


def _freeze(draft: Draft, start: float, end: float) -> bool:
    node = draft.dice.pick(draft.layout.nodes)
    return draft.fault(FaultKind.FREEZE, (node,), start, end, ("process", node))


def _pair(draft: Draft) -> tuple[str, str]:
    one = draft.dice.pick(draft.layout.nodes)
    nodes = tuple(node for node in draft.layout.nodes if node != one)
    return one, draft.dice.pick((*nodes * 2, *draft.layout.brokers, "client", "gateway"))


def _cut(draft: Draft, start: float, end: float) -> bool:
    return draft.fault(FaultKind.CUT, _pair(draft), start, end)


def _one_way(draft: Draft, start: float, end: float) -> bool:
    one, other = _pair(draft)
    words = (one, other) if draft.dice.chance(0.5) else (other, one)
    return draft.fault(FaultKind.ONE_WAY, words, start, end)


def _split(draft: Draft, start: float, end: float) -> bool:
    nodes = draft.layout.nodes
    return len(nodes) > 1 and draft.fault(
        FaultKind.SPLIT, draft.dice.some(nodes, 2, len(nodes)), start, end
    )


def _partition(draft: Draft, start: float, end: float) -> bool:
    nodes, dice = draft.layout.nodes, draft.dice
    if len(nodes) < 2:
        return False
    part = dice.some(nodes, 1, len(nodes) - 1)
    parts: tuple[list[str], list[str]] = (list(part), [n for n in nodes if n not in part])
    for name in ("client", "gateway", *draft.layout.brokers):
        if dice.chance(0.6):
            parts[dice.chance(0.5)].append(name)
    return draft.fault(FaultKind.PARTITION, (*parts[0], "/", *parts[1]), start, end)


def _broker(draft: Draft, start: float, end: float) -> bool:
    kinds = (FaultKind.BROKER_KILL, FaultKind.BROKER_FREEZE, FaultKind.BROKER_CUT)
    kind, brokers = draft.dice.pick(kinds), draft.layout.brokers
    if not brokers:
        return False
    chosen = draft.dice.some(brokers, 1, len(brokers))
    return draft.fault(kind, chosen, start, end, ("broker",))


def _ring_b_down(draft: Draft, start: float, end: float) -> bool:
    nodes = draft.layout.nodes
    return draft.fault(FaultKind.RING_B_DOWN, draft.dice.some(nodes, 1, len(nodes)), start, end)


def _clock_step(draft: Draft, start: float, end: float) -> bool:
    node = draft.dice.pick(draft.layout.nodes)
    seconds = draft.dice.pick(("-3600", "3600", "-7", "40"))
    return draft.fault(FaultKind.CLOCK_STEP, (node, seconds), start, end, ("clock", node))


def _add_vip(draft: Draft, start: float, end: float) -> bool:
    vip = draft.dice.pick(draft.layout.spare_vips)
    prefer = draft.dice.some(draft.layout.nodes, 0, 1)
    return _change(draft, start, ChangeKind.ADD_VIP, vip, prefer)


def _remove_vip(draft: Draft, start: float, end: float) -> bool:
    return _change(draft, start, ChangeKind.REMOVE_VIP, draft.dice.pick(draft.layout.vips))


def _prefer(draft: Draft, start: float, end: float) -> bool:
    vip = draft.dice.pick(draft.layout.vips)
    return _change(draft, start, ChangeKind.PREFER, vip, draft.dice.some(draft.layout.nodes, 0, 2))


def _change(
    draft: Draft, at: float, kind: ChangeKind, target: str, nodes: tuple[str, ...] = ()
) -> bool:
    if not draft.free(at, WINDOW_SECONDS, ("vip", target)):
        return False
    draft.claim(at, WINDOW_SECONDS, ("vip", target))
    draft.add(at, Change(kind, target, nodes, draft.via()))
    return True


def _drain(draft: Draft, start: float, end: float) -> bool:
    node = draft.dice.pick(draft.layout.nodes)
    return _leave(draft, start, end, node, (ChangeKind.DRAIN, ChangeKind.ENABLE))


def _remove_node(draft: Draft, start: float, end: float) -> bool:
    node = draft.dice.pick(draft.layout.nodes)
    free = draft.free(start, WINDOW_SECONDS, ("process", node))
    kinds = (ChangeKind.REMOVE_NODE, ChangeKind.ADD_NODE)
    if not free or not _leave(draft, start, end, node, kinds):
        return False
    draft.claim(start, WINDOW_SECONDS, ("process", node))
    return True


def _join_late(draft: Draft, start: float, end: float) -> bool:
    """A host that is off and not defined; it is defined, and started afterwards."""
    node, end = draft.dice.pick(draft.layout.nodes), max(end, start + 1.0)
    if not draft.free(start, WINDOW_SECONDS, ("process", node), ("admin",)):
        return False
    if not _down(draft, FaultKind.POWER_LOSS, node, start, end):
        return False
    others = tuple(name for name in draft.layout.nodes if name != node)
    draft.claim(start, WINDOW_SECONDS, ("admin",), ("process", node))
    draft.add(start + 0.1, Change(ChangeKind.REMOVE_NODE, node, via=others))
    draft.add(round(end - 0.4, 2), Change(ChangeKind.ADD_NODE, node, via=others))
    return True


def _leave(
    draft: Draft, start: float, end: float, node: str, kinds: tuple[ChangeKind, ChangeKind]
) -> bool:
    """A node goes by definition and comes back; one at a time."""
    if not draft.free(start, WINDOW_SECONDS, ("admin",)) or len(draft.layout.nodes) < 2:
        return False
    draft.claim(start, WINDOW_SECONDS, ("admin",))
    draft.add(start, Change(kinds[0], node, via=draft.via()))
    if end < WINDOW_SECONDS:
        draft.add(end, Change(kinds[1], node, via=draft.via()))
    return True


IDEAS: tuple[Callable[[Draft, float, float], bool], ...] = (
    *(_power_loss, _power_loss, _link_down, _isolate, _kill_agent, _stop_agent, _freeze),
    _end_agent,
    *(_cut, _cut, _one_way, _split, _partition, _partition, _broker, _broker, _ring_b_down),
    *(_clock_step, _add_vip, _remove_vip, _prefer, _drain, _remove_node, _join_late),
)
