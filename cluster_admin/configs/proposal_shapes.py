"""Proposals and review rules in JSON: what is sent, and what answers are made of."""

from typing import Any

from rest_framework import serializers

from cluster_admin.configs import api_shapes, diffs
from cluster_admin.configs.api_previews import previewed
from cluster_admin.configs.api_serializers import DiffBody
from cluster_admin.configs.diffs_of_changes import of_change
from cluster_admin.configs.proposal_deciding import changes_of
from cluster_admin.configs.proposal_models import COMMENT_LENGTH, Proposal, ReviewRule
from cluster_admin.configs.proposal_reading import OPEN, base_of, outlook
from cluster_admin.rest.fields import Flag, Strict, Text

SHOWN = diffs.Bounds(files=200, file_lines=1_000)


class DecisionBody(Strict):
    """What is said of a decision."""

    comment = Text(max_length=COMMENT_LENGTH, allow_blank=True, default="")


class ProposalAnswer(serializers.Serializer):
    """A change that waits for another person, or that was decided."""

    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=Proposal.State.choices)
    author = serializers.CharField()
    created_at = serializers.DateTimeField()
    message = serializers.CharField()
    places = serializers.ListField(
        child=serializers.CharField(), help_text="Subclusters that it touches, and `global`."
    )
    base = serializers.IntegerField(help_text="The revision that it was made to.")
    files = serializers.IntegerField()
    size = serializers.IntegerField(help_text="Bytes of all contents.")
    decided_by = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)
    comment = serializers.CharField(help_text="Of whoever decided.")
    revision = serializers.IntegerField(allow_null=True, help_text="What the approval made.")


class ProposalWholeAnswer(ProposalAnswer):
    """A proposal with what it changes; while it is open, with what it would do now."""

    diff = DiffBody(help_text="In the repository, from `base` on.")
    nodes = serializers.DictField(child=DiffBody(), help_text="Of each node that would change.")
    obstacle = serializers.CharField(help_text="Why an approval would be refused; empty: it is not")
    conflicts = serializers.ListField(
        child=serializers.CharField(), help_text="Paths that others changed since."
    )


class ReviewRuleSerializer(Strict):
    """The four-eyes rule of a subcluster, or of `global`."""

    place = serializers.CharField(read_only=True)
    required = Flag(  # type: ignore[assignment]
        help_text="Another person approves each commit of files there."
    )
    definitions = Flag(
        default=False, help_text="Definitions change by approved proposals alone, too."
    )


def proposal(row: Proposal) -> dict[str, Any]:
    """A proposal without what it changes."""
    names = (
        *("number", "state", "author", "created_at", "message", "base", "files", "size"),
        *("decided_by", "decided_at", "comment", "revision"),
    )
    return {name: getattr(row, name) for name in names} | {"places": sorted(row.tops())}


def whole(user: Any, row: Proposal) -> dict[str, Any]:
    """A proposal with what it changes, as a reader may see it."""
    changes = changes_of(row)
    told = proposal(row) | {"diff": api_shapes.diff(of_change(base_of(row), changes, SHOWN))}
    if row.state != OPEN:
        return told | {"nodes": {}, "obstacle": "", "conflicts": []}
    found = outlook(user, row, changes)
    return told | {
        "nodes": previewed(found.previews),
        "obstacle": found.obstacle,
        "conflicts": list(found.conflicts),
    }


def rule(row: ReviewRule) -> dict[str, Any]:
    """A rule."""
    return {"place": row.place, "required": row.required, "definitions": row.definitions}
