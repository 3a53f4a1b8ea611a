"""Handoffs that are hit between offer and taking: each cause, crossed with what may go wrong.

Nothing here may cost two owners; only a machine whose clock stood still, and nodes that no client
can tell apart from two clusters, have the excuse that the fault table gives them. What was let go
and not taken is anybody's `handoff_timeout` later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.simulation.classes_handoff import some_vips, wish
from tests.simulation.classes_health import CHECKS, check_some, checking
from tests.simulation.draft import Draft
from tests.simulation.plan import Bounds, Plan
from workers.failover.core.definitions import Knobs

NEVER = 0.0
HANDOFF_TIMEOUT = 1.0
ORPHAN = 1.0 + 0.3 * 5
"""Anybody takes an orphan: the last in rank."""
MIDDLE = HANDOFF_TIMEOUT + 0.6 + 0.2 + ORPHAN
"""Let go, not taken: left alone, its heir then found dead, an interval, taken by anybody."""
LEASE = 3.5
INTERVAL = 0.2
HEALING = INTERVAL + 0.13
WINDOW = 4.0

Part = Callable[[Draft, float], None]


def middle(seed: int) -> Plan:
    """A planned move, and something that hits its middle."""
    draft = _begin("middle", seed)
    cause, hit = draft.rng.choice(CAUSES), draft.rng.choice(MIDDLES)
    if cause is _upgrade and hit in (_one_way, _partition):  # an agent away, and ARP cut
        _excuse(draft)
    return _finish(draft, cause, hit)


def middle_double(seed: int) -> Plan:
    """Two things hit it: the bounds of any two faults at once.

    A ring cut and a slow broker are one more interval late in telling the end of a conflict.
    """
    draft = _begin("middle-double", seed)
    _excuse(draft)
    draft.plan.bounds = replace(draft.plan.bounds, two_owners=HEALING + INTERVAL)
    return _finish(draft, draft.rng.choice(CAUSES), *draft.rng.choices(MIDDLES, k=2))


def late_words(seed: int) -> Plan:
    """From arming on the heir hears giver and a third node by the broker only, late or in a burst.

    The third one is often to have what is on its way to the heir.
    """
    draft = Draft("late-words", seed, Bounds(MIDDLE, NEVER, MIDDLE), nodes=(4, 5))
    draft.rng.choice((_moves, _drain, _drain, _stop, _stop))(draft, draft.at)
    before, third = draft.at - 0.7, draft.pick()
    draft.step(before, "trap", "armed", 0.0, "cut_one_way", ("b", f"giver {third}", "heir"),
               "mend_one_way", draft.between(1.5, 3.0))  # fmt: skip
    if draft.chance(0.5):
        cut = draft.rng.choice(("giver", "heir"))
        draft.step(before, "trap", "armed", 0.0, "cut_broker", (cut,), "mend_broker",
                   draft.between(0.5, 1.3))  # fmt: skip
    else:
        draft.step(before, "delay_broker", draft.between(0.35, 0.55))
    if draft.chance(0.8):
        _wished_away(draft, before, third)
    draft.step(draft.at + WINDOW, "untrap")
    draft.step(draft.at + WINDOW, "delay_broker", 0.0009)
    draft.step(draft.at + WINDOW + 2.0, "expect")
    return draft.finish(rest=5.0)


def late_burst(seed: int) -> Plan:
    """The heir hears nothing from arming on, until others have what was on its way to it.

    Then it reads in one burst what giver and third node had said meanwhile.
    """
    draft = Draft("late-burst", seed, Bounds(MIDDLE, NEVER, MIDDLE), nodes=(4, 5))
    draft.rng.choice((_moves, _drain, _stop))(draft, draft.at)
    before, third = draft.at - 0.7, draft.pick()
    draft.step(before, "trap", "armed", 0.0, "cut_one_way", ("b", f"giver {third}", "heir"),
               "mend_one_way", draft.between(1.5, 3.0))  # fmt: skip
    draft.step(before, "trap", "armed", 0.0, "cut_broker", ("heir",), "mend_broker",
               draft.between(0.9, 1.2))  # fmt: skip
    _wished_away(draft, before, third)
    draft.step(draft.at + WINDOW, "untrap")
    draft.step(draft.at + WINDOW + 2.0, "expect")
    return draft.finish(rest=5.0)


def _wished_away(draft: Draft, at: float, third: str) -> None:
    """As soon as something is released, all is to be the third one's."""
    wishes = " ".join(f"{vip}={third}" for vip in draft.vips)
    draft.step(at, "trap", "released", 0.0, "prefer", (draft.pick(), wishes))


