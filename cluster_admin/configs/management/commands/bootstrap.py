"""`manage.py bootstrap`: the first rows of a new manager. May be repeated."""

import secrets
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from cluster_admin.accounts.tokens import make_token
from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import directories, index, keeping, members
from cluster_admin.configs import services as configs
from cluster_admin.configs.store import repository
from cluster_admin.inventory import definitions, services
from cluster_admin.inventory.models import Subcluster
from workers.config.errors import ConfigError
from workers.failover.core.definitions_text import DefinitionsError
from workers.files import durable
from workers.repository.errors import RepositoryError

ACTOR = Actor("bootstrap")
PASSWORD_BYTES = 8


class Command(BaseCommand):
    """Imports definitions and a configuration that are not here yet, makes the first account."""

    help = "Import definitions and a configuration that are not here yet; make the first account."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument(
            "--subcluster", metavar="NAME", help="an empty one, made if it is not here"
        )
        parser.add_argument("--definitions", type=Path, nargs="*", default=[], metavar="FILE")
        parser.add_argument(
            "--configuration",
            type=Path,
            metavar="DIR",
            help="a directory with global/, SUBCLUSTER/default/ and SUBCLUSTER/NODE/",
        )
        parser.add_argument("--admin", metavar="NAME", help="a superuser, made if missing")
        parser.add_argument("--password-file", type=Path, metavar="FILE", help="-: stdin")
        parser.add_argument(
            "--make-password",
            type=Path,
            metavar="FILE",
            help="where a new account's password is written before it is used",
        )
        parser.add_argument(
            "--token-file", type=Path, metavar="FILE", help="where the admin's token is written"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Do what is missing."""
        try:
            keeping.adopt(ACTOR)
        except services.Refused as refused:
            raise CommandError(refused.sentence) from refused
        if options["subcluster"]:
            self._subcluster(options["subcluster"])
        for path in options["definitions"]:
            self._import(path)
        if options["configuration"]:
            self._configure(options["configuration"])
        if options["admin"]:
            password = (options["password_file"], options["make_password"])
            self._admin(options["admin"], *password, options["token_file"])

    def _subcluster(self, name: str) -> None:
        """Make it with its first revision, or find it."""
        row = Subcluster.objects.filter(name=name).first() or Subcluster(name=name)
        if row.revision:
            return
        try:
            row.full_clean()
            with transaction.atomic():
                row.save()
                with services.change(row, ACTOR) as done:
                    done.note("create", row)
        except (services.Refused, ValidationError) as error:
            raise CommandError(f"subcluster {name}: {error}") from error
        self.stderr.write(f"subcluster {name} made")

    def _import(self, path: Path) -> None:
        try:
            text = path.read_text("utf-8")
            name = definitions.read(text, str(path)).subcluster
        except (OSError, UnicodeDecodeError, DefinitionsError) as error:
            raise CommandError(f"{error}") from error
        subcluster, made = Subcluster.objects.get_or_create(name=name)
        if not made and subcluster.revision:
            self.stderr.write(f"subcluster {name} is here already; {path} was not read")
            return
        try:
            reason = f"imported from {path.name}"
            services.import_text(subcluster, text, ACTOR, reason, add_segments=True)
        except services.Refused as refused:
            raise CommandError(refused.sentence) from refused
        self.stderr.write(f"subcluster {name} imported from {path}")

    def _configure(self, directory: Path) -> None:
        """Commit what is in the directory, unless files were committed before."""
        try:
            base = index.follow()
            if not all(map(members.subcluster_of, repository().tree(base))):
                self.stderr.write(f"there is a configuration already; {directory} was not read")
                return
            changes = directories.read(directory)
            message = f"imported from {directory.name}"
            made = configs.commit(ACTOR, changes, message, base=base, add_segments=True)
        except (OSError, RepositoryError, ConfigError, configs.Refused) as error:
            raise CommandError(f"{directory}: {error}") from error
        self.stderr.write(f"configuration imported from {directory}: {made.revision}")

    def _admin(
        self, name: str, given: Path | None, made: Path | None, token_file: Path | None
    ) -> None:
        users: Any = get_user_model().objects
        user = users.filter(username=name).first()
        if user is None:
            user = users.create_superuser(name, password=_password(given, made))
            audit.record(ACTOR, "create", kind="user", object=name, after={"is_superuser": True})
            self.stderr.write(f"account {name} made")
        if token_file is not None and not token_file.exists():
            self._token(user, token_file)

    def _token(self, user: Any, path: Path) -> None:
        """Make the file whole or not at all: one that is there is never written again."""
        token, secret = make_token(user, "bootstrap")
        audit.record(ACTOR, "create", kind="token", object=str(token))
        durable.replace(path, f"{secret}\n".encode(), 0o600)


def _password(given: Path | None, made: Path | None) -> str:
    """The password in a file, on stdin, or a new one, which is in its file first."""
    if given is not None:
        word = sys.stdin.readline() if str(given) == "-" else given.read_text()
    elif made is not None:
        if not made.exists():
            durable.replace(made, f"{secrets.token_hex(PASSWORD_BYTES)}\n".encode(), 0o600)
        word = made.read_text()
    else:
        raise CommandError("a new account needs --password-file FILE or --make-password FILE")
    return word.strip()
