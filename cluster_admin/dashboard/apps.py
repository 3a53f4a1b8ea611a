"""The dashboard app: the live pages at /."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Registers the app under the label `dashboard`; it has no models."""

    name = "cluster_admin.dashboard"
    verbose_name = "Dashboard"
