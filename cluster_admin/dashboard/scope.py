"""What the reader of a page may see: rows of the subclusters where they have a role."""

from typing import Any

from django.db.models import QuerySet

from cluster_admin.accounts.services import readable
from cluster_admin.events.models import Event
from cluster_admin.inventory.models import Node, Subcluster
from cluster_admin.vips.models import Vip


def subclusters(user: Any) -> QuerySet[Subcluster]:
    """Those a user may read."""
    names = readable(user)
    rows = Subcluster.objects.all()
    return rows if names is None else rows.filter(name__in=names)


def nodes(user: Any) -> QuerySet[Node]:
    """With subcluster, segment and status."""
    names = readable(user)
    rows = Node.objects.select_related("subcluster", "segment", "status")
    return rows if names is None else rows.filter(subcluster__name__in=names)


def vips(user: Any) -> QuerySet[Vip]:
    """With subcluster, status and whom it follows."""
    names = readable(user)
    rows = Vip.objects.select_related("subcluster", "status", "follow")
    return rows if names is None else rows.filter(subcluster__name__in=names)


def events(user: Any) -> QuerySet[Event]:
    """The newest first."""
    names = readable(user)
    rows = Event.objects.all()
    return rows if names is None else rows.filter(subcluster__in=names)
