"""Where the four-eyes rule holds: what another person approves before it is committed.

Asked for each directory at the top that a change touches. Only an administrator of every subcluster
sets a rule, so that nobody frees themselves from it.
"""

from collections.abc import Iterable
from dataclasses import replace

from django.db import transaction

from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.configs.proposal_models import ReviewRule
from cluster_admin.inventory.models import Subcluster
from cluster_admin.inventory.refusals import Refused
from workers.failover.core.definitions import AdminState, Definitions
from workers.repository.core.paths import GLOBAL


def rule_of(place: str) -> ReviewRule:
    """The rule of a place; one that asks for nothing when nobody made any."""
    found = ReviewRule.objects.filter(place=place).first()
    return found or ReviewRule(place=place, required=False)


def reviewed(places: Iterable[str]) -> set[str]:
    """Those of the places whose commits another person approves."""
    rows = ReviewRule.objects.filter(place__in=set(places), required=True)
    return set(rows.values_list("place", flat=True))


def guards_definitions(subcluster: str) -> bool:
    """Whether definitions change by approved proposals alone."""
    return ReviewRule.objects.filter(place=subcluster, required=True, definitions=True).exists()


def is_wish(old: Definitions | None, new: Definitions) -> bool:
    """Whether they differ only in what operators want of nodes: draining waits for nobody."""
    return old is not None and _without_wishes(old) == _without_wishes(new)


def set_rule(
    actor: Actor,
    place: str,
    *,
    required: bool,
    definitions: bool = False,
    reason: str = "",
    dry_run: bool = False,
) -> ReviewRule:
    """Say what the rule of a place is; `Refused` where there is no such place."""
    known = place == GLOBAL or Subcluster.objects.filter(name=place).exists()
    if required and not known:
        way = f"name one that there is, or {GLOBAL}"
        raise Refused(f"there is no subcluster {place[:63]!r}; {way}", ("place",))
    if definitions and not required:
        way = "say that it is required too"
        raise Refused(f"definitions are not guarded without the rule; {way}", ("definitions",))
    with transaction.atomic():
        before = rule_of(place)
        values = {"required": required, "definitions": definitions}
        row, _ = ReviewRule.objects.update_or_create(place=place, defaults=values)
        audit.record(
            actor,
            "update",
            kind="review rule",
            object=place,
            subcluster="" if place == GLOBAL else place,
            reason=reason,
            before=values_of(before),
            after=values_of(row),
        )
        transaction.set_rollback(dry_run)
    return row


def values_of(row: ReviewRule) -> dict[str, bool]:
    """What a rule asks for."""
    return {"required": row.required, "definitions": row.definitions}


def _without_wishes(found: Definitions) -> Definitions:
    nodes = {
        name: replace(node, admin_state=AdminState.ENABLED) for name, node in found.nodes.items()
    }
    return replace(found, revision=0, nodes=nodes)
