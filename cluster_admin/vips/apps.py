"""The vips app: virtual addresses, and who holds each."""

from django.apps import AppConfig


class VipsConfig(AppConfig):
    """Adds the VIPs to the definitions that the inventory writes and reads."""

    name = "cluster_admin.vips"
    verbose_name = "Virtual addresses"

    def ready(self) -> None:
        """Tell the inventory how VIPs become definitions and come back, and who holds them."""
        from cluster_admin.inventory.contributions import Contribution, contribute
        from cluster_admin.vips import contribution, holding

        contribute(Contribution(contribution.build, contribution.load, holding.held_in))
