"""The configs app: what nodes are configured with, its history, and how far each node is."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from cluster_admin.events.hearing import Hearer


class ConfigsConfig(AppConfig):
    """Keeps the inventory's definitions in the configuration repository, and tells nodes of it."""

    name = "cluster_admin.configs"
    verbose_name = "Configuration"

    def ready(self) -> None:
        """Tell the inventory who keeps its definitions files; have nodes told and heard."""
        from cluster_admin.configs import announcements, keeping, live, rollout_driver, sending
        from cluster_admin.events import companions, feed
        from cluster_admin.inventory import keepers

        keepers.set_keeper(keepers.Keeper(keeping.follow, keeping.keep, keeping.drop))
        announcements.tell_of_revisions(sending.announce)
        companions.accompany(_hearer)
        companions.accompany(rollout_driver.make)
        feed.marks.append(live.mark)


def _hearer(
    cluster: str, brokers: Sequence[str], keys: Sequence[bytes], say: Callable[[str], None]
) -> "Hearer":
    """Made in the listener's process alone: no other needs the bus for this."""
    from cluster_admin.configs.hearing import ConfigurationTaker
    from cluster_admin.events.hearing import Hearer

    return Hearer(ConfigurationTaker(cluster, keys, say), brokers, say)
