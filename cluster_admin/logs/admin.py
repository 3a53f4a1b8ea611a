"""Log sources and subscribers in the admin: which logs nodes ship, and to whom."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from cluster_admin.inventory.admin_base import DefiningAdmin, DefiningForm
from cluster_admin.inventory.admin_fields import TextsField
from cluster_admin.inventory.admin_filters import BY_SUBCLUSTER
from cluster_admin.inventory.admin_live import listed
from cluster_admin.inventory.models import Node
from cluster_admin.logs.admin_shipping import ShippingAdmin
from cluster_admin.logs.models import LogSource, LogSubscriber
from cluster_admin.logs.shipping_models import Shipping

admin.site.register(Shipping, ShippingAdmin)
HELP = {
    "name": "One word in lower case: %{l} in the destinations of collectors.",
    "path": "Absolute, such as /var/log/mail.log; *, ? and [...] name several files.",
}
SUBSCRIBER_HELP = {
    "name": "The name in its collector.toml.",
    "backlog_bytes": "How much of its logs a node keeps for it while it is away, 1048576 (1 MiB) "
    "to 1099511627776 (1 TiB). Beyond that the oldest is dropped, and told.",
}


class LogSourceForm(DefiningForm):
    """Nodes are written one per line."""

    nodes = TextsField(
        help_text="Names of nodes that ship it, one per line. Empty: all of the subcluster."
    )
    names: tuple[tuple[str, str], ...] = ()
    """(node, subcluster) of those that the user may choose from."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, text in HELP.items():
            if name in self.fields:
                self.fields[name].help_text = text
        if "nodes" in self.fields:
            home = self.instance.subcluster_id and self.instance.subcluster.name
            offers = [one for one in self.names if not home or one[1] == home]
            self.fields["nodes"].widget.offers = offers


@admin.register(LogSource)
class LogSourceAdmin(DefiningAdmin):
    """Logs that nodes ship; administrators' work, since nodes read them as root."""

    form = LogSourceForm
    list_display = ("name", "subcluster", "path", "shown_nodes")
    list_filter = (BY_SUBCLUSTER,)
    search_fields = ("name", "path")
    autocomplete_fields = ("subcluster",)
    identity = ("subcluster", "name")
    fields = ("subcluster", "name", "path", "nodes", "reason")

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form, with the names of nodes to choose from."""
        made = super().get_form(request, obj, change=change, **kwargs)
        nodes = Node.objects.filter(subcluster__in=self.changeable(request)).order_by("name")
        made.names = tuple(nodes.values_list("name", "subcluster__name"))
        return made

    @admin.display(description="nodes")
    def shown_nodes(self, row: LogSource) -> str:
        """Without brackets and quotes."""
        return listed(row.nodes) or "all"


class LogSubscriberForm(DefiningForm):
    """A subscriber, with what its fields mean."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, text in SUBSCRIBER_HELP.items():
            if name in self.fields:
                self.fields[name].help_text = text


@admin.register(LogSubscriber)
class LogSubscriberAdmin(DefiningAdmin):
    """Collectors that take the logs. What becomes of a queue is `muster logs`' to decide."""

    form = LogSubscriberForm
    list_display = ("name", "subcluster", "backlog_bytes")
    list_filter = (BY_SUBCLUSTER, "name")
    search_fields = ("name",)
    autocomplete_fields = ("subcluster",)
    identity = ("subcluster", "name")
    fields = ("subcluster", "name", "backlog_bytes", "reason")
