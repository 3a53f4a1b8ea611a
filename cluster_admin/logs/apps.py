"""The logs app: which logs nodes ship and to whom, how far that is, and what collected ones say."""

from django.apps import AppConfig


class LogsConfig(AppConfig):
    """Adds sources and subscribers to the definitions that the inventory writes and reads."""

    name = "cluster_admin.logs"
    verbose_name = "Logs"

    def ready(self) -> None:
        """Tell the inventory how they become definitions and come back."""
        from cluster_admin.inventory.contributions import Contribution, contribute
        from cluster_admin.logs import contribution

        contribute(Contribution(contribution.build, contribution.load, contribution.held))
