"""Nodes that were removed lose their broker account, a minute after nobody is called so any more.

By whichever way they went: each look compares the nodes with the accounts. The minute lets the node
hear that it is out, and an operator take a slip back. A look that dies, or finds no broker, is made
good by the next.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings

from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import SYSTEM
from cluster_admin.inventory.models import Node
from cluster_admin.joining import accounts, broker
from cluster_admin.joining.models import BrokerAccount
from workers.bus.accounts import ForeignAccountError, Management
from workers.bus.errors import BusError

GRACE = timedelta(minutes=1)
BATCH = 50
"""Accounts that one look deletes at most."""
log = logging.getLogger("muster.joining")


def look(now: datetime) -> int:
    """Delete accounts of nodes that are gone; how many."""
    if not settings.MUSTER_BROKER_MANAGEMENT:
        return 0
    _follow(now)
    due = BrokerAccount.objects.filter(gone_since__lte=now - GRACE).order_by("gone_since")
    rows = list(due[:BATCH])
    if not rows:
        return 0
    try:
        with broker.management() as there:
            return sum(_deleted(there, row, now) for row in rows)
    except BusError as error:
        log.warning("accounts of removed nodes stay for now: %s", error)
        return 0


def _follow(now: datetime) -> None:
    """Make the rows say which nodes there are, and since when others are not."""
    nodes = dict(Node.objects.values_list("name", "subcluster__name"))
    known = dict(BrokerAccount.objects.values_list("name", "gone_since"))
    new = [BrokerAccount(name=name, subcluster=nodes[name]) for name in nodes.keys() - known.keys()]
    BrokerAccount.objects.bulk_create(new, ignore_conflicts=True)
    back = [name for name, gone in known.items() if gone and name in nodes]
    gone = [name for name, gone in known.items() if not gone and name not in nodes]
    if back:
        BrokerAccount.objects.filter(name__in=back).update(gone_since=None)
    if gone:
        BrokerAccount.objects.filter(name__in=gone, gone_since=None).update(gone_since=now)


def _deleted(there: Management, row: BrokerAccount, now: datetime) -> bool:
    """Whether the account of a node is deleted now: not if somebody is at it, or the node is back.

    The row of an account that is none of a node goes, and the account stays.
    """
    try:
        accounts.hold(row.name, row.subcluster, now)
    except accounts.AccountBusy:
        return False
    try:
        if Node.objects.filter(name=row.name).exists():
            return False
        deleted = broker.delete_account(there, settings.MUSTER_CLUSTER, row.name)
        accounts.drop(row.name, now)
    except ForeignAccountError as error:
        log.error("the account of %s, which was removed, stays for now: %s", row.name, error)
        BrokerAccount.objects.filter(pk=row.pk).update(gone_since=now)  # after all others
        return False
    finally:
        accounts.free(row.name, now)
    if deleted:
        audit.record(
            SYSTEM,
            "delete",
            kind="broker account",
            object=row.name,
            subcluster=row.subcluster,
            reason="the node was removed",
        )
    else:
        log.warning("the broker's account %s is not a node's of this cluster: it stays", row.name)
    return deleted
