"""The replication app: which tables nodes share, what they limit, and how both are now."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from cluster_admin.replication.hearing import Hearer


class ReplicationConfig(AppConfig):
    """Adds tables and limits to the definitions; hears the tables in the listener's process."""

    name = "cluster_admin.replication"
    verbose_name = "Limits and shared tables"

    def ready(self) -> None:
        """Tell the inventory how they become definitions and come back; have nodes heard."""
        from cluster_admin.events import companions
        from cluster_admin.inventory.contributions import Contribution, contribute
        from cluster_admin.replication import contribution

        contribute(Contribution(contribution.build, contribution.load, contribution.held))
        companions.accompany(_hearer)


def _hearer(
    cluster: str, brokers: Sequence[str], keys: Sequence[bytes], say: Callable[[str], None]
) -> "Hearer":
    """Made in the listener's process alone."""
    from cluster_admin.replication.hearing import Hearer

    return Hearer(cluster, brokers, keys, say)
