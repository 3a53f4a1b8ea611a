"""The addresses of history under /api/v1/."""

from django.urls import path
from rest_framework.routers import BaseRouter

from cluster_admin.events.api_views import Events, Stream

urlpatterns = [path("events/stream/", Stream.as_view(), name="event-stream")]


def register(router: BaseRouter) -> None:
    """Add the resources."""
    router.register("events", Events, "event")
