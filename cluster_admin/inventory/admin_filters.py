"""Filters of lists that offer only what the user may read."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from cluster_admin.accounts.services import readable


class SubclusterFilter(admin.RelatedFieldListFilter):
    """The subclusters of the user."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Names of other people's subclusters are not told."""
        names = readable(request.user)
        limit = {} if names is None else {"name__in": names}
        return field.get_choices(include_blank=False, ordering=("name",), limit_choices_to=limit)


BY_SUBCLUSTER: Any = ("subcluster", SubclusterFilter)
