"""Who owns a VIP, and how it stands: the case that the core's `standing` judges.

The living holder with the highest claim owns it. Another living node is believed to hold it too by
a report made after the owner's taking was known; before that, it has not had the time to let go.
Times are monotonic seconds of the manager.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from cluster_admin.events.fitness import NOBODY, Outlook
from cluster_admin.events.holdings import Claim
from cluster_admin.events.verdicts import ON_THE_WAY_SECONDS, Verdict
from workers.failover.core.standing import Case, Cause, State, standing

REASON_MAX = 200


@dataclass(frozen=True, slots=True)
class VipView:
    """A VIP as it is shown. Without an owner, `since` is when it lost its last one.

    `reason`: why its owner has it, or why it has none; `note`: what is to be known of its state.
    """

    state: State = State.UNKNOWN
    owner: str = ""
    epoch: int = 0
    since: float | None = None
    reason: str = ""
    previous: str = ""
    holders: tuple[str, ...] = ()
    cause: Cause = Cause.NONE
    note: str = ""


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
    outlook: Outlook = NOBODY
    refusals: Mapping[str, str] = field(default_factory=dict)
    """Living node -> why its kernel cannot have it."""
    hook: str = ""


def resolve(
    before: VipView, holders: Iterable[Holder], around: Surroundings, now: float
) -> VipView:
    """The VIP as it is now, given how it was."""
    if not around.heard:
        note = "nobody is heard: this is how it was"
        return replace(before, state=State.UNKNOWN, cause=Cause.NONE, note=note)
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
    others = tuple(
        one.name for one in living[1:] if one.asserted_at > claim.learned_at + ON_THE_WAY_SECONDS
    )
    state, cause, note = standing(_case(around, owner=owner, others=others))
    return VipView(
        *(state, owner, claim.epoch, claim.since, claim.reason, claim.previous),
        holders=(owner, *others),
        cause=cause,
        note=note,
    )


def _doubtful(doubtful: list[Holder]) -> VipView:
    owner, claim = doubtful[0].name, doubtful[0].claim
    return VipView(
        *(State.UNKNOWN, owner, claim.epoch, claim.since, claim.reason, claim.previous),
        holders=(owner,),
        note=f"nobody heard of {owner} lately",
    )


def _unowned(before: VipView, around: Surroundings, now: float) -> VipView:
    previous = before.owner or before.previous
    since = before.since if not before.owner and before.since is not None else now
    doubt = f"{around.untold} has not told what it holds" if around.untold else ""
    state, cause, note = standing(_case(around, doubt=doubt))
    return VipView(state, "", before.epoch, since, note[:REASON_MAX], previous, (), cause, note)


def _case(
    around: Surroundings, *, owner: str = "", others: tuple[str, ...] = (), doubt: str = ""
) -> Case:
    trouble = None
    if around.trouble is not None:
        word, mac = around.trouble
        trouble = (State.STUCK if word == State.STUCK else State.FOREIGN, mac)
    return Case(
        owner=owner,
        others=others,
        rival=around.rival,
        trouble=trouble,
        nodes=around.outlook.nodes,
        heirs=around.outlook.heirs,
        refusals=around.refusals,
        unhealthy=dict(around.outlook.unhealthy),
        hook=around.hook,
        doubt=doubt,
    )
