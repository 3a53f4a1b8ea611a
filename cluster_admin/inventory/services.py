"""The one way to change what defines a subcluster: rows, revision, audit and push, or nothing.

    with change(subcluster, actor, reason) as done:
        row.full_clean()
        row.save()
        done.note("create", row)
    done.revision, done.diff

Invariant: rows, newest revision and audit records agree after every commit, whatever fails where.
`dry_run` does the same and takes it back. What nodes could not act on raises `Refused`. Whoever
keeps definitions files (`keepers`) has the new one last, when nothing else can fail any more.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import models, transaction
from django.db.models import ProtectedError

from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.inventory import definitions, keepers, push, repository
from cluster_admin.inventory.models import Node, Segment, Setting, Subcluster
from cluster_admin.inventory.refusals import Overridable as Overridable
from cluster_admin.inventory.refusals import Refused as Refused
from workers.failover.core.definitions_text import DefinitionsError
from workers.failover.core.toml_text import Problem

LEAP_MAX = 1_000_000
"""How far a file may be ahead of what is here: more than nodes can have got without a manager."""
WISHES = {
    Node.Admin.ENABLED.value: "undrain",
    Node.Admin.DRAINING.value: "drain",
    Node.Admin.MAINTENANCE.value: "maintenance",
}
"""Admin state -> how the audit calls asking for it."""
UNNOTED = frozenset({"id", "subcluster", "created_at", "revision"})


@dataclass(slots=True)
class Change:
    """A change under way, and what came of it once its block was left."""

    subcluster: Subcluster
    actor: Actor
    reason: str
    dry_run: bool
    comment: str = ""
    """Of the revision, when nobody gave a reason and the notes do not say enough."""
    notes: list[dict[str, Any]] = field(default_factory=list)
    revision: int = 0
    """The newest revision after the change (that it would be, in a dry run)."""
    diff: str = ""
    """Unified diff of the definitions, running -> proposed; empty when nodes see no difference."""

    def note(
        self,
        action: str,
        row: models.Model,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        """Say for the audit what was done to a row; `after` is read from the row unless given."""
        if after is None and action != "delete":
            after = values_of(row)
        kind = str(row._meta.verbose_name)
        self.notes.append(
            {"action": action, "kind": kind, "object": str(row), "before": before, "after": after}
        )


@contextmanager
def change(
    subcluster: Subcluster,
    actor: Actor,
    reason: str = "",
    dry_run: bool = False,
    *,
    kept: bool = True,
) -> Iterator[Change]:
    """Change rows of one subcluster together; see the module's text.

    `kept`: whether the keeper is given the new file; otherwise it is the caller who keeps it.
    """
    if kept:
        keepers.follow()
    with transaction.atomic():
        locked = Subcluster.objects.select_for_update().get(pk=subcluster.pk)
        running, before = repository.newest_text(locked), locked.revision
        done = Change(locked, actor, reason, dry_run, revision=locked.revision)
        try:
            yield done
            proposed = definitions.text_of(locked, locked.revision + 1)
        except ProtectedError as error:
            raise Refused(_held(error)) from error
        except (DefinitionsError, Problem) as error:
            raise Refused(error.sentence, getattr(error, "path", ())) from error
        done.diff, comment = repository.difference(running, proposed), ""
        if done.diff or not locked.revision or locked.revision > before:
            comment = reason or done.comment or _summary(done)
            repository.commit(locked, proposed, actor.name, comment)
            done.revision = locked.revision
        _audit(done)
        if kept and locked.revision > before:
            keepers.keep(locked, proposed, actor, comment, dry_run)
        if dry_run:
            transaction.set_rollback(True)
        elif done.revision:
            transaction.on_commit(lambda: push.push_soon(locked.pk))
    subcluster.revision = done.revision if not dry_run else subcluster.revision


def values_of(row: models.Model) -> dict[str, Any]:
    """A row's own values for the audit; other rows by their names."""
    found: dict[str, Any] = {}
    for one in row._meta.concrete_fields:
        if one.name not in UNNOTED:
            value = getattr(row, one.name)
            found[one.name] = str(value) if isinstance(value, models.Model) else value
    return found


def set_admin_state(
    node: Node, state: str, actor: Actor, reason: str = "", dry_run: bool = False
) -> Change:
    """Drain a node, put it into maintenance, or let it hold VIPs again."""
    with change(node.subcluster, actor, reason, dry_run) as done:
        want(done, Node.objects.get(pk=node.pk), state)
    return done


