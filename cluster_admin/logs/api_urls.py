"""The addresses of log sources and subscribers under /api/v1/logs/."""

from django.urls import path
from rest_framework.routers import BaseRouter

from cluster_admin.logs import shipping_urls
from cluster_admin.logs.api_defining import Decommission, LogSources, LogSubscribers

urlpatterns = [
    path("logs/decommission/", Decommission.as_view(), name="log-decommission"),
    *shipping_urls.urlpatterns,
]


def register(router: BaseRouter) -> None:
    """Add the resources."""
    router.register("logs/sources", LogSources, "log-source")
    router.register("logs/subscribers", LogSubscribers, "log-subscriber")
