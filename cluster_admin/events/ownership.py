"""How a VIP is: owned, unowned, UNSAFE, in conflict, stuck, foreign or unknown, and why.

The living holder with the highest claim owns it. It is UNSAFE when another living node said that it
has it, in a report made after the owner's taking was known; before that, the other has not had the
time to let go. Times are monotonic seconds of the manager.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from cluster_admin.events.holdings import Claim
from cluster_admin.events.verdicts import ON_THE_WAY_SECONDS, Verdict


class State(StrEnum):
    """How a VIP is, as the rows say it."""

    OWNED = "owned"
    UNOWNED = "unowned"
    UNSAFE = "UNSAFE"
    CONFLICT = "conflict"
    STUCK = "stuck"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class VipView:
    """A VIP as it is shown. Without an owner, `since` is when it lost its last one."""

    state: State = State.UNKNOWN
    owner: str = ""
    epoch: int = 0
    since: float | None = None
    reason: str = ""
    previous: str = ""
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Holder:
    """A node that says it holds the VIP."""

    name: str
    claim: Claim
    verdict: Verdict
    asserted_at: float
    """When its agent last said so, or that nothing had changed."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else matters for a VIP."""

    heard: bool
    """Whether any node is heard at all."""
    untold: str = ""
    """A living node that has not told what it holds."""
    trouble: tuple[str, str] | None = None
    """(stuck or foreign, link address)."""
    rival: str = ""
    """Who claims it too, as a holder told lately."""


def resolve(
    before: VipView, holders: Iterable[Holder], around: Surroundings, now: float
) -> VipView:
    """The VIP as it is now, given how it was."""
    if not around.heard:
        return replace(before, state=State.UNKNOWN)
    ranked = sorted(holders, key=lambda one: (-one.claim.epoch, one.name))
    living = [one for one in ranked if one.verdict.lives]
    if living:
        return _owned(living, around)
    doubtful = [one for one in ranked if one.verdict is Verdict.UNKNOWN]
    if doubtful:
        return _doubtful(doubtful)
    return _unowned(before, around, now)


def _owned(living: list[Holder], around: Surroundings) -> VipView:
    owner, claim = living[0].name, living[0].claim
    others = [
        one.name for one in living[1:] if one.asserted_at > claim.learned_at + ON_THE_WAY_SECONDS
    ]
    view = VipView(
        State.OWNED, owner, claim.epoch, claim.since, claim.reason, claim.previous, (owner,)
    )
    if others:
        reason = f"also held by {', '.join(others)}"
        return replace(view, state=State.UNSAFE, reason=reason, holders=(owner, *others))
    if around.rival:
        return replace(view, state=State.CONFLICT, reason=f"also claimed by {around.rival}")
    return view


def _doubtful(doubtful: list[Holder]) -> VipView:
    owner, claim = doubtful[0].name, doubtful[0].claim
    return VipView(
        State.UNKNOWN,
        owner,
        claim.epoch,
        claim.since,
        f"nobody heard of {owner} lately",
        claim.previous,
        (owner,),
    )


def _unowned(before: VipView, around: Surroundings, now: float) -> VipView:
    previous = before.owner or before.previous
    since = before.since if not before.owner and before.since is not None else now
    state, reason = State.UNOWNED, "no node holds it"
    if around.trouble is not None:
        stuck = around.trouble[0] == State.STUCK
        state = State.STUCK if stuck else State.FOREIGN
        reason = f"{around.trouble[1]} answers for it"
    elif around.untold:
        state, reason = State.UNKNOWN, f"{around.untold} has not told what it holds"
    return VipView(state, "", before.epoch, since, reason, previous)
