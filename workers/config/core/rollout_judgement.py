"""What speaks against a node in a rollout: that it is away, that it is unwell, that it failed.

All answers are sentences, empty when nothing does. Nothing is changed here.
"""

from workers.config.core.reports import Outcome
from workers.config.core.rollout_values import ORDERED_TO_IT, Node, Rollout, Seen, Stage

SILENCE_SECONDS = 150.0
"""A node tells how it stands every 60 s; after this long without it is away."""
GRACE_SECONDS = 10.0
"""Trouble that is over sooner is none."""
UNREST_SECONDS = 60.0
"""So long nodes may be in trouble by turns, each for a moment."""
TRIED = frozenset({Outcome.TURNED_BACK, Outcome.STRANDED})
"""The revision was live, and did not do."""
BAD = TRIED | {Outcome.KEPT, Outcome.REFUSED}


def there(rollout: Rollout, seen: Seen) -> bool:
    """Whether the node has the rollout's revision, whole."""
    return seen.live == rollout.revision and not seen.busy


def trouble(rollout: Rollout, name: str, node: Node, seen: Seen) -> str:
    """What is wrong with a node now: away, or a complaint that came with the revision."""
    if node.stage in ORDERED_TO_IT and seen.excused:
        return ""
    if seen.away:
        return seen.away
    if rollout.clock - node.heard_since > SILENCE_SECONDS:
        return f"{name} has told nothing for more than {SILENCE_SECONDS:.0f} s"
    if node.stage not in ORDERED_TO_IT:
        return ""
    return next((one for one in seen.complaints if one not in node.known), "")


def calm(rollout: Rollout) -> bool:
    """Whether no node that is to have the revision is in trouble now."""
    nodes = rollout.nodes.values()
    return not any(node.trouble for node in nodes if node.stage in ORDERED_TO_IT)


def lasting(rollout: Rollout, node: Node) -> str:
    """The node's trouble, once it is none that passes by itself."""
    longest = rollout.clock - node.trouble_since >= GRACE_SECONDS
    unrest = node.stage in ORDERED_TO_IT and rollout.clock - rollout.calm_at >= UNREST_SECONDS
    return node.trouble if longest or unrest else ""


def failure(rollout: Rollout, name: str, node: Node, seen: Seen) -> str:
    """Why a node that is to have the revision has failed."""
    wanted, has_it = rollout.revision, there(rollout, seen)
    refusing = TRIED if has_it else BAD
    for told in seen.reports:
        if told.mark > node.mark and told.revision == wanted and told.outcome in refusing:
            return f"{name}: {told.sentence or told.outcome.value}"
    if bad := lasting(rollout, node):
        return f"{name} with r{wanted}: {bad}"
    if has_it:
        return ""
    if node.stage is Stage.ORDERED:
        limit = rollout.settings.apply_seconds
        late = rollout.clock - node.since > limit
        return f"{name} has not told within {limit:g} s that it has r{wanted}" if late else ""
    has = f"r{seen.live}" if seen.live else "nothing"
    return "" if seen.busy else f"{name} no longer has r{wanted}: {has} is live there"


def back(rollout: Rollout, node: Node, seen: Seen) -> bool:
    """Whether a node that is to go back has the revision before, as far as it tells."""
    knows = seen.target != rollout.revision and node.heard_since > node.since
    return seen.live == node.old and not seen.busy and knows and not node.trouble


def loss(rollout: Rollout, name: str, node: Node, seen: Seen) -> str:
    """Why a node that is to go back will not be known to."""
    limit, has_it = rollout.settings.apply_seconds, back(rollout, node, seen)
    for told in seen.reports:
        bad = told.revision == node.old and told.outcome in (TRIED if has_it else BAD)
        if told.mark > node.mark and (bad or told.outcome is Outcome.STRANDED):
            return f"{name} did not go back: {told.sentence or told.outcome.value}"
    if has_it:
        return ""
    if not node.old:
        return f"nothing was deployed on {name} before; it keeps what it has"
    if rollout.clock - node.since > limit:
        return f"{name} has not told within {limit:g} s that it has r{node.old} again; look at it"
    return ""
