"""VIPs in the API: rows with who holds each, since when and why."""

import ipaddress
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import Q, QuerySet
from django.utils import timezone
from django_filters.rest_framework import CharFilter, ChoiceFilter, FilterSet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.inventory.api_base import DefiningResource, came_of, changing
from cluster_admin.rest.problems import Code, Problem
from cluster_admin.vips import moving
from cluster_admin.vips.api_serializers import DestinationSerializer, VipSerializer
from cluster_admin.vips.commands import COMMAND_FIELDS, forbidden
from cluster_admin.vips.models import Vip, VipStatus
from workers.failover.core.hooks import hook_warning


class VipFilters(FilterSet):
    """Exact words."""

    subcluster = CharFilter(field_name="subcluster__name", max_length=63)
    owner = CharFilter(field_name="status__owner", max_length=63)
    state = ChoiceFilter(choices=VipStatus.State.choices, method="by_state")
    cause = ChoiceFilter(field_name="status__cause", choices=VipStatus.Cause.choices)
    binding = CharFilter(max_length=63)
    version = ChoiceFilter(choices=(("4", "IPv4"), ("6", "IPv6")), method="by_version")

    def by_state(self, rows: QuerySet[Vip], name: str, state: str) -> QuerySet[Vip]:
        """VIPs of which nothing was heard are unknown."""
        if state == VipStatus.State.UNKNOWN:
            return rows.filter(Q(status__state=state) | Q(status=None))
        return rows.filter(status__state=state)

    def by_version(self, rows: QuerySet[Vip], name: str, version: str) -> QuerySet[Vip]:
        """The key by which they sort begins with it."""
        return rows.filter(address_key__startswith=version)


class Vips(DefiningResource):
    """VIPs are operators' work."""

    kind = "VIP"
    write_role = "operator"
    queryset = Vip.objects.select_related("subcluster", "follow", "status")
    serializer_class = VipSerializer
    filterset_class = VipFilters
    search_fields = ("address", "description", "binding", "status__owner", "status__reason")
    ordering_fields: ClassVar[dict[str, str]] = {
        "address": "address_key",
        "subcluster": "subcluster__name",
        "owner": "status__owner",
        "state": "status__state",
        "since": "status__since",
        "binding": "binding",
        "weight": "weight",
    }
    lookup_field, lookup_value_regex = "address", "[0-9a-fA-F:.]{2,45}"
    live: ClassVar[tuple[str, ...]] = ("status",)
    special: ClassVar[dict[str, tuple[str, str]]] = {"move": ("operator", "operate")}
    renamed: ClassVar[dict[str, str]] = {"check_command": "check"}

    def save(self, row: Vip) -> None:  # type: ignore[override]
        """Check and save; commands only for who may have nodes run them."""
        before = Vip.objects.filter(pk=row.pk).values(*COMMAND_FIELDS).first() or {}
        after = {name: getattr(row, name) for name in COMMAND_FIELDS}
        denied = forbidden(self.request.user, row.subcluster.name, before, after)
        for name, sentence in denied.items():
            field = self.renamed.get(name, name)
            raise Problem(Code.FORBIDDEN, f"{field}: {sentence}", {field: [sentence]})
        super().save(row)

    def represent(self, row: Vip) -> dict[str, Any]:
        """A VIP with who holds it."""
        return represented(row, timezone.now())

    @extend_schema(request=DestinationSerializer, responses=VipSerializer)
    @action(detail=True, methods=["post"])
    def move(self, request: Request, **_: Any) -> Response:
        """Put a node first in what it prefers: the nodes hand it over at once."""
        body = DestinationSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        row = self.get_object()
        with changing(request, row.subcluster) as done:
            row = self.get_queryset().get(pk=row.pk)
            self.check_match(row)
            if body.validated_data["free"]:
                moving.free(done, row)
            else:
                wanted = body.validated_data
                moving.move(done, row, wanted["node"], force=wanted["force"])
        return self.told(came_of(done, row), 200)

    def get_object(self) -> Vip:
        """Any spelling of an address names it."""
        try:
            spelled = str(ipaddress.ip_address(self.kwargs["address"]))
        except ValueError:
            what = self.kwargs["address"]
            raise Problem(Code.NOT_FOUND, f"{what} is not an address, so no VIP") from None
        self.kwargs["address"] = spelled
        row: Vip = super().get_object()
        return row


def represented(row: Vip, now: datetime) -> dict[str, Any]:
    """A VIP as JSON has it."""
    status = row.last_heard
    since = status.since
    return {
        "address": row.address,
        "subcluster": row.subcluster.name,
        "description": row.description,
        "prefer": row.prefer,
        "follow": row.follow.address if row.follow else None,
        "weight": row.weight,
        "check": row.check_command,
        "hook": row.hook,
        "hook_warning": hook_warning(row.hook),
        "binding": row.binding,
        "status": {
            "state": status.state,
            "owner": status.owner,
            "epoch": status.epoch,
            "since": since,
            "age_seconds": None if since is None else round((now - since).total_seconds(), 3),
            "reason": status.reason,
            "previous": status.previous,
            "holders": status.holders,
            "cause": status.cause,
            "note": status.note,
            "seen_at": status.seen_at,
        },
    }
