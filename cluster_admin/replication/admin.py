"""Replicated tables, limits and exemptions in the admin."""

from typing import Any, ClassVar

from django.contrib import admin

from cluster_admin.inventory.admin_base import DefiningAdmin, DefiningForm
from cluster_admin.inventory.admin_fields import PairsField
from cluster_admin.inventory.admin_filters import BY_SUBCLUSTER
from cluster_admin.replication.models import (
    LimitExemption,
    Limiting,
    ReplicatedTable,
    TrafficLimit,
)
from workers.replication.core.definitions import STAGES, rate_text

TABLE_HELP = {
    "name": "One word in lower case.",
    "type": "What it holds. Limits use the first table of the type they need.",
    "max_delay": "Seconds after which peers are told of a change: 0.01 to 60.",
    "max_pending": "Changes after which they are told within a tenth of it.",
    "max_size": "Keys; beyond it the least recently used go, counted.",
    "binding_group": "A label for people and mail software.",
    "table_class": "A label for people and mail software.",
    "snapshot": "Whether a node that joins gets it whole.",
    "scope": "Who shares it: the nodes of this subcluster, or of all that define it so.",
}
LIMIT_HELP = {
    "name": "One word in lower case; it is told to whoever is refused.",
    "subject": "What is counted. Open connections have no window, everything else has one.",
    "per": "For whom it is counted apart.",
    "most": "At most so many within the window, or at a time.",
    "window": "Seconds; 0 for what is counted at a time: open connections.",
    "prefix_v4": "Of network: clients in the same IPv4 network of this length count together.",
    "prefix_v6": "The same for IPv6; a customer often has a /64, a /56 or a /48.",
    "match": "Only these keys: one, a network such as 192.0.2.0/24, or .example.com for all below.",
    "binding": "Outbound: only from this binding. What says more goes before what says less: "
    "binding and host, host, binding and domain, binding, domain, all.",
    "host": "Outbound: only to this host.",
    "domain": "Outbound: only to this domain.",
    "stage": f"When Postfix asks: {', '.join(sorted(STAGES))}. Empty: at the usual time.",
    "action": "What a client is told whose limit is reached: to come again, no, or its mail waits.",
    "message": "What it is told beside the limit's name.",
    "throttle": "Of subject named: the name that is asked for.",
}
EXEMPTION_HELP = {
    "name": "One word in lower case.",
    "limit": "Name of the limit; empty: every limit.",
    "key": "An address, a network, a domain or a user, as the limit counts them.",
    "most": "Instead of the limit's; empty: no limit for it.",
}


class HelpedForm(DefiningForm):
    """A row with what its fields mean."""

    texts: ClassVar[dict[str, str]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, text in self.texts.items():
            if name in self.fields:
                self.fields[name].help_text = text


class TableForm(HelpedForm):
    """Parameters are written one per line."""

    texts = TABLE_HELP
    parameters = PairsField(
        help_text="window = 3600: the span in seconds that is shown; ttl = 60 of a cache: seconds "
        "a value lives. One per line."
    )


class LimitForm(HelpedForm):
    """A limit."""

    texts = LIMIT_HELP


class ExemptionForm(HelpedForm):
    """An exemption."""

    texts = EXEMPTION_HELP


@admin.register(ReplicatedTable)
class ReplicatedTableAdmin(DefiningAdmin):
    """Tables that nodes share; of a type without any there is a usual one."""

    form = TableForm
    list_display = ("name", "subcluster", "type", "max_delay", "max_pending", "max_size", "scope")
    list_filter = (BY_SUBCLUSTER, "type", "scope")
    search_fields = ("name", "type")
    autocomplete_fields = ("subcluster",)
    identity = ("subcluster", "name")
    fields = (
        *("subcluster", "name", "type", "parameters", "max_delay", "max_pending", "max_size"),
        *("binding_group", "table_class", "snapshot", "scope", "reason"),
    )


@admin.register(TrafficLimit)
class TrafficLimitAdmin(DefiningAdmin):
    """Limits; how full they are, and whom they refused, is on the page of limits."""

    form = LimitForm
    list_display = ("name", "subcluster", "subject", "per", "shown_most", "action", "enabled")
    list_filter = (BY_SUBCLUSTER, "subject", "per", "enabled", "test")
    search_fields = ("name", "match", "binding", "host", "domain")
    autocomplete_fields = ("subcluster",)
    identity = ("subcluster", "name")
    fieldsets = (
        (None, {"fields": ("subcluster", "name", "subject", "per", ("most", "window"))}),
        ("Of whom", {"fields": (("prefix_v4", "prefix_v6"), "match")}),
        ("Where", {"fields": ("binding", "host", "domain", "throttle", "stage")}),
        ("Then", {"fields": ("action", "message", "test", "enabled", "reason")}),
    )

    @admin.display(description="at most", ordering="most")
    def shown_most(self, row: TrafficLimit) -> str:
        """As commands write it: 1000/60s."""
        return rate_text(row.most, row.window)


@admin.register(LimitExemption)
class LimitExemptionAdmin(DefiningAdmin):
    """Who has another limit, or none."""

    form = ExemptionForm
    list_display = ("name", "subcluster", "key", "shown_limit", "shown_most")
    list_filter = (BY_SUBCLUSTER, "limit")
    search_fields = ("name", "key", "limit")
    autocomplete_fields = ("subcluster",)
    identity = ("subcluster", "name")
    fields = ("subcluster", "name", "limit", "key", "most", "reason")

    @admin.display(description="limit", ordering="limit")
    def shown_limit(self, row: LimitExemption) -> str:
        """Every one unless it names one."""
        return row.limit or "every limit"

    @admin.display(description="at most", ordering="most")
    def shown_most(self, row: LimitExemption) -> str:
        """No limit is said in words."""
        return "no limit" if row.most is None else str(row.most)


@admin.register(Limiting)
class LimitingAdmin(DefiningAdmin):
    """What holds for all limits of a subcluster."""

    list_display = ("subcluster", "cut_off", "test")
    list_filter = (BY_SUBCLUSTER, "cut_off", "test")
    search_fields = ("subcluster__name",)
    autocomplete_fields = ("subcluster",)
    identity = ("subcluster",)
    fields = ("subcluster", "cut_off", "test", "reason")
