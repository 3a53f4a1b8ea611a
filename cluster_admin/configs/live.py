"""The configuration's part of the mark that live pages follow: `events.feed.marks`."""

from django.db.models import Count, Max, Q, Sum

from cluster_admin.configs.conflict_models import Conflict
from cluster_admin.configs.conflict_rules import State
from cluster_admin.configs.models import Application, Replica, Revision
from cluster_admin.configs.proposal_models import Proposal
from cluster_admin.configs.rollout_models import RolloutFact


def mark() -> str:
    """Changes whenever pages of the configuration show something else; ages do not count."""
    nodes = Replica.objects.aggregate(
        *map(Sum, ("number", "live", "target", "drift_count")),
        busy=Count("pk", filter=Q(busy=True)),
    )
    newest = (
        Revision.objects.aggregate(newest=Max("number")),
        Application.objects.aggregate(newest=Max("pk")),
        RolloutFact.objects.aggregate(newest=Max("pk")),
        Conflict.objects.aggregate(newest=Sum("number")),
        Conflict.objects.aggregate(newest=Count("pk", filter=Q(state=State.OPEN.value))),
        Proposal.objects.aggregate(newest=Max("pk")),
        Proposal.objects.aggregate(newest=Count("pk", filter=Q(state=Proposal.State.OPEN))),
    )
    return "-".join(str(one or 0) for one in [*nodes.values(), *(n["newest"] for n in newest)])
