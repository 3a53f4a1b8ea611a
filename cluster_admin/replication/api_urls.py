"""The addresses of limits and shared tables under /api/v1/."""

from django.urls import re_path
from rest_framework.routers import BaseRouter

from cluster_admin.inventory.api_subclusters import NAME
from cluster_admin.replication.api_defining import Exemptions, Limits, OneLimiting, Tables

urlpatterns = [
    re_path(rf"^subclusters/(?P<name>{NAME})/limiting/$", OneLimiting.as_view(), name="limiting"),
]


def register(router: BaseRouter) -> None:
    """Add the resources."""
    router.register("shared/tables", Tables, "shared-table")
    router.register("limits/exemptions", Exemptions, "exemption")
    router.register("limits", Limits, "limit")
