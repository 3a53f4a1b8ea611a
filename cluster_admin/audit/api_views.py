"""The audit trail in the API: read by administrators of everything, changed by nobody."""

from django_filters.rest_framework import CharFilter, ChoiceFilter, FilterSet
from rest_framework import serializers

from cluster_admin.audit.models import AuditRecord
from cluster_admin.rest.pages import Moment
from cluster_admin.rest.views import Resource


class AuditSerializer(serializers.ModelSerializer):
    """A record as it is."""

    class Meta:
        """Everything."""

        model = AuditRecord
        fields = (
            *("id", "at", "actor", "source", "token", "via", "action", "kind", "object"),
            *("subcluster", "outcome", "reason", "before", "after", "count"),
        )
        read_only_fields = fields


class AuditFilters(FilterSet):
    """By who, what, where, how it went, and when."""

    actor = CharFilter(max_length=150)
    action = CharFilter(max_length=40)
    kind = CharFilter(max_length=40)
    object = CharFilter(max_length=255)
    subcluster = CharFilter(max_length=63)
    source = CharFilter(max_length=45)
    outcome = ChoiceFilter(choices=AuditRecord.Outcome.choices)
    via = ChoiceFilter(choices=AuditRecord.Via.choices)
    since = Moment(field_name="at", lookup_expr="gte")
    until = Moment(field_name="at", lookup_expr="lt")


class Audit(Resource):
    """What was done and tried, newest first."""

    kind = "audit record"
    queryset = AuditRecord.objects.all()
    serializer_class = AuditSerializer
    filterset_class = AuditFilters
    search_fields = ("actor", "object", "reason")
    ordering_fields = ("at", "actor", "action")
    lookup_field, lookup_value_regex = "id", "[0-9]{1,18}"
    read_role = "admin"
