"""What an operator asked of one node, until the node tells what came of it.

An order that gets lost takes nothing with it: whoever sends the node its next one finds the wish
here. A wish has a number, and the node does it once, however often it comes. Runs in the caller's
transaction.
"""

from dataclasses import replace

from django.utils import timezone

from cluster_admin.configs.models import Replica
from cluster_admin.configs.orders import Target
from workers.config.core.reports import Outcome


def ask(node: str, revision: int, *, over_edits: bool = False) -> int:
    """Insist on a revision; the wish's number, 0 for a node that was never heard.

    An older wish of the node is over.
    """
    row = Replica.objects.select_for_update().filter(node=node).only("wish", "known_wish").first()
    if row is None:
        return 0
    milliseconds = int(timezone.now().timestamp() * 1000)
    number = max(milliseconds, row.wish + 1, row.known_wish + 1)
    Replica.objects.filter(pk=row.pk).update(
        wish=number, wish_revision=revision, wish_over_edits=over_edits
    )
    return number


def withdraw(node: str, number: int) -> None:
    """Take a wish back, unless it was answered or there is a newer one."""
    Replica.objects.filter(node=node, wish=number).update(wish=0)


def insisted(target: Target, row: Replica) -> Target:
    """What shall be live on a node, with the wish about it if there is one."""
    if not row.wish or row.wish_revision != target.revision:
        return target
    return replace(target, ordered=True, over_edits=row.wish_over_edits, wish=row.wish)


def ended(node: str, revision: int, outcome: Outcome) -> None:
    """Say what came of a revision on a node; one that was refused may have to be sent again."""
    if outcome is not Outcome.REFUSED:
        Replica.objects.filter(node=node, wish_revision=revision).update(wish=0)
