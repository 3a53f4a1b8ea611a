"""How many messages about configuration were not taken, kept over restarts of the listener."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import F

from cluster_admin.configs.conflict_models import RefusedMessages
from cluster_admin.inventory.models import Node

NOBODY = ""
"""Stands for all who are no nodes: anybody may choose a name."""


def add(counts: Mapping[str, int], at: datetime) -> None:
    """Count more of them, by the account that sent them."""
    nodes = set(Node.objects.filter(name__in=counts).values_list("name", flat=True))
    more: dict[str, int] = {}
    for sender, count in counts.items():
        name = sender if sender in nodes else NOBODY
        more[name] = more.get(name, 0) + count
    with transaction.atomic():
        for sender, count in more.items():
            RefusedMessages.objects.get_or_create(sender=sender, defaults={"newest_at": at})
            row = RefusedMessages.objects.filter(sender=sender)
            row.update(count=F("count") + count, newest_at=at)
