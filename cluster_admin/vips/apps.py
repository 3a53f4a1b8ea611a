"""The vips app: virtual addresses, and who holds each."""

from django.apps import AppConfig


class VipsConfig(AppConfig):
    """Adds the VIPs to the definitions that the inventory writes and reads."""

    name = "cluster_admin.vips"
    verbose_name = "Virtual addresses"

    def ready(self) -> None:
        """Tell the inventory how VIPs become definitions and come back, and who holds them."""
        from cluster_admin.inventory import definitions, removal
        from cluster_admin.vips import contribution
        from cluster_admin.vips.holding import held_in

        definitions.contribute(contribution.build, contribution.load)
        removal.count_by(held_in)
