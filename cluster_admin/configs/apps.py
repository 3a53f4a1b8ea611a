"""The configs app: what nodes are configured with, its history, and how far each node is."""

from django.apps import AppConfig


class ConfigsConfig(AppConfig):
    """Keeps the inventory's definitions in the configuration repository, and tells nodes of it."""

    name = "cluster_admin.configs"
    verbose_name = "Configuration"

    def ready(self) -> None:
        """Tell the inventory who keeps its definitions files, and have commits announced."""
        from cluster_admin.configs import announcements, keeping, sending
        from cluster_admin.inventory import keepers

        keepers.set_keeper(keepers.Keeper(keeping.follow, keeping.keep, keeping.drop))
        announcements.tell_of_revisions(sending.announce)
