"""A rollout: canary, then batches, each passed before the next begins; one failure turns all back.

`plan` -> batches, `begin` -> state, `decide(rollout, event, now)` -> actions and facts. Invariants:
never more nodes at risk than a batch has; after a failure or an abort no node is ordered to the
revision any more; it ends whatever nodes do, unless somebody pauses it. What is seen counts, not
how often it was told: repeated, late and lost reports do no harm. Who looks and acts is not here.
"""

from collections.abc import Collection, Mapping, Sequence

from workers.config.core.rollout_turns import Turn
from workers.config.core.rollout_values import (
    ENDS,
    Abort,
    Decision,
    Event,
    Look,
    Node,
    Pause,
    Phase,
    Refusal,
    Resume,
    Rollout,
    Settings,
)


def plan(
    nodes: Collection[str],
    canary: int,
    batch: int,
    *,
    order: Sequence[str] = (),
    away: Collection[str] = (),
) -> tuple[tuple[str, ...], ...]:
    """Who has its turn with whom: the canary, then batches of at most `batch` nodes.

    First those that `order` names, then the rest by name; those `away` come last, and are in no
    canary. Raises ValueError with a sentence.
    """
    present = set(nodes) - set(away)
    if not present:
        raise ValueError("no node is up; start one, or deploy without a rollout")
    for name, number in (("canary", canary), ("batch", batch)):
        if number < 1:
            raise ValueError(f"{name} is {number}; write 1 or more")
    unknown = [name for name in order if name not in nodes]
    if unknown:
        raise ValueError(f"there is no node {unknown[0][:63]!r} in the subcluster; name others")
    first = tuple(dict.fromkeys(order))
    names = (*first, *sorted(set(nodes) - set(first)))
    names = (*(one for one in names if one in present), *(n for n in names if n not in present))
    canary = min(canary, len(present))
    rest = names[canary:]
    return (
        names[:canary],
        *(rest[start : start + batch] for start in range(0, len(rest), batch)),
    )


def begin(
    revision: int,
    batches: Sequence[Sequence[str]],
    old: Mapping[str, int],
    settings: Settings,
    now: float,
    *,
    newest: int = 0,
) -> Rollout:
    """A rollout in which nobody was ordered yet. `old`: node -> the revision to go back to.

    `newest`: mark of the newest report of all; those up to it are of earlier times.
    """
    return Rollout(
        revision=revision,
        settings=settings,
        batches=tuple(tuple(one) for one in batches),
        nodes={
            name: Node(old=old[name], newest=newest, mark=newest) for one in batches for name in one
        },
        seen_at=now,
    )


def refusal(rollout: Rollout, event: Event) -> Refusal | None:
    """Why an operator's wish would change nothing; None when it would, and for looks."""
    if isinstance(event, Look):
        return None
    if rollout.phase in ENDS:
        return Refusal.OVER
    if rollout.phase is Phase.TURNING_BACK:
        return Refusal.TURNING_BACK
    if isinstance(event, Pause) and rollout.phase is Phase.PAUSED:
        return Refusal.PAUSED
    if isinstance(event, Resume) and rollout.phase is Phase.RUNNING:
        return Refusal.RUNNING
    return None


def decide(rollout: Rollout, event: Event, now: float) -> Decision:
    """Change `rollout` as the event wants, and say what is to be done and told.

    `now`: seconds of the wall's clock; that it jumps does no harm. A wish that is refused, and a
    look after the end, change nothing.
    """
    if rollout.phase in ENDS or refusal(rollout, event):
        return Decision()
    turn = Turn(rollout)
    match event:
        case Look():
            turn.look(event, now)
        case Pause(sentence):
            turn.enter(Phase.PAUSED, sentence)
        case Resume():
            turn.enter(Phase.RUNNING, "")
        case Abort(sentence):
            rollout.aborted = True
            turn.turn_back(sentence)
    return Decision(tuple(turn.actions), tuple(turn.facts))
