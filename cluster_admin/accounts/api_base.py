"""Resources whose rows are no part of any definitions: changed, audited, tried, one at a time."""

import difflib
import json
from collections.abc import Callable
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models, transaction
from rest_framework.serializers import BaseSerializer

from cluster_admin.accounts.services import actor_of
from cluster_admin.audit import services as audit
from cluster_admin.rest import headers
from cluster_admin.rest.views import Changeable, Written

Values = dict[str, Any]


class Plain(Changeable):
    """Each change is one transaction with its audit record, or nothing."""

    def make(self, data: Values) -> Written:
        """Make a row of what was sent."""
        row = self.new(data)
        return self.written("create", row, lambda new: self.save(new, data))

    def alter(self, row: models.Model, body: BaseSerializer[Any]) -> Written:
        """Alter it by what was sent, as it is when nobody else can change it."""
        data = body.validated_data

        def save(held: models.Model) -> None:
            for name, value in data.items():
                setattr(held, name, value)
            self.save(held, data)

        return self.written("update", row, save)

    def remove(self, row: models.Model) -> Written:
        """Delete it."""
        return self.written("delete", row, self.discard)

    def new(self, data: Values) -> models.Model:
        """A row that is not saved yet."""
        model: Any = self.get_queryset().model
        row: models.Model = model(**data)
        return row

    def save(self, row: models.Model, data: Values) -> None:
        """Check and save."""
        row.full_clean()
        row.save()

    def discard(self, row: models.Model) -> None:
        """Delete it, and what belongs to it."""
        row.delete()

    def told_values(self, row: models.Model) -> Values:
        """What the audit trail and the difference show of a row."""
        found = self.represent(row)
        return {name: value for name, value in found.items() if name not in self.live}

    def written(
        self, action: str, row: models.Model, do: Callable[[models.Model], None]
    ) -> Written:
        """Do it to the row in a transaction, audited; taken back in a dry run."""
        dry_run, reason = headers.is_dry_run(self.request), headers.reason_of(self.request)
        with transaction.atomic():
            before = None
            if action != "create":
                row = self._locked(row)
                before = self.told_values(row)
            do(row)
            after = None if action == "delete" else self.told_values(row)
            audit.record(
                actor_of(self.request),
                action,
                kind=self.kind,
                object=str(row),
                subcluster=self.subcluster_of(row),
                reason=reason,
                before=before,
                after=after,
            )
            if dry_run:
                transaction.set_rollback(True)
        return Written(row, self.subcluster_of(row), diff=difference(before, after))

    def _locked(self, row: models.Model) -> models.Model:
        """The row as it is now, held until the change ends; raises `stale`."""
        locked: models.Model = self.get_queryset().select_for_update(of=("self",)).get(pk=row.pk)
        self.check_match(locked)
        return locked


def difference(before: Values | None, after: Values | None) -> str:
    """Unified diff of two objects, running -> proposed."""
    lines = difflib.unified_diff(_lines(before), _lines(after), "running", "proposed", lineterm="")
    return "\n".join(lines)


def _lines(values: Values | None) -> list[str]:
    if values is None:
        return []
    return json.dumps(values, cls=DjangoJSONEncoder, indent=1, ensure_ascii=False).splitlines()
