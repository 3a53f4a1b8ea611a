"""`manage.py reindex`: the rows that can be made from git are made anew. May be repeated."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cluster_admin.configs import index
from workers.repository.errors import RepositoryError


class Command(BaseCommand):
    """Writes the index of revisions and the definitions of all subclusters anew from git."""

    help = "Write the index of revisions, and the definitions of subclusters, anew from git."

    def handle(self, *_: Any, **__: Any) -> None:
        """Do it, and say how far it goes."""
        try:
            number = index.rebuild()
        except RepositoryError as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"the index is as the repository: r{number}")
