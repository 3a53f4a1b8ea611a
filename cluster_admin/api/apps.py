"""The API app: where the resources of all apps come together, health, metrics, OpenAPI."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Registers the app under the label `api`; it has no models."""

    name = "cluster_admin.api"
    verbose_name = "API"
