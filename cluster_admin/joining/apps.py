"""The joining app: one-time tokens with which hosts become nodes, and nodes' broker accounts."""

from django.apps import AppConfig


class JoiningConfig(AppConfig):
    """Registers the app under the label `joining`."""

    name = "cluster_admin.joining"
    verbose_name = "Joining"
