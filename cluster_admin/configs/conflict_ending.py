"""How conflicts of histories end: one history counts, both are merged, or the manager goes on.

Whatever is decided, nothing is deleted: what the manager gives up is kept beside its main, what a
node gives up is kept there. Everything raises `Refused` with the way out, `RepositoryError`.
"""

import logging
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import (
    announcements,
    conflict_rules,
    conflicts,
    index,
    keeping,
    rollouts,
    sending,
    store,
)
from cluster_admin.configs.conflict_models import Conflict
from cluster_admin.configs.conflict_rules import Side, State
from cluster_admin.configs.models import Deployment, Replica
from cluster_admin.inventory.models import Node, Subcluster
from cluster_admin.inventory.refusals import Refused
from workers.repository.beside import Parting

log = logging.getLogger("muster.configs")


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a decision, or would come of it."""

    head: int
    """The manager's newest revision afterwards."""
    given_up: int
    """Revisions that count no more."""
    open: tuple[str, ...]
    """Nodes that commits still wait for a decision about."""


def master(actor: Actor, node: str, *, reason: str = "", dry_run: bool = False) -> Ended:
    """Let a node's history count: the manager takes it up, and keeps its own beside."""
    with transaction.atomic():
        index.lock_all()
        row = row_of(node)
        theirs = fetched(row)
        beside, head = store.repository().beside, store.repository().head()
        given_up = 0 if head is None else head.number - theirs.ancestor
        _refuse_deployed(theirs.ancestor)
        if dry_run:
            left = tuple(_open().exclude(commit=row.commit).values_list("node", flat=True))
            return Ended(theirs.head.number, given_up, left)
        _audit(actor, "master", row, reason, given_up)
        beside.turn("" if head is None else head.hash, row.commit)
        index.follow()
        _settle()
        announcements.announce(theirs.head.number)
    try:
        keeping.adopt(actor)
    except Refused as refused:
        log.error("definitions are not numbered on in git: %s", refused.sentence)
    return _ended(given_up)


def override(actor: Actor, node: str, *, reason: str = "", dry_run: bool = False) -> Ended:
    """Let the manager's history count: the node takes it up, and keeps its own beside."""
    with transaction.atomic():
        row = row_of(node)
        repository = store.repository()
        if repository.head() is None:
            way = f"let the node's count: muster config master {node}"
            raise Refused(f"this manager has no revision that could count; {way}")
        here = repository.beside.has(row.commit)
        given_up = repository.beside.parting(row.commit).count if here else 0
        if dry_run:
            # What is kept beside counts no more wherever it is; of what is not here nobody knows.
            ended = {"commit": row.commit} if here else {"node": node}
            left = tuple(_open().exclude(**ended).values_list("node", flat=True))
            return Ended(_head(), given_up, left)
        _audit(actor, "override", row, reason, given_up)
        if here:
            repository.beside.keep(row.commit)
        Conflict.objects.filter(pk=row.pk).update(state=State.OVERRIDDEN)
        _settle()
        transaction.on_commit(sending.announce, robust=True)
    return _ended(given_up)


def resume(actor: Actor, *, force: bool = False, reason: str = "", dry_run: bool = False) -> Ended:
    """Commit again: nothing differs any more, or the nodes that do stay as they are (`force`)."""
    with transaction.atomic():
        rows = list(_open().select_for_update())
        if not rows:
            raise Refused("there is no conflict; nothing waits for this")
        still = [row.node for row in rows if differs(row)]
        if still and not force:
            way = "decide whose history counts: muster config master, override or resolve"
            raise Refused(f"{', '.join(still)} still differ; {way}, or resume with force")
        if dry_run:
            return Ended(_head(), 0, ())
        audit.record(
            actor,
            "resume",
            kind="configuration",
            object="conflict",
            reason=reason,
            before={"nodes": [row.node for row in rows]},
            after={"left as they are": still},
        )
        Conflict.objects.filter(node__in=still).update(state=State.PASSED)
        _open().filter(pk__in=[row.pk for row in rows]).delete()
        _tidy()
    return _ended(0)


def fetched(row: Conflict) -> Parting:
    """Where a node's history parts from the manager's; `Refused` while it is not here."""
    beside = store.repository().beside
    if not beside.has(row.commit):
        why = row.trouble or "it is asked for as soon as the node is up"
        raise Refused(f"the history of {row.node} was not fetched yet: {why}; try again then")
    return beside.parting(row.commit)


def differs(row: Conflict) -> bool:
    """Whether a node that is defined still stands at what was seen, and that is not the manager's.

    Raises `RepositoryError`.
    """
    defined = Node.objects.filter(name=row.node).exists()
    stands = defined and Replica.objects.filter(node=row.node, commit=row.commit).exists()
    return stands and conflicts.side_of(row.commit, None) is not Side.OURS


def row_of(node: str) -> Conflict:
    """A node's conflict, held until the transaction ends; `Refused` when there is none."""
    row = Conflict.objects.select_for_update().filter(node=node).first()
    if row is None:
        way = "see muster config conflict"
        raise Refused(f"the history of {node} does not stand against the manager's; {way}")
    return row


def _open() -> QuerySet[Conflict]:
    return Conflict.objects.filter(state=State.OPEN)


def _settle() -> None:
    """Say of every conflict what is left of it, now that something counts."""
    for row in Conflict.objects.select_for_update():
        known = conflicts.known_of(row)
        left = conflict_rules.decided(known, conflicts.side_of(row.commit, known))
        if left is None:
            row.delete()
        elif left != known:
            Conflict.objects.filter(pk=row.pk).update(state=left.state)
    _tidy()


def _tidy() -> None:
    """Let go of what was fetched, once nobody can decide about it any more."""
    if not Conflict.objects.exclude(state=State.OVERRIDDEN).exists():
        beside = store.repository().beside
        for name in beside.foreign():
            beside.drop(name)


def _refuse_deployed(ancestor: int) -> None:
    """Numbers after what both have will mean something else: nothing may be pinned to them."""
    for name in Subcluster.objects.values_list("name", flat=True):
        rollouts.refuse_meddling(name)
    manual = Deployment.objects.filter(mode=Deployment.Mode.MANUAL)
    places = manual.values("subcluster__name")
    pinned = Replica.objects.filter(wanted__gt=ancestor, subcluster__in=places)
    names = {
        *manual.filter(revision__gt=ancestor).values_list("subcluster__name", flat=True),
        *pinned.values_list("subcluster", flat=True),
    }
    if names:
        way = f"deploy r{ancestor} or an older one there, or let it follow"
        raise Refused(
            f"{', '.join(sorted(names))} is deployed by hand at what would be given up; {way}"
        )


def _audit(actor: Actor, verb: str, row: Conflict, reason: str, given_up: int) -> None:
    audit.record(
        actor,
        verb,
        kind="configuration",
        object=f"history of {row.node}",
        subcluster=row.subcluster,
        reason=reason,
        before={"revision": _head()},
        after={"node's revision": row.number, "commit": row.commit, "given up": given_up},
    )


def _head() -> int:
    head = store.repository().head()
    return 0 if head is None else head.number


def _ended(given_up: int) -> Ended:
    return Ended(_head(), given_up, tuple(_open().values_list("node", flat=True)))
