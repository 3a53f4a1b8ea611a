"""The addresses of the inventory under /api/v1/; nodes and subclusters join in `api`."""

from django.urls import re_path
from rest_framework.routers import BaseRouter

from cluster_admin.inventory.api_places import Segments, Topologies
from cluster_admin.inventory.api_settings import OneSetting, Settings
from cluster_admin.inventory.api_subclusters import NAME, Definitions, Revisions

BELOW = rf"^subclusters/(?P<name>{NAME})"

urlpatterns = [
    re_path(
        rf"{BELOW}/definitions/$",
        Definitions.as_view({"get": "show", "put": "replace"}),
        name="definitions",
    ),
    re_path(rf"{BELOW}/revisions/$", Revisions.as_view({"get": "list"}), name="revisions"),
    re_path(
        rf"{BELOW}/revisions/(?P<number>[0-9]{{1,18}})/$",
        Revisions.as_view({"get": "retrieve"}),
        name="revision",
    ),
    re_path(rf"{BELOW}/settings/$", Settings.as_view(), name="settings"),
    re_path(rf"{BELOW}/settings/(?P<knob>[a-z_]{{1,40}})/$", OneSetting.as_view(), name="setting"),
]


def register(router: BaseRouter) -> None:
    """Add the resources."""
    router.register("segments", Segments, "segment")
    router.register("topologies", Topologies, "topology")
