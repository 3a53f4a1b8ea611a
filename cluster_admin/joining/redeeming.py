"""A token becomes an identity: the account is made at the broker, then the token counts as used.

Order: hold the account, claim the token for the attempt, make the account, note the redemption. A
death in between costs at most a minute's wait; the same token with the same attempt goes on. A
broker that is away uses nothing up.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.inventory.models import Node
from cluster_admin.joining import accounts, broker, identity, tokens
from cluster_admin.joining.tokens import Flaw, Redemption, TokenRefused
from workers.bus.errors import BusError

log = logging.getLogger("muster.joining")


class Unavailable(Exception):
    """The token would do, and cannot be redeemed now; the sentence is for the joining host."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A host that shows a token."""

    secret: str
    attempt: str
    source: str
    """Its IP address."""
    now: datetime


def redeem(asking: Asking) -> dict[str, Any]:
    """The identity of the token's node; raises `TokenRefused` or `Unavailable`."""
    shown = tokens.check(asking.secret, asking.attempt, asking.now)
    node = shown.token.node
    if problem := broker.lack():
        raise Unavailable(problem)
    try:
        accounts.hold(node.name, node.subcluster.name, asking.now)
    except accounts.AccountBusy as busy:
        raise Unavailable(str(busy)) from None
    try:
        if not tokens.claim(shown):
            raise _refusal(asking, shown)
        return _noted(asking, shown, *_made(asking, shown))
    finally:
        accounts.free(node.name, asking.now)


def _made(asking: Asking, shown: Redemption) -> tuple[str, str]:
    """Make the account; its password, and the cluster key."""
    node = shown.token.node
    word = identity.password_of(asking.secret, asking.attempt)
    place = node.subcluster
    try:
        key = identity.cluster_key()
        with broker.management() as there:
            broker.make_account(there, place.cluster, place.name, node.name, word)
    except BusError as error:
        tokens.release(shown)
        log.error("node %s cannot join: %s", node.name, error)
        raise Unavailable(
            f"node {node.name} cannot be given its broker account now: {error}; the token still "
            "works, try again"
        ) from None
    return word, key


def _noted(asking: Asking, shown: Redemption, word: str, key: str) -> dict[str, Any]:
    """Count the token as used and answer; nothing of it if the node or the token went meanwhile."""
    with transaction.atomic():
        node = Node.objects.select_related("subcluster").filter(pk=shown.token.node_id).first()
        if node is None or not tokens.redeemed(shown, asking.source, asking.now):
            raise _refusal(asking, shown)
        if not accounts.holds(node.name, asking.now):
            raise Unavailable(f"the broker took too long with the account of {node.name}; again")
        audit.record(
            Actor(node.name, asking.source, shown.token.number, "api"),
            "join",
            kind="node",
            object=node.name,
            subcluster=node.subcluster.name,
            after={"token": shown.token.number, "made by": shown.token.created_by},
        )
        return identity.answer(node, word, key)


def _refusal(asking: Asking, shown: Redemption) -> TokenRefused:
    """Why a token that was good a moment ago is not any more."""
    try:
        tokens.check(asking.secret, asking.attempt, asking.now)
    except TokenRefused as refused:
        return refused
    return TokenRefused(Flaw.USED, shown.token)