def slow_heir(seed: int) -> Plan:
    """The heir stands still when it is offered VIPs: they stay where they are until it is ready."""
    draft = Draft("slow-heir", seed, Bounds(NEVER, NEVER), nodes=(2, 5))
    cause = draft.rng.choice((_moves, _drain))
    cause(draft, draft.at)
    draft.step(draft.at - 0.7, "trap", "offers", 0.0, "starve", ("heir", draft.between(0.1, 1.5)))
    draft.step(draft.at + WINDOW, "untrap")
    return draft.finish(rest=5.0)


def _begin(name: str, seed: int) -> Draft:
    draft = Draft(name, seed, Bounds(MIDDLE, NEVER, MIDDLE), nodes=(2, 5), knobs=_knobs(seed))
    draft.at += 1.0
    return draft


def _finish(draft: Draft, cause: Part, *hits: Part) -> Plan:
    cause(draft, draft.at)
    for hit in hits:
        hit(draft, draft.at + draft.between(-0.05, 0.4))
    draft.step(draft.at + WINDOW, "untrap")
    draft.step(draft.at + WINDOW + 4.0, "expect")
    return draft.finish(rest=6.0)


def _excuse(draft: Draft) -> None:
    bounds = replace(draft.plan.bounds, two_owners=HEALING, excuses_deaf=True, excuses_numb=True)
    draft.plan.bounds = bounds


def _knobs(seed: int) -> Knobs:
    knobs = checking()
    if seed % 3 == 0:
        return replace(knobs, heartbeat_interval=0.1, dead_after=0.3)
    if seed % 3 == 1:
        return replace(knobs, handoff_timeout=0.3)
    return knobs


# -- causes


def _moves(draft: Draft, at: float) -> None:
    for _ in range(draft.rng.randint(1, 2)):
        draft.step(at, "prefer", draft.pick(), wish(draft, some_vips(draft)))
        at += draft.between(0.0, 0.5)


def _drain(draft: Draft, at: float) -> None:
    names = " ".join(draft.some(1, len(draft.names) - 1))
    draft.step(at, "set_state", draft.pick(), names, "draining")
    if draft.chance(0.5):
        back = at + draft.between(0.0, 2.0)
        draft.step(back, "set_state", draft.pick(), names, "enabled")


def _stop(draft: Draft, at: float) -> None:
    name = draft.pick()
    draft.step(at, "ask_to_stop", name)
    draft.step(at + draft.between(0.5, WINDOW), "start", name)


def _upgrade(draft: Draft, at: float) -> None:
    """In the middle of a move."""
    _moves(draft, at)
    late = at + draft.between(0.0, 0.3)
    draft.step(late, "ask_to_restart", draft.pick(), 8, draft.between(0.3, 3.0))


def _sick(draft: Draft, at: float) -> None:
    check_some(draft)
    names = " ".join(draft.some())
    draft.fault(at - 0.6, draft.between(0.8, 3.0), "sicken", "cure", names, CHECKS[0])


def _balance(draft: Draft, at: float) -> None:
    """Some start late: VIPs come to them a second after that."""
    for name in draft.some(1, len(draft.names) - 1):
        draft.plan.starts[name] = draft.between(1.0, 2.2)


CAUSES: tuple[Part, ...] = (_moves, _moves, _drain, _stop, _upgrade, _sick, _balance)


# -- what hits them


def _hit(draft: Draft, kind: str, arguments: tuple[object, ...], mended: str = "",
         seconds: float = 0.0) -> None:  # fmt: skip
    """Lay a trap for one moment of the next handoff."""
    moment = draft.rng.choice(("offers", "armed", "released", "released"))
    after = draft.rng.choice((0.0, draft.between(0.0, 0.003), draft.between(0.0, 0.3)))
    draft.step(draft.at - 0.7, "trap", moment, after, kind, arguments, mended, seconds)


def _allow(draft: Draft, seconds: float, two_owners: float = NEVER, *, deaf: bool = False) -> None:
    """Add to what this schedule may show."""
    bounds = draft.plan.bounds
    draft.plan.bounds = replace(
        bounds,
        outage=bounds.outage + seconds,
        planned_gap=bounds.planned_gap + seconds,
        two_owners=max(bounds.two_owners, two_owners),
        excuses_deaf=bounds.excuses_deaf or deaf,
    )


def _who(draft: Draft) -> str:
    return draft.rng.choice(("giver", "heir", draft.pick()))


def _dies(draft: Draft, at: float) -> None:
    _hit(draft, "power_loss", (_who(draft),), "power_return", draft.between(0.3, 3.0))


def _killed(draft: Draft, at: float) -> None:
    _allow(draft, LEASE)
    _hit(draft, "kill", (_who(draft), draft.between(0.3, 0.6)))


def _starved(draft: Draft, at: float) -> None:
    seconds = draft.between(0.05, 0.6) if draft.chance(0.6) else draft.between(0.5, 4.5)
    _allow(draft, seconds)
    _hit(draft, "starve", (_who(draft), seconds))


