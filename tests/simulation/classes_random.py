"""Several faults at once, of every kind, healed in the end.

Two owners are excused only by the documented limits: while their nodes are deaf to each other (both
rings, third voices and ARP), or while one of their agents cannot act (stopped or paused, or off the
net), and for one interval and a probe after that. Outages are not bounded here; at rest every VIP
has one owner again.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.draft import Draft
from tests.simulation.plan import Bounds, Plan
from workers.failover.core.definitions import Knobs, PartitionPolicy

FOR_EVER = 1e9
WINDOW_SECONDS = 6.0
DISCOVERY = 0.2 + 0.13
"""One interval for the heartbeat, and a probe with its answer."""


def random_faults(seed: int) -> Plan:
    """Two to five faults within six seconds."""
    bounds = Bounds(FOR_EVER, DISCOVERY, FOR_EVER, excuses_deaf=True, excuses_numb=True)
    draft = Draft("random", seed, bounds, nodes=(2, 5), clients=2, knobs=_knobs(seed))
    for _ in range(draft.rng.randint(2, 5)):
        at = draft.at + draft.between(0.0, WINDOW_SECONDS - 2)
        seconds = draft.between(0.1, 1.0) if draft.chance(0.5) else draft.between(1.0, 5.0)
        draft.rng.choice(KINDS)(draft, at, seconds)
    draft.step(draft.at + WINDOW_SECONDS + 4.0, "expect")
    return draft.finish(rest=8.0)


def _knobs(seed: int) -> Knobs:
    policy = PartitionPolicy.QUORUM if seed % 7 == 0 else PartitionPolicy.COVER
    return Knobs(
        view_mature_time=(5.0, 1.0)[seed % 2],
        balance_interval=(10.0, 2.0)[seed % 2],
        partition_policy=policy,
    )


def _power(draft: Draft, at: float, seconds: float) -> None:
    victim = draft.pick()
    draft.step(at, "power_loss", victim)
    draft.step(at + seconds, "power_return", victim)


def _kill(draft: Draft, at: float, seconds: float) -> None:
    draft.step(at, "kill", draft.pick(), draft.between(0.3, 0.6))


def _kill_long(draft: Draft, at: float, seconds: float) -> None:
    victim = draft.pick()
    draft.step(at, "kill", victim, None)
    draft.step(at + seconds, "start", victim)


def _freeze(draft: Draft, at: float, seconds: float) -> None:
    draft.fault(at, seconds, "stop", "resume", draft.pick())


def _starve(draft: Draft, at: float, seconds: float) -> None:
    draft.step(at, "starve", draft.pick(), draft.between(0.05, 0.9))


def _flap(draft: Draft, at: float, seconds: float) -> None:
    draft.fault(at, seconds, "cut_port", "mend_port", draft.pick(), draft.chance(0.5))


def _cut(draft: Draft, at: float, seconds: float) -> None:
    layers = draft.rng.choice(("b", "arp", "both"))
    one = draft.pick()
    other = draft.rng.choice(draft.others(one))
    draft.fault(at, seconds, "cut", "mend", layers, one, other)


def _one_way(draft: Draft, at: float, seconds: float) -> None:
    layers = draft.rng.choice(("b", "arp", "both"))
    ones, others = " ".join(draft.some()), " ".join(draft.some())
    draft.fault(at, seconds, "cut_one_way", "mend_one_way", layers, ones, others)


def _partition(draft: Draft, at: float, seconds: float) -> None:
    part = draft.some(1, len(draft.names) - 1)
    rest = draft.others(*part)
    with_clients = draft.chance(0.5)
    ones = " ".join([*part, "client1"] if with_clients else part)
    others = " ".join([*rest, "client2", "gateway"] if with_clients else rest)
    draft.fault(at, seconds, "cut", "mend", "both", ones, others)
    if draft.chance(0.5):
        draft.fault(at, seconds, "cut_broker", "mend_broker", " ".join(part))


def _witness(draft: Draft, at: float, seconds: float) -> None:
    draft.fault(at, seconds, "cut_port", "mend_port", "gateway")


def _broker_down(draft: Draft, at: float, seconds: float) -> None:
    draft.step(at, "broker_down", draft.chance(0.5))
    draft.step(at + seconds, "broker_up")


def _broker_mute(draft: Draft, at: float, seconds: float) -> None:
    if draft.chance(0.5):
        draft.step(at, "broker_holds")
    else:
        draft.step(at, "broker_silent", " ".join(draft.some()), draft.chance(0.5))
    draft.step(at + seconds, "broker_speaks")


def _broker_cut(draft: Draft, at: float, seconds: float) -> None:
    draft.fault(at, seconds, "cut_broker", "mend_broker", " ".join(draft.some()))


def _loss(draft: Draft, at: float, seconds: float) -> None:
    draft.step(at, "degrade", "b", draft.between(0, 0.3), draft.between(0, 0.1),
               draft.between(0, 0.2))  # fmt: skip
    draft.step(at + seconds, "restore", "b")


def _arp_loss(draft: Draft, at: float, seconds: float) -> None:
    draft.step(at, "degrade", "arp", draft.between(0, 0.1), 0.0, draft.between(0, 0.05))
    draft.step(at + seconds, "restore", "arp")


def _pause(draft: Draft, at: float, seconds: float) -> None:
    victim = draft.pick()
    draft.step(at, "pause", victim, draft.chance(0.5))
    draft.step(at + seconds, "unpause", victim)


def _leave(draft: Draft, at: float, seconds: float) -> None:
    leaver = draft.pick()
    draft.step(at, "ask_to_stop", leaver)
    draft.step(draft.at + WINDOW_SECONDS, "start", leaver)


def _ambush(draft: Draft, at: float, seconds: float) -> None:
    victim = draft.pick()
    point = draft.rng.choice(("BEFORE_CHECK", "BEFORE_CALL", "AFTER_CALL"))
    if draft.chance(0.7):
        draft.step(at, "ambush", victim, point, draft.between(0.01, 2.0))
    else:
        draft.step(at, "assassinate", victim, point, draft.between(0.3, 0.6))
    draft.step(draft.at + WINDOW_SECONDS, "disarm", victim)


def _define(draft: Draft, at: float, seconds: float) -> None:
    add = f"198.18.0.{150 + draft.rng.randrange(9)}"
    remove = draft.rng.choice(draft.vips) if draft.chance(0.5) else ""
    draft.step(at, "define", draft.pick(), add, remove)


def _drain(draft: Draft, at: float, seconds: float) -> None:
    names = " ".join(draft.some())
    draft.step(at, "set_state", draft.pick(), names, "draining")
    back = at + seconds if draft.chance(0.5) else draft.at + WINDOW_SECONDS
    draft.step(back, "set_state", draft.pick(), names, "enabled")


KINDS: tuple[Callable[[Draft, float, float], None], ...] = (
    _power, _kill, _kill_long, _freeze, _freeze, _starve, _starve, _flap, _cut, _cut, _one_way,
    _partition, _witness, _broker_down, _broker_mute, _broker_cut, _loss, _arp_loss, _pause, _leave,
    _ambush, _define, _drain,
)  # fmt: skip