def want(done: Change, node: Node, state: str) -> None:
    """Say within a change what operators want of a node; nothing if they want it already."""
    if node.admin_state != state:
        before, node.admin_state = {"admin_state": node.admin_state}, str(state)
        node.save(update_fields=["admin_state"])
        done.note(WISHES[node.admin_state], node, before, {"admin_state": node.admin_state})


def import_text(
    subcluster: Subcluster,
    text: str,
    actor: Actor,
    reason: str = "",
    dry_run: bool = False,
    *,
    add_segments: bool = False,
    kept: bool = True,
) -> Change:
    """Make a subcluster what a definitions file says; `Refused` unless nodes could act on it.

    The new revision is at least the file's: nodes that have the file already never go back.
    `add_segments`: whether the actor may make segments that are not there; they span subclusters.
    `kept`: as `change` has it.
    """
    try:
        wanted = definitions.read(text, "definitions")
    except DefinitionsError as error:
        raise Refused(str(error)) from error
    ours = (subcluster.cluster, subcluster.name)
    if (wanted.cluster, wanted.subcluster) != ours:
        theirs = f"{wanted.cluster}/{wanted.subcluster}"
        way = "import the right file, or correct its first lines"
        raise Refused(f"the file is for {theirs}, not for {'/'.join(ours)}; {way}")
    with change(subcluster, actor, reason, dry_run, kept=kept) as done:
        _refuse_leap(done.subcluster, wanted.revision)
        _refuse_foreign_nodes(subcluster, wanted.nodes)
        if not add_segments:
            _refuse_new_segments(definitions.segment_names(wanted))
        done.subcluster.revision = max(done.subcluster.revision, wanted.revision - 1)
        definitions.load(wanted, done.subcluster)
        done.note("import", done.subcluster, after={"nodes": len(wanted.nodes)})
    return done


def remove_segment(segment: Segment) -> None:
    """Delete a segment; `Refused` while something is in it."""
    try:
        segment.delete()
    except ProtectedError as error:
        raise Refused(_held(error)) from error


def remove_subcluster(
    subcluster: Subcluster,
    actor: Actor,
    reason: str = "",
    dry_run: bool = False,
    *,
    kept: bool = True,
) -> None:
    """Delete a subcluster with its settings and revisions; `Refused` unless it is empty.

    `kept`: as `change` has it.
    """
    name, before = subcluster.name, values_of(subcluster)
    if kept:
        keepers.follow()
    with transaction.atomic():
        try:
            with transaction.atomic():
                Setting.objects.filter(subcluster=subcluster).delete()
                subcluster.delete()
        except ProtectedError as error:
            raise Refused(f"subcluster {name}: {_held(error)}") from error
        audit.record(
            actor,
            "delete",
            kind="subcluster",
            object=name,
            subcluster=name,
            reason=reason,
            before=before,
        )
        if dry_run:
            transaction.set_rollback(True)
        elif kept:
            keepers.drop(name, actor, reason)


def _refuse_leap(subcluster: Subcluster, revision: int) -> None:
    """No file may use up the numbers that later revisions need."""
    most = subcluster.revision + LEAP_MAX
    if revision > most:
        raise Refused(
            f"the file is of revision {revision}, subcluster {subcluster.name} is at "
            f"{subcluster.revision}; write a revision of at most {most}"
        )


def _refuse_new_segments(names: set[str]) -> None:
    missing = names - set(Segment.objects.filter(name__in=names).values_list("name", flat=True))
    if missing:
        raise Refused(
            f"there is no segment {', '.join(sorted(missing))}; segments span subclusters: "
            "have an administrator of all of them add it first"
        )


def _refuse_foreign_nodes(subcluster: Subcluster, names: Any) -> None:
    taken = Node.objects.filter(name__in=list(names)).exclude(subcluster=subcluster).first()
    if taken:
        raise Refused(
            f"node {taken.name} is in subcluster {taken.subcluster}; a node is in one only: "
            "remove it there or choose another name"
        )


def _held(error: ProtectedError) -> str:
    holders = sorted(error.protected_objects, key=str)
    kinds = {str(one._meta.verbose_name) for one in holders}
    names = ", ".join(str(one) for one in holders[:5])
    more = f" and {len(holders) - 5} more" if len(holders) > 5 else ""
    return f"still used by {'/'.join(sorted(kinds))} {names}{more}; remove or change those first"


def _summary(done: Change) -> str:
    return "; ".join(f"{n['action']} {n['kind']} {n['object']}" for n in done.notes)[:500]


def _audit(done: Change) -> None:
    for note in done.notes:
        audit.record(done.actor, subcluster=done.subcluster.name, reason=done.reason, **note)
