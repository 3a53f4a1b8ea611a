"""The audit app: what was changed or tried, by whom, from where."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Registers the app under the label `audit`."""

    name = "cluster_admin.audit"
    verbose_name = "Audit"
