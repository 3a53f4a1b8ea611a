"""`manage.py migrate`, all of it or nothing: what was cut short can be repeated.

Django notes a migration as done only after the transaction that did it; a death in between leaves
tables that the next run tries to make again, and fails. So here all of them are one transaction:
with SQLite always, elsewhere for a database without tables, since data that is changed and tables
that are altered do not go together in one transaction of PostgreSQL.
"""

from typing import Any

from django.core.management.commands.migrate import Command as Migrate
from django.db import connections, transaction


class Command(Migrate):
    """Django's own, in one transaction."""

    def handle(self, *words: Any, **options: Any) -> None:
        """Do what Django does."""
        connection = connections[options["database"]]
        if connection.vendor != "sqlite" and connection.introspection.table_names():
            super().handle(*words, **options)
            return
        # SQLite lets foreign keys be ignored only from outside of a transaction.
        with (
            connection.constraint_checks_disabled(),
            transaction.atomic(using=options["database"]),
        ):
            super().handle(*words, **options)
