"""Addresses of the pages."""

from django.conf import settings
from django.contrib.auth.views import LogoutView
from django.urls import path
from django.views.generic import RedirectView

from cluster_admin.dashboard.views.lists import Events, Nodes, Overview, Vips
from cluster_admin.dashboard.views.live import live
from cluster_admin.dashboard.views.node import AdminState, IfDies, NodePage
from cluster_admin.dashboard.views.session import Login
from cluster_admin.dashboard.views.vip import VipPage

app_name = "dashboard"
urlpatterns = [
    path("", Overview.as_view(), name="overview"),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}dashboard/icon.svg")),
    path("login/", Login.as_view(), name="login"),
    path("logout/", LogoutView.as_view(next_page="/login/"), name="logout"),
    path("live/", live, name="live"),
    path("vips/", Vips.as_view(), name="vips"),
    path("vips/<str:address>/", VipPage.as_view(), name="vip"),
    path("nodes/", Nodes.as_view(), name="nodes"),
    path("nodes/<str:name>/", NodePage.as_view(), name="node"),
    path("nodes/<str:name>/if-dies/", IfDies.as_view(), name="if-dies"),
    path("nodes/<str:name>/admin-state/", AdminState.as_view(), name="admin-state"),
    path("events/", Events.as_view(), name="events"),
]
