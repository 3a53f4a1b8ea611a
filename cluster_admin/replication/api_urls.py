"""The addresses of limits and shared tables under /api/v1/."""

from django.urls import path, re_path
from rest_framework.routers import BaseRouter

from cluster_admin.inventory.api_subclusters import NAME
from cluster_admin.replication import api_live as live
from cluster_admin.replication.api_defining import Exemptions, Limits, OneLimiting, Tables

urlpatterns = [
    path("shared/", live.SharedTables.as_view(), name="shared"),
    path("shared/rows/", live.SharedRows.as_view(), name="shared-rows"),
    path("shared/chart/", live.SharedChart.as_view(), name="shared-chart"),
    path("shared/nodes/", live.SharedNodes.as_view(), name="shared-nodes"),
    path("limits/usage/", live.LimitUsage.as_view(), name="limit-usage"),
    path("limits/explain/", live.LimitExplain.as_view(), name="limit-explain"),
    path("limits/refusals/", live.Refusals.as_view(), name="limit-refusals"),
    re_path(rf"^subclusters/(?P<name>{NAME})/limiting/$", OneLimiting.as_view(), name="limiting"),
]


def register(router: BaseRouter) -> None:
    """Add the resources."""
    router.register("shared/tables", Tables, "shared-table")
    router.register("limits/exemptions", Exemptions, "exemption")
    router.register("limits", Limits, "limit")
