"""Planned moves with nothing else going wrong, agent upgrades, and the last who may serve.

VIPs move by definitions, back to whom they prefer, by clean stops and drains of many. Each is
without service for 20 ms at most, whoever moves it and why; an upgrade interrupts nothing.
"""

from __future__ import annotations

from dataclasses import replace

from tests.simulation.draft import Draft
from tests.simulation.plan import Bounds, Plan
from workers.failover.core.definitions import Knobs, PartitionPolicy

DEATH = 0.6 + 0.1
"""dead_after + 100 ms at the default knobs."""
LEASE_END = 0.15
NEVER = NONE = 0.0
LAST_HOLDER = DEATH + 0.13
"""A death, and one round of probes: who may serve at all changes at that very moment."""
HEIR_FALLEN = 0.4 + 0.13
"""The one that was to take over falls before it has: suspicion is enough, then probes."""
UPGRADE_LEASE_SECONDS = 8


def brisk() -> Knobs:
    """Views mature and balance comes soon, so that schedules are short."""
    return Knobs(view_mature_time=1.0, balance_interval=2.0, definition_wait=1.5)


def follow_one(draft: Draft) -> None:
    """Let some VIPs sit with another one."""
    vips = draft.plan.definitions.vips
    first = draft.vips[0]
    for vip in draft.vips[1:]:
        if draft.chance(0.3):
            vips[vip] = replace(vips[vip], prefer=(), follow=first)


def wish(draft: Draft, vips: list[str]) -> str:
    """New preferences for these VIPs: one node, an order of some, or none any more."""
    most = min(3, len(draft.names))
    return " ".join(f"{vip}={','.join(draft.some_in_order(0, most))}" for vip in vips)


def some_vips(draft: Draft) -> list[str]:
    """One VIP, some, or all; none that follows another."""
    vips = [v for v, vip in draft.plan.definitions.vips.items() if not vip.follow]
    count = draft.rng.choice((1, draft.rng.randint(1, len(vips)), len(vips)))
    return sorted(draft.rng.sample(vips, count))


def move(seed: int) -> Plan:
    """Preferences change: once, several times, and back before the move is over."""
    draft = Draft("move", seed, Bounds(NONE, NEVER), nodes=(2, 5), knobs=brisk())
    draft.plan.placed = True
    if draft.chance(0.3):
        follow_one(draft)
    at, shape = draft.at, draft.rng.randrange(4)
    vips = some_vips(draft)
    draft.step(at, "prefer", draft.pick(), wish(draft, vips))
    if shape == 1:
        for _ in range(draft.rng.randint(1, 4)):
            at += draft.between(0.0, 0.6)
            draft.step(at, "prefer", draft.pick(), wish(draft, some_vips(draft)))
    elif shape == 2:
        before = draft.plan.definitions.vips
        back = " ".join(f"{vip}={','.join(before[vip].prefer)}" for vip in vips)
        draft.step(at + draft.between(0.0, 0.12), "prefer", draft.pick(), back)
    elif shape == 3:
        _files_on_their_way(draft, at)
    return draft.finish(rest=7.0)


def _files_on_their_way(draft: Draft, at: float) -> None:
    """Who gets the file first cannot hand it to everybody for a while."""
    receivers = " ".join(draft.some())
    seconds = draft.between(0.2, 3.0)
    everybody = " ".join(draft.names)
    draft.fault(at - 0.01, seconds, "cut_one_way", "mend_one_way", "b", everybody, receivers)


def failback(seed: int) -> Plan:
    """A node that VIPs prefer is away, and comes back: they go to it once the view is mature."""
    draft = Draft("failback", seed, Bounds(DEATH, NEVER), knobs=brisk())
    draft.plan.placed = True
    victim = draft.pick()
    vips = draft.plan.definitions.vips
    for vip in some_vips(draft):
        vips[vip] = replace(vips[vip], prefer=(victim, *draft.some_in_order(0, 2, victim)))
    shape, seconds = draft.rng.randrange(4), draft.between(1.0, 4.0)
    if shape == 0:
        draft.fault(draft.at, seconds, "power_loss", "power_return", victim)
    elif shape == 1:
        draft.fault(draft.at, seconds, "cut_port", "mend_port", victim)
    elif shape == 2:
        draft.fault(draft.at, seconds, "ask_to_stop", "start", victim)
    else:
        draft.plan.starts[victim] = draft.between(1.0, 3.0)
    if draft.chance(0.3):
        draft.step(draft.at + seconds + draft.between(0.5, 3.5), "power_loss", victim)
    return draft.finish(rest=7.0)


def stop_many(seed: int) -> Plan:
    """Nodes with many VIPs leave cleanly, one or several, at once or in turn; never the last."""
    draft = Draft("stop-many", seed, Bounds(NONE, NEVER), nodes=(2, 4), vips=(10, 100))
    at = draft.at
    for name in draft.some(1, len(draft.names) - 1):
        draft.step(at, "ask_to_stop", name)
        at += draft.between(0.0, 0.5) if draft.chance(0.5) else 0.0
    return draft.finish(rest=4.0)


