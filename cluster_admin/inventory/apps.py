"""The inventory app: subclusters, nodes, where they stand, and the settings they act on."""

from django.apps import AppConfig


class InventoryConfig(AppConfig):
    """Registers the app under the label `inventory`."""

    name = "cluster_admin.inventory"
    verbose_name = "Inventory"
