"""`manage.py restore`: a lost manager's configuration from nodes' replicas. May be repeated.

What was done is one JSON object on stdout; notes go to stderr. `muster manager restore` runs it.
"""

import json
import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand

from cluster_admin.configs import addresses, restoring
from cluster_admin.configs.restoring import Restored
from cluster_admin.inventory.refusals import Refused as NotMade
from workers.exit_codes import Exit
from workers.repository.errors import RepositoryError, UnreachableError


class Command(BaseCommand):
    """Takes the newest of the replicas, checks it, puts it in place, and makes the rows anew."""

    help = "Restore the configuration repository, its index and the definitions from replicas."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--from", dest="nodes", action="append", required=True, metavar="NODE")
        parser.add_argument("--path", default=addresses.REPLICA, metavar="PATH")
        parser.add_argument("--force", action="store_true")
        parser.add_argument("--dry-run", action="store_true")

    def handle(self, *_: Any, **options: Any) -> None:
        """Do it; the exit status is as that of `muster`."""
        try:
            sources = addresses.sources(options["nodes"], options["path"])
            done = restoring.restore(
                sources,
                datetime.now(UTC),
                self._tell,
                force=options["force"],
                dry_run=options["dry_run"],
            )
        except (restoring.RestoreRefused, addresses.AddressError) as refused:
            self._end(str(refused), Exit.REFUSED)
        except UnreachableError as error:
            self._end(str(error), Exit.UNREACHABLE)
        except (RepositoryError, OSError, NotMade) as error:
            self._end(str(error), Exit.FAILED)
        self.stdout.write(json.dumps(_row(done, options["dry_run"])))
        for trouble in done.troubles:
            self._tell(trouble)
        if done.troubles:
            sys.exit(Exit.PARTIAL)
        if options["dry_run"]:
            sys.exit(Exit.CHANGES_PENDING)

    def _tell(self, sentence: str) -> None:
        self.stderr.write(sentence, str)
        self.stderr.flush()

    def _end(self, sentence: str, code: Exit) -> None:
        self._tell(sentence)
        sys.exit(code)


def _row(done: Restored, dry_run: bool) -> dict[str, Any]:
    return {
        "revision": done.revision.number,
        "commit": done.revision.hash,
        "at": done.revision.when.isoformat(),
        "author": done.revision.name,
        "message": done.revision.message,
        "source": done.source.name,
        "address": done.source.address,
        "kept": "" if done.kept is None else str(done.kept),
        "accounts": None if dry_run else done.accounts,
        "held": list(done.held),
        "done": not dry_run,
    }
