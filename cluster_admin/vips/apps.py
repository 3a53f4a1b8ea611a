"""The vips app: virtual addresses, and who holds each."""

from django.apps import AppConfig


class VipsConfig(AppConfig):
    """Adds the VIPs to the definitions that the inventory writes and reads."""

    name = "cluster_admin.vips"
    verbose_name = "Virtual addresses"

    def ready(self) -> None:
        """Tell the inventory how VIPs become part of the definitions, and come back."""
        from cluster_admin.inventory import definitions
        from cluster_admin.vips import contribution

        definitions.contribute(contribution.build, contribution.load)
