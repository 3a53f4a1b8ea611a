"""Resources whose rows define a subcluster: every change is one `services.change`, or nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import transaction
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

from cluster_admin.accounts.services import actor_of
from cluster_admin.inventory.models import Defining, Subcluster
from cluster_admin.inventory.services import Change, Refused, change, values_of
from cluster_admin.rest import headers
from cluster_admin.rest.problems import Code, Problem
from cluster_admin.rest.views import Changeable, Written


@contextmanager
def refusals() -> Iterator[None]:
    """Tell what the services refuse as the problem `refused`, at its field if there is one."""
    try:
        yield
    except Refused as refused:
        path = refused.path
        errors = {path[2]: [refused.sentence]} if len(path) > 2 else None
        raise Problem(Code.REFUSED, refused.sentence, errors) from refused


@contextmanager
def changing(request: Request, subcluster: Subcluster) -> Iterator[Change]:
    """A change as the request's headers say."""
    actor, reason = actor_of(request), headers.reason_of(request)
    dry_run = headers.is_dry_run(request)
    with refusals(), change(subcluster, actor, reason, dry_run) as done:
        yield done


def came_of(done: Change, row: Any = None) -> Written:
    """What a change that has ended came to."""
    return Written(row, done.subcluster.name, done.revision, done.diff)


@contextmanager
def together(dry_run: bool = False) -> Iterator[None]:
    """One transaction around several steps; taken back in a dry run."""
    with transaction.atomic():
        yield
        if dry_run:
            transaction.set_rollback(True)


class DefiningResource(Changeable):
    """Rows of one subcluster's definitions."""

    within = "subcluster__name"
    renamed: ClassVar[dict[str, str]] = {}
    """Field of the model -> name in the API, where they differ."""

    def make(self, data: dict[str, Any]) -> Written:
        """Make a row, checked against all the others."""
        model: Any = self.get_queryset().model
        row: Defining = model(**data)
        with changing(self.request, row.subcluster) as done:
            self.save(row)
            done.note("create", row)
        return came_of(done, row)

    def alter(self, row: Defining, body: BaseSerializer[Any]) -> Written:
        """Alter it, as it is when nobody else can change it."""
        with changing(self.request, row.subcluster) as done:
            row = self.get_queryset().get(pk=row.pk)
            self.check_match(row)
            before = values_of(row)
            for name, value in body.validated_data.items():
                setattr(row, name, value)
            self.save(row)
            if before != values_of(row):
                done.note("update", row, before)
        return came_of(done, row)

    def remove(self, row: Defining) -> Written:
        """Remove it; refused while other rows need it."""
        with changing(self.request, row.subcluster) as done:
            row = self.get_queryset().get(pk=row.pk)
            self.check_match(row)
            self.check_removal(done, row)
            before = values_of(row)
            row.delete()
            done.note("delete", row, before)
        return came_of(done, row)

    def check_removal(self, done: Change, row: Any) -> None:
        """Raise `Refused` where more than other rows stands in the way of removing it."""

    def save(self, row: Defining) -> None:
        """Check and save; what is wrong is told under the names of the API."""
        try:
            row.full_clean()
        except ValidationError as error:
            raise self._renamed(error) from error
        row.save()

    def _renamed(self, error: ValidationError) -> ValidationError:
        if not hasattr(error, "error_dict"):
            return error
        return ValidationError(
            {self.renamed.get(name, name): found for name, found in error.error_dict.items()}
        )
