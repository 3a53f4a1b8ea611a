"""`manage.py reindex`: git and the rows that can be made from it say the same. May be repeated."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cluster_admin.audit.actor import Actor
from cluster_admin.configs import index, keeping
from cluster_admin.inventory.refusals import Refused
from workers.repository.errors import RepositoryError


class Command(BaseCommand):
    """Writes the index and all definitions anew from git; commits definitions that are not there.

    Those are of a manager that had no repository yet.
    """

    help = "Write the index of revisions, and the definitions of subclusters, anew from git."

    def handle(self, *_: Any, **__: Any) -> None:
        """Do it, and say how far it goes."""
        try:
            number = index.rebuild()
            adopted = keeping.adopt(Actor("reindex"))
        except (RepositoryError, Refused) as error:
            raise CommandError(str(error)) from error
        number += len(adopted)
        self.stderr.write(f"the index is as the repository: r{number}")
        if adopted:
            self.stderr.write(f"definitions committed: {', '.join(adopted)}")
