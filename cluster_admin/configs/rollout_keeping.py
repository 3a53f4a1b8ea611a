"""Storing what was decided about a rollout: state, history, pins of nodes, pointer, together.

In the caller's transaction, which holds the rollout's row. Invariant: after every commit each node
of the rollout is pinned to what the state wants of it, whoever changed the pin meanwhile; what is
sent afterwards is a hint that may get lost.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from django.db import transaction

from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import sending, wishes
from cluster_admin.configs.models import Deployment, Replica
from cluster_admin.configs.rollout_models import SENTENCE_LENGTH, Rollout, RolloutFact
from cluster_admin.inventory.models import Subcluster
from workers.config.core import rollout_values as core

MANAGER = Actor("rollout")
"""Who ends a rollout, or turns it back, when no operator does."""
KIND = "rollout"


def active(subcluster: str) -> Rollout | None:
    """The rollout that is under way; None when there is none."""
    return Rollout.objects.filter(subcluster=subcluster, ended_at=None).first()


def keep(row: Rollout, state: core.Rollout, decision: core.Decision, now: datetime) -> None:
    """Store a state and what it led to; nodes are told once that is durable."""
    row.state, row.phase = msgspec.to_builtins(state), state.phase.value
    ended = state.phase in core.ENDS
    row.ended_at = now if ended else None
    row.save()
    RolloutFact.objects.bulk_create(
        RolloutFact(
            rollout=row,
            at=now,
            node=fact.node,
            what=fact.what,
            sentence=fact.sentence[:SENTENCE_LENGTH],
        )
        for fact in decision.facts
    )
    _pin(row, state)
    for action in decision.actions:
        if isinstance(action, core.Deploy):
            _deploy(row)
    if ended or state.phase is core.Phase.TURNING_BACK:
        _tell_audit(row, decision.facts)
    _send(state, decision.actions)


def _pin(row: Rollout, state: core.Rollout) -> None:
    """Let each node be pinned to what is wanted of it."""
    pins = dict(Replica.objects.filter(node__in=state.nodes).values_list("node", "wanted"))
    wrong: dict[int, list[str]] = {}
    for node, pin in pins.items():
        wanted = core.wanted(state, node)
        if wanted is not None and wanted != pin:
            wrong.setdefault(wanted, []).append(node)
    for wanted, nodes in wrong.items():
        Replica.objects.filter(node__in=nodes).update(wanted=wanted)


def _deploy(row: Rollout) -> None:
    """Move the pointer: who was away, and who comes later, has the revision from now on."""
    Deployment.objects.filter(subcluster__name=row.subcluster).update(revision=row.revision)
    Replica.objects.filter(subcluster=row.subcluster).update(wanted=row.revision)
    nodes = Replica.objects.filter(subcluster=row.subcluster).values_list("node", flat=True)
    everybody = dict.fromkeys(nodes, sending.Asked())
    transaction.on_commit(lambda: sending.order(everybody), robust=True)


def _send(state: core.Rollout, actions: Iterable[core.Action]) -> None:
    """Tell the nodes that were just ordered, once the transaction is through."""
    nodes = [action.node for action in actions if isinstance(action, core.Order)]
    for node in nodes:
        if state.settings.over_edits and (revision := core.wanted(state, node)):
            wishes.ask(node, revision, over_edits=True)
    asked = dict.fromkeys(nodes, sending.Asked())
    transaction.on_commit(lambda: sending.order(asked), robust=True)


def _tell_audit(row: Rollout, facts: Iterable[core.Fact]) -> None:
    """What became of it without anybody's doing."""
    phases = {core.Phase.TURNING_BACK.value, *(phase.value for phase in core.ENDS)}
    for fact in facts:
        if not fact.node and fact.what in phases:
            record(MANAGER, row, fact.what, fact.sentence)


def record(actor: Actor, row: Rollout, action: str, reason: str = "") -> None:
    """Add to the audit trail what was done to a rollout."""
    audit.record(
        actor,
        action,
        kind=KIND,
        object=str(row),
        subcluster=row.subcluster,
        reason=reason,
        after={"revision": row.revision, "previous": row.previous, "phase": row.phase},
    )


def locked(subcluster: str) -> Subcluster:
    """The subcluster's row, which nobody else changes until the transaction ends."""
    return Subcluster.objects.select_for_update().get(name=subcluster)