def drain_many(seed: int) -> Plan:
    """Nodes with many VIPs drain, and some are enabled again in the middle."""
    draft = Draft("drain-many", seed, Bounds(NONE, NEVER), nodes=(2, 4), vips=(10, 100))
    names = " ".join(draft.some(1, len(draft.names) - 1))
    draft.step(draft.at, "set_state", draft.pick(), names, "draining")
    if draft.chance(0.4):
        back = draft.at + draft.between(0.0, 0.4)
        draft.step(back, "set_state", draft.pick(), names, "enabled")
    return draft.finish(rest=4.0)


def _absence(draft: Draft) -> float:
    """Seconds until the next agent starts: usually soon, always well within the longer lease."""
    return draft.between(0.3, 3.0) if draft.chance(0.6) else draft.between(3.0, 6.5)


def upgrade(seed: int) -> Plan:
    """Agents leave under a longer lease, and their successors adopt what the kernel kept."""
    draft = Draft("upgrade", seed, Bounds(NONE, NEVER), nodes=(2, 4))
    at, together = draft.at, draft.chance(0.3)
    for name in draft.some():
        draft.step(at, "ask_to_restart", name, UPGRADE_LEASE_SECONDS, _absence(draft))
        at += 0.0 if together else draft.between(0.5, 4.0)
    if draft.chance(0.4):
        draft.step(draft.at + draft.between(-0.1, 2.0), "prefer", draft.pick(),
                   wish(draft, some_vips(draft)))  # fmt: skip
    return draft.finish(rest=8.0)


def upgrade_fails(seed: int) -> Plan:
    """The successor never comes: the kernel serves until the longer lease ends, then others do."""
    draft = Draft("upgrade-fails", seed, Bounds(LEASE_END, NEVER), nodes=(2, 4))
    victim = draft.pick()
    draft.step(draft.at, "ask_to_restart", victim, UPGRADE_LEASE_SECONDS, None)
    if draft.chance(0.5):
        at = draft.at + draft.between(0.1, 6.0)
        draft.plan.bounds = Bounds(DEATH, NEVER)
        draft.step(at, "power_loss", victim)
    return draft.finish(rest=UPGRADE_LEASE_SECONDS + 3.0)


def upgrade_flap(seed: int) -> Plan:
    """While its agent is away under a longer lease, the host's link goes, and comes back."""
    draft = Draft("upgrade-flap", seed, Bounds(DEATH, 0.03 + 0.1), nodes=(2, 4))
    victim = draft.pick()
    successor = draft.between(0.5, 7.0) if draft.chance(0.5) else None
    draft.step(draft.at, "ask_to_restart", victim, UPGRADE_LEASE_SECONDS, successor)
    cut = draft.at + draft.between(-0.3, 2.0)
    draft.fault(cut, draft.between(0.05, 6.0), "cut_port", "mend_port", victim)
    return draft.finish(rest=UPGRADE_LEASE_SECONDS + 3.0)


def heir_stops(seed: int) -> Plan:
    """A node stops, drains or gives VIPs away; the first heir is told to stop in the middle of it.

    What it said it would take it takes, and hands on.
    """
    draft = Draft("heir-stops", seed, Bounds(NONE, NEVER), nodes=(3, 5), knobs=brisk())
    giver, moment = draft.pick(), draft.rng.choice(("offers", "armed", "released"))
    if draft.chance(0.5):
        draft.step(draft.at, "ask_to_stop", giver)
    else:
        draft.step(draft.at, "set_state", draft.pick(), giver, "draining")
    draft.step(draft.at - 0.5, "trap", moment, draft.between(0.0, 0.002), "ask_to_stop", ("heir",))
    draft.step(draft.at + 2.0, "untrap")
    return draft.finish()


def last_resort(seed: int) -> Plan:
    """Nobody is enabled, and holders die or leave: who drains takes over, then the others."""
    policy = PartitionPolicy.QUORUM if seed % 5 == 0 else PartitionPolicy.COVER
    knobs = replace(brisk(), partition_policy=policy)
    quorum = policy is PartitionPolicy.QUORUM
    draft = Draft("last-resort", seed, Bounds(LAST_HOLDER, NEVER), nodes=(3, 5), knobs=knobs)
    at = draft.at
    states = [draft.rng.choice(("draining", "maintenance")) for _ in draft.names]
    together = draft.chance(0.5)
    for name, state in zip(draft.names, states, strict=True):
        draft.step(at, "set_state", draft.pick(), name, state)
        at += 0.0 if together else draft.between(0.0, 0.5)
    at += draft.between(0.0, 2.0)
    most = 1 if quorum or draft.chance(0.5) else len(draft.names) - 1
    for victim in draft.some(1, most):
        draft.step(at, draft.rng.choice(("power_loss", "power_loss", "ask_to_stop")), victim)
        at += draft.between(0.0, 3.0)
    draft.plan.bounds = Bounds(_heirs_fall(draft), NEVER)
    if draft.chance(0.3):
        draft.step(at + 1.0, "set_state", draft.pick(), draft.pick(), "enabled")
    return draft.finish(rest=6.0)


def _heirs_fall(draft: Draft) -> float:
    """The longest outage when an heir may fall before it has taken what the one before it had."""
    falls = sorted(step.at for step in draft.plan.steps if step.kind == "power_loss")
    longest = LAST_HOLDER
    for index, first in enumerate(falls):
        until = first + LAST_HOLDER
        for fall in falls[index + 1 :]:
            if fall < until:
                until = max(until, fall + HEIR_FALLEN)
        longest = max(longest, until - first)
    return longest
