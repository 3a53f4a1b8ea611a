"""Rollouts in JSON: what may be sent, and what answers are made of."""

from typing import Any

from rest_framework import serializers

from cluster_admin.configs import diffs
from cluster_admin.configs.api_base import NUMBER_MAX
from cluster_admin.configs.rollout_models import PHASES, Rollout
from cluster_admin.configs.rollout_previewing import NodeChange
from cluster_admin.configs.rollouts import Planned, Wish
from cluster_admin.inventory.fields import NAME_LENGTH
from cluster_admin.rest.fields import Choice, Flag, Strict, Text, Texts, Whole
from workers.config.core import rollout_values as core

USUAL = core.Settings()
NODES_MAX = 1_000
SECONDS_MAX = 7 * 86_400
FACTS_MAX = 500


def _seconds(usual: float, text: str, least: int = 0) -> Whole:
    return Whole(min_value=least, max_value=SECONDS_MAX, default=int(usual), help_text=text)


class RolloutBody(Strict):
    """What to roll out, and how."""

    subcluster = Text(max_length=NAME_LENGTH)
    revision = Whole(min_value=1, max_value=NUMBER_MAX)
    canary = Whole(min_value=1, max_value=NODES_MAX, default=1, help_text="Nodes that go first.")
    batch = Whole(min_value=1, max_value=NODES_MAX, default=1, help_text="Nodes at once, after it.")
    order = Texts(each=NAME_LENGTH, default=list, help_text="Nodes that go first, in this order.")
    pause_seconds = _seconds(USUAL.pause_seconds, "How long a node has to be well with it.")
    stops = Choice(
        choices=[one.value for one in core.Stops],
        default=USUAL.stops.value,
        help_text="After what it waits for somebody who resumes it.",
    )
    drain = Flag(default=False, help_text="Whether nodes give their VIPs away before their turn.")
    drain_seconds = _seconds(USUAL.drain_seconds, "Longest wait for a node without VIPs.", 1)
    apply_seconds = _seconds(USUAL.apply_seconds, "Longest wait for a node to have it.", 1)
    over_edits = Flag(default=False, help_text="Replace files edited on nodes; they are saved.")
    mail_limit = Whole(
        min_value=0,
        max_value=100,
        default=0,
        help_text="Percentage points by which more deliveries may fail than before; 0: any.",
    )


def wish(told: dict[str, Any]) -> Wish:
    """What a body asks for."""
    settings = core.Settings(
        pause_seconds=told["pause_seconds"],
        stops=core.Stops(told["stops"]),
        drain=told["drain"],
        drain_seconds=told["drain_seconds"],
        apply_seconds=told["apply_seconds"],
        over_edits=told["over_edits"],
        mail_limit=told["mail_limit"],
    )
    return Wish(told["revision"], told["canary"], told["batch"], tuple(told["order"]), settings)


class RolloutNodeAnswer(serializers.Serializer):
    """How a node stands in a rollout."""

    node = serializers.CharField()
    batch = serializers.IntegerField(help_text="0: the canary.")
    stage = serializers.ChoiceField(choices=[one.value for one in core.Stage])
    old = serializers.IntegerField(help_text="The revision that it goes back to; 0: none.")
    sentence = serializers.CharField(help_text="What there is to say; empty while all is well.")
    trouble = serializers.CharField(help_text="What is wrong with it now; empty: nothing.")


class RolloutFactAnswer(serializers.Serializer):
    """Something that happened."""

    at = serializers.DateTimeField()
    node = serializers.CharField(help_text="Empty: it is about the whole.")
    what = serializers.CharField()
    sentence = serializers.CharField()


class RolloutAnswer(serializers.Serializer):
    """A rollout."""

    id = serializers.IntegerField()
    subcluster = serializers.CharField()
    revision = serializers.IntegerField()
    previous = serializers.IntegerField(help_text="The subcluster's revision before; 0: none.")
    phase = serializers.ChoiceField(choices=PHASES)
    sentence = serializers.CharField(help_text="Why it is paused, or goes back.")
    failed = serializers.CharField(help_text="The node that failed; empty: none did.")
    progress = serializers.FloatField(help_text="0 to 1.")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Nodes by stage.")
    nodes = serializers.IntegerField()
    batch = serializers.IntegerField(help_text="The one whose turn it is; 0: the canary.")
    batches = serializers.IntegerField()
    started_by = serializers.CharField()
    reason = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class RolloutWholeAnswer(RolloutAnswer):
    """A rollout with its nodes, and what happened."""

    settings = serializers.DictField()
    members = RolloutNodeAnswer(many=True)
    facts = RolloutFactAnswer(many=True, help_text=f"The newest {FACTS_MAX}, in turn.")


def rollout(row: Rollout) -> dict[str, Any]:
    """A rollout in a list."""
    state = row.value()
    return {
        "id": row.pk,
        "subcluster": row.subcluster,
        "revision": row.revision,
        "previous": row.previous,
        "phase": row.phase,
        "sentence": state.reason,
        "failed": state.failed,
        "progress": round(core.progress(state), 4),
        "counts": {stage.value: number for stage, number in core.counts(state).items()},
        "nodes": len(state.nodes),
        "batch": state.batch,
        "batches": len(state.batches),
        "started_by": row.started_by,
        "reason": row.reason,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
    }


def whole(row: Rollout) -> dict[str, Any]:
    """A rollout with its nodes, and what happened."""
    state = row.value()
    facts = list(row.facts.order_by("-id")[:FACTS_MAX])[::-1]
    return rollout(row) | {
        "settings": row.state["settings"],
        "members": members(state),
        "facts": [
            {"at": one.at, "node": one.node, "what": one.what, "sentence": one.sentence}
            for one in facts
        ],
    }


def members(state: core.Rollout) -> list[dict[str, Any]]:
    """The nodes in the order of their turns."""
    return [
        {
            "node": name,
            "batch": number,
            "stage": state.nodes[name].stage.value,
            "old": state.nodes[name].old,
            "sentence": state.nodes[name].sentence,
            "trouble": state.nodes[name].trouble,
        }
        for number, batch in enumerate(state.batches)
        for name in batch
    ]


def tried(planned: Planned, changes: list[NodeChange]) -> dict[str, Any]:
    """What a rollout would do, for a dry run."""
    told = [
        {
            "node": one.node,
            "old": one.old,
            "diff": diffs.unified(one.diff),
            "problem": one.problem,
        }
        for one in changes
    ]
    return {
        "dry_run": True,
        "subcluster": planned.subcluster,
        "revision": planned.revision,
        "previous": planned.previous,
        "diff": "".join(_headed(one) for one in told),
        "batches": [list(one) for one in planned.batches],
        "away": planned.away,
        "nodes": told,
    }


def _headed(one: dict[str, Any]) -> str:
    """A node's difference under its name; nothing where there is none."""
    text = one["diff"] or (f"# {one['problem']}\n" if one["problem"] else "")
    return f"# {one['node']}\n{text}" if text else ""
