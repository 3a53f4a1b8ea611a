"""A conflict of histories as JSON: what stands against what, and what was given up."""

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from cluster_admin.configs import api_shapes, conflict_ending, store
from cluster_admin.configs.api_serializers import RevisionAnswer
from cluster_admin.configs.conflict_models import Conflict
from cluster_admin.configs.conflict_rules import State
from cluster_admin.rest.fields import Choice, Flag, Strict
from workers.repository.beside import Parting
from workers.repository.errors import RepositoryError
from workers.repository.history import Revision

SHOWN = 50
"""Revisions of each side that are named; all are counted."""


class SideAnswer(serializers.Serializer):
    """A node whose history stands against the manager's."""

    node = serializers.CharField()
    subcluster = serializers.CharField()
    state = serializers.CharField(
        help_text="open: commits wait for a decision; overridden: the node is to give its history "
        "up; passed: the manager goes on, the node stays as it is.",
    )
    number = serializers.IntegerField(help_text="Newest revision of its replica.")
    commit = serializers.CharField()
    differs = serializers.BooleanField(help_text="Whether its replica still stands there.")
    fetched = serializers.BooleanField(help_text="Whether its history is here to look at.")
    ancestor = serializers.IntegerField(
        allow_null=True, help_text="Newest revision that both have, 0: none; null: not known yet."
    )
    theirs = serializers.IntegerField(
        allow_null=True, help_text="Revisions that only the node has; null: not known yet."
    )
    ours = serializers.IntegerField(
        allow_null=True, help_text="Revisions that only the manager has; null: not known yet."
    )
    their_revisions = RevisionAnswer(
        many=True, help_text=f"The newest {SHOWN}; of who may read every subcluster."
    )
    our_revisions = RevisionAnswer(many=True)
    seen_at = serializers.DateTimeField()
    trouble = serializers.CharField(help_text="Why its history was not fetched; empty: it will be.")


class AsideAnswer(serializers.Serializer):
    """A history that was given up, and is kept on the manager."""

    name = serializers.CharField(help_text="Its git reference is refs/muster/lost/NAME.")
    number = serializers.IntegerField()
    commit = serializers.CharField()
    ancestor = serializers.IntegerField(help_text="Newest revision that main has too.")
    count = serializers.IntegerField(help_text="Revisions after that.")


class ConflictAnswer(serializers.Serializer):
    """Whether commits are refused, and for whom."""

    conflict = serializers.BooleanField(help_text="Whether commits are refused.")
    head = serializers.IntegerField(help_text="The manager's newest revision; 0: none.")
    replicas = SideAnswer(many=True)
    lost = AsideAnswer(many=True)


class EndedAnswer(serializers.Serializer):
    """What came of a decision, or would come of it."""

    dry_run = serializers.BooleanField()
    head = serializers.IntegerField(help_text="The manager's newest revision afterwards.")
    given_up = serializers.IntegerField(help_text="Revisions that count no more.")
    open = serializers.ListField(
        child=serializers.CharField(), help_text="Nodes that commits still wait for."
    )
    revision = serializers.IntegerField(
        allow_null=True, help_text="The merge, if there was something to merge."
    )
    nodes = serializers.DictField(
        required=False, help_text="In a dry run of a merge: node -> what would change there."
    )


class ResolveBody(Strict):
    """How two histories are merged."""

    side = Choice(
        choices=["mine", "theirs"],
        required=False,
        help_text="Where both changed the same: the manager's side, or the node's.",
    )


class ResumeBody(Strict):
    """How a conflict ends that nobody decided."""

    force = Flag(default=False, help_text="Nodes that differ stay as they are.")


def conflict(rows: Iterable[Conflict], *, whole: bool) -> dict[str, Any]:
    """What stands against the manager's history. `whole`: whether revisions are shown."""
    repository = store.repository()
    head = repository.head()
    sides = [_side(row, 0 if head is None else head.number, whole=whole) for row in rows]
    return {
        "conflict": Conflict.objects.filter(state=State.OPEN).exists(),
        "head": 0 if head is None else head.number,
        "replicas": sides,
        "lost": _lost() if whole else [],
    }


def _side(row: Conflict, head: int, *, whole: bool) -> dict[str, Any]:
    found: Parting | None = None
    if store.repository().beside.has(row.commit):
        found = store.repository().beside.parting(row.commit)
    ours: list[Revision] = []
    if found is not None and whole:
        ours = store.repository().log(min(SHOWN, head - found.ancestor))
    theirs = found.revisions[:SHOWN] if found is not None and whole else ()
    return {
        "node": row.node,
        "subcluster": row.subcluster,
        "state": row.state,
        "number": row.number,
        "commit": row.commit,
        "differs": conflict_ending.differs(row),
        "fetched": found is not None,
        "ancestor": None if found is None else found.ancestor,
        "theirs": None if found is None else found.count,
        "ours": None if found is None else head - found.ancestor,
        "their_revisions": list(map(api_shapes.revision, theirs)),
        "our_revisions": list(map(api_shapes.revision, ours)),
        "seen_at": row.seen_at,
        "trouble": row.trouble,
    }


def _lost() -> list[dict[str, Any]]:
    """Histories that were given up, the newest first; of one that is damaged only its name."""
    beside = store.repository().beside
    found = []
    for name, commit in reversed(beside.lost().items()):
        try:
            parting = beside.parting(commit)
        except RepositoryError:
            continue
        found.append(
            {
                "name": name,
                "number": parting.head.number,
                "commit": commit,
                "ancestor": parting.ancestor,
                "count": parting.count,
            }
        )
    return found
