"""Who keeps the definitions files beside the database: another app, which says so at its start.

The inventory does not know it. Invariant: the keeper is given a file last, within the transaction
that changes the rows; so what it keeps may be ahead of the rows after a death, and never behind.
Without a keeper the rows are all there is.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cluster_admin.audit.actor import Actor
from cluster_admin.inventory.models import Subcluster


@dataclass(frozen=True, slots=True)
class Keeper:
    """What is asked of it; each raises `Refused`, and then nothing has been kept."""

    follow: Callable[[], None]
    """Make the rows say what is kept, if a death left them behind. Before each change."""
    keep: Callable[[Subcluster, str, Actor, str, bool], None]
    """Keep the newest file of a subcluster: its canonical text, by whom, and why; or, in a dry run,
    only say whether it would be refused."""
    drop: Callable[[str, Actor, str], None]
    """A subcluster is no more: its name, by whom, and why."""


_keepers: list[Keeper] = []


def set_keeper(one: Keeper) -> None:
    """Have the files kept."""
    _keepers[:] = [one]


def follow() -> None:
    """Make the rows say what is kept."""
    for one in _keepers:
        one.follow()


def keep(
    subcluster: Subcluster, text: str, actor: Actor, comment: str, dry_run: bool = False
) -> None:
    """Keep a file; last in its transaction."""
    for one in _keepers:
        one.keep(subcluster, text, actor, comment, dry_run)


def drop(subcluster: str, actor: Actor, reason: str) -> None:
    """Keep a subcluster's file no longer; last in its transaction."""
    for one in _keepers:
        one.drop(subcluster, actor, reason)