def _paused(draft: Draft, at: float) -> None:
    _allow(draft, LEASE + HEALING, HEALING)
    arguments = (_who(draft), draft.chance(0.5))
    _hit(draft, "pause", arguments, "unpause", draft.between(0.05, 4.0))


def _ambushed(draft: Draft, at: float) -> None:
    """Around the netlink call, of heirs and givers."""
    _allow(draft, LEASE)
    for name in draft.some():
        point = draft.rng.choice(POINTS)
        if draft.chance(0.6):
            seconds = draft.between(0.01, 0.6) if draft.chance(0.7) else draft.between(0.5, 3.0)
            draft.step(draft.at - 0.7, "ambush", name, point, seconds)
        else:
            draft.step(draft.at - 0.7, "assassinate", name, point, draft.between(0.3, 0.6))
        draft.step(draft.at + WINDOW, "disarm", name)


POINTS = ("BEFORE_CHECK", "BEFORE_CALL", "AFTER_CALL", "BEFORE_RELEASE", "AFTER_RELEASE")


def _word_lost(draft: Draft, at: float) -> None:
    """From one moment on one ring or both carry nothing, one way or both."""
    ways = draft.rng.choice((("giver", "heir"), ("heir", "giver"), ("giver heir", "giver heir")))
    seconds, layer = draft.between(0.05, 0.5), draft.rng.choice(("b", "both"))
    moment = draft.rng.choice(("offers", "armed", "released"))
    draft.step(draft.at - 0.7, "trap", moment, 0.0, "cut_one_way", (layer, *ways),
               "mend_one_way", seconds)  # fmt: skip
    if draft.chance(0.6):
        draft.step(draft.at - 0.7, "trap", moment, 0.0, "cut_broker", (ways[0],),
                   "mend_broker", seconds)  # fmt: skip
        _allow(draft, 0.0, HEALING, deaf=True)


def _broker(draft: Draft, at: float) -> None:
    """Old words come late: the broker holds them, or is silent, or slow."""
    seconds, shape = draft.between(0.1, 3.0), draft.rng.randrange(4)
    if shape == 0:
        draft.step(at, "broker_holds")
        draft.step(at + seconds, "broker_speaks")
    elif shape == 1:
        draft.step(at, "broker_silent", " ".join(draft.some()), True)
        draft.step(at + seconds, "broker_speaks")
    elif shape == 2:
        draft.step(at, "slow_broker", draft.between(0.1, 1.0))
        draft.step(at + seconds, "slow_broker", 0.0015)
    else:
        draft.step(at, "broker_down", draft.chance(0.5))
        draft.step(at + seconds, "broker_up")


def _old_words(draft: Draft, at: float) -> None:
    """Ring B is cut, and ring A late: what is told is told late, or comes in bursts."""
    seconds, everybody = draft.between(0.3, 1.5), " ".join(draft.names)
    draft.fault(at, seconds, "cut_one_way", "mend_one_way", "b", everybody, everybody)
    draft.step(at, "slow_broker", draft.between(0.1, 0.55))
    draft.step(at + seconds, "slow_broker", 0.0015)


def _lossy(draft: Draft, at: float) -> None:
    draft.step(draft.at - 0.2, "degrade", "b", draft.between(0.0, 0.4), draft.between(0.0, 0.2),
               draft.between(0.0, 0.3))  # fmt: skip
    draft.step(draft.at + draft.between(0.5, WINDOW), "restore", "b")


def _one_way(draft: Draft, at: float) -> None:
    layers = draft.rng.choice(("b", "arp", "both"))
    ones, others = " ".join(draft.some()), " ".join(draft.some())
    seconds = draft.between(0.2, 3.0)
    draft.fault(at, seconds, "cut_one_way", "mend_one_way", layers, ones, others)


def _partition(draft: Draft, at: float) -> None:
    """Clients hear both parts: what the documents call UNSAFE."""
    _allow(draft, LEASE, HEALING, deaf=True)
    part = draft.some(1, len(draft.names) - 1)
    rest, seconds = " ".join(draft.others(*part)), draft.between(0.1, 3.0)
    if draft.chance(0.5):
        _hit(draft, "cut", ("both", "giver", "heir"), "mend", seconds)
        _hit(draft, "cut_broker", ("giver",), "mend_broker", seconds)
    else:
        draft.fault(at, seconds, "cut", "mend", "both", " ".join(part), rest)
        draft.fault(at, seconds, "cut_broker", "mend_broker", " ".join(part))


MIDDLES: tuple[Part, ...] = (
    _dies, _dies, _killed, _starved, _starved, _paused, _ambushed, _ambushed, _word_lost,
    _word_lost, _broker, _old_words, _lossy, _one_way, _partition,
)  # fmt: skip
