"""The addresses of accounts under /api/v1/."""

from django.urls import path
from rest_framework.routers import BaseRouter

from cluster_admin.accounts.api_session import Login, Logout, WhoAmI
from cluster_admin.accounts.api_views import Grants, Tokens, Users

urlpatterns = [
    path("login/", Login.as_view(), name="login"),
    path("logout/", Logout.as_view(), name="logout"),
    path("whoami/", WhoAmI.as_view(), name="whoami"),
]


def register(router: BaseRouter) -> None:
    """Add the resources."""
    router.register("tokens", Tokens, "token")
    router.register("users", Users, "user")
    router.register("grants", Grants, "grant")
