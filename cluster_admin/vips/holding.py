"""How many VIPs each node holds, as last heard: asked before a node is removed."""

from django.db.models import Count

from cluster_admin.inventory.models import Subcluster
from cluster_admin.vips.models import VipStatus


def held_in(subcluster: Subcluster) -> dict[str, int]:
    """Node -> VIPs of this subcluster that it owns; nodes without any are left out."""
    owned = VipStatus.objects.filter(vip__subcluster=subcluster).exclude(owner="")
    return dict(owned.order_by().values_list("owner").annotate(number=Count("pk")))
