"""Addresses of the pages."""

from django.conf import settings
from django.contrib.auth.views import LogoutView
from django.urls import include, path, register_converter
from django.urls.converters import StringConverter
from django.views.generic import RedirectView

from cluster_admin.dashboard.views.limits import Explain, Limits, Refusals
from cluster_admin.dashboard.views.lists import Events, Nodes, Overview, Vips
from cluster_admin.dashboard.views.live import live
from cluster_admin.dashboard.views.log_decommissioning import LogDecommission
from cluster_admin.dashboard.views.log_shipping import LogShipping
from cluster_admin.dashboard.views.logs import (
    Counted,
    FoundLines,
    LogSearch,
    LogTail,
    LogTrace,
    TracedLines,
)
from cluster_admin.dashboard.views.mail import Mail
from cluster_admin.dashboard.views.node import AdminState, IfDies, NodePage
from cluster_admin.dashboard.views.session import Login
from cluster_admin.dashboard.views.shared import SharedTable, SharedTables
from cluster_admin.dashboard.views.vip import VipPage
from cluster_admin.dashboard.views.vip_move import MoveVip


class PlainConverter(StringConverter):
    """A name or an address; NUL is in none, and PostgreSQL does not take the question."""

    regex = r"[^/\x00]+"

    def to_url(self, value: str) -> str:
        """Whatever nodes tell can be linked to, though nothing may be found there."""
        return value.replace("/", "%2F") or "-"


register_converter(PlainConverter, "plain")
app_name = "dashboard"
urlpatterns = [
    path("", Overview.as_view(), name="overview"),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}dashboard/icon.svg")),
    path("login/", Login.as_view(), name="login"),
    path("logout/", LogoutView.as_view(next_page="/login/"), name="logout"),
    path("live/", live, name="live"),
    path("vips/", Vips.as_view(), name="vips"),
    path("vips/<plain:address>/", VipPage.as_view(), name="vip"),
    path("vips/<plain:address>/move/", MoveVip.as_view(), name="move"),
    path("nodes/", Nodes.as_view(), name="nodes"),
    path("nodes/<plain:name>/", NodePage.as_view(), name="node"),
    path("nodes/<plain:name>/if-dies/", IfDies.as_view(), name="if-dies"),
    path("nodes/<plain:name>/admin-state/", AdminState.as_view(), name="admin-state"),
    path("config/", include("cluster_admin.dashboard.config_urls")),
    path("logs/", LogTail.as_view(), name="log-tail"),
    path("logs/search/", LogSearch.as_view(), name="log-search"),
    path("logs/search/lines/", FoundLines.as_view(), name="log-lines"),
    path("logs/search/histogram/", Counted.as_view(), name="log-histogram"),
    path("logs/trace/", LogTrace.as_view(), name="log-trace"),
    path("logs/trace/lines/", TracedLines.as_view(), name="log-traced"),
    path("logs/shipping/", LogShipping.as_view(), name="log-shipping"),
    path(
        "logs/subscribers/<plain:name>/decommission/",
        LogDecommission.as_view(),
        name="log-decommission",
    ),
    path("limits/", Limits.as_view(), name="limits"),
    path("limits/refusals/", Refusals.as_view(), name="limit-refusals"),
    path("limits/explain/", Explain.as_view(), name="limit-explain"),
    path("shared/", SharedTables.as_view(), name="shared"),
    path("shared/<plain:table>/", SharedTable.as_view(), name="shared-table"),
    path("mail/", Mail.as_view(), name="mail"),
    path("events/", Events.as_view(), name="events"),
]
