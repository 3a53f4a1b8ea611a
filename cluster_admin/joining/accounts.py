"""Whose turn it is with a node's account at the broker: one at a time makes or deletes it.

Invariant: whoever talks to the broker about an account holds its row; a holder that dies loses it
after `HOLD_SECONDS`, more than any conversation with a broker takes. So a late word of one never
undoes what another did after it.
"""

from datetime import datetime, timedelta

from django.db.models import Q

from cluster_admin.joining.models import BrokerAccount

HOLD_SECONDS = 60


class AccountBusy(Exception):
    """Somebody else is at the account at this moment."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the broker account of {name} is being changed; try again in a minute")


def hold(name: str, subcluster: str, now: datetime) -> None:
    """Take the account, whose row is made if need be; raises `AccountBusy`.

    `now` says to `free` and `drop` whose hold it is.
    """
    BrokerAccount.objects.get_or_create(name=name, defaults={"subcluster": subcluster})
    free_again = Q(held_at=None) | Q(held_at__lt=now - timedelta(seconds=HOLD_SECONDS))
    rows = BrokerAccount.objects.filter(free_again, name=name)
    if not rows.update(held_at=now, subcluster=subcluster):
        raise AccountBusy(name)


def holds(name: str, since: datetime) -> bool:
    """Whether the hold of then is still ours."""
    return BrokerAccount.objects.filter(name=name, held_at=since).exists()


def free(name: str, since: datetime) -> None:
    """Let go of it."""
    BrokerAccount.objects.filter(name=name, held_at=since).update(held_at=None)


def drop(name: str, since: datetime) -> None:
    """The broker has it no more."""
    BrokerAccount.objects.filter(name=name, held_at=since).delete()
