"""The logs app: which logs nodes ship and to whom, how far that is, and what collected ones say."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from cluster_admin.events.hearing import Hearer


class LogsConfig(AppConfig):
    """Adds sources and subscribers to the definitions that the inventory writes and reads."""

    name = "cluster_admin.logs"
    verbose_name = "Logs"

    def ready(self) -> None:
        """Tell the inventory how they become definitions and come back; have nodes heard."""
        from cluster_admin.events import companions
        from cluster_admin.inventory.contributions import Contribution, contribute
        from cluster_admin.logs import contribution

        contribute(Contribution(contribution.build, contribution.load, contribution.held))
        companions.accompany(_hearer)


def _hearer(
    cluster: str, brokers: Sequence[str], keys: Sequence[bytes], say: Callable[[str], None]
) -> "Hearer":
    """Made in the listener's process alone."""
    from cluster_admin.events.hearing import Hearer
    from cluster_admin.logs.hearing import LogsTaker

    return Hearer(LogsTaker(cluster, keys), brokers, say)
