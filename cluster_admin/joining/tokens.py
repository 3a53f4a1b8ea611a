"""One-time tokens: made, checked, claimed for one attempt. The secret leaves once, when made.

A token is MARK, 16 digits that name its row, and 256 random bits. Digests are compared in constant
time. An attempt is 128 random bits of the joining host: only who shows the one a token was used
with gets its answer again.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest

from django.db import transaction
from django.db.models import Q

from cluster_admin.inventory.models import Node
from cluster_admin.joining.models import JoinToken

MARK = "muster_join_"
NUMBER_BYTES, SECRET_BYTES = 8, 32
NUMBER_DIGITS = 2 * NUMBER_BYTES
TOKEN_MAX = 100
USUAL_LIFE = timedelta(hours=1)
LONGEST_LIFE = timedelta(days=7)
KEPT_OF_NODE = 10
"""Tokens of one node that are remembered, so that an old one is told from one never made."""
KEPT_LIFE = timedelta(days=7)
"""How long after its end a token is remembered."""
NOBODYS = sha256(b"").hexdigest()


class Flaw(StrEnum):
    """Why a token does not work; `{node}` is its node."""

    UNKNOWN = (
        "this manager knows no such token: it is another cluster's, or its node was removed; "
        "make one with: muster node token NODE"
    )
    EXPIRED = "the token of node {node} has expired; make a new one with: muster node token {node}"
    ENDED = "a newer token of node {node} was made, which ended this one; use the newest"
    USED = (
        "the token of node {node} was used by another host or attempt; if that was not you, find "
        "out who; make a new one with: muster node token {node}"
    )


@dataclass(frozen=True, slots=True)
class Redemption:
    """A token shown by a joining host: its row, and the digest of the attempt."""

    token: JoinToken
    attempt: str


class TokenRefused(Exception):
    """A token that does not work; the sentence says why, and names the node if it may."""

    def __init__(self, flaw: Flaw, token: JoinToken | None = None) -> None:
        super().__init__(flaw.format(node=token.node.name if token else ""))


def make(node: Node, created_by: str, life: timedelta, now: datetime) -> tuple[JoinToken, str]:
    """A new token of the node and its secret, which cannot be had again; older ones end."""
    number = secrets.token_hex(NUMBER_BYTES)
    secret = f"{MARK}{number}_{secrets.token_urlsafe(SECRET_BYTES)}"
    with transaction.atomic():
        list(Node.objects.select_for_update().filter(pk=node.pk))  # one new token at a time
        mine = JoinToken.objects.filter(node=node)
        mine.filter(ended_at=None).update(ended_at=now)
        kept = list(mine.values_list("pk", flat=True)[: KEPT_OF_NODE - 1])
        mine.exclude(pk__in=kept).delete()
        token = JoinToken.objects.create(
            node=node,
            number=number,
            token_hash=_digest(secret),
            created_by=created_by[:150],
            created_at=now,
            expires_at=now + min(life, LONGEST_LIFE),
        )
    return token, secret


def check(secret: str, attempt: str, now: datetime) -> Redemption:
    """The token of a secret, usable with this attempt; raises `TokenRefused`."""
    number = secret.removeprefix(MARK)[:NUMBER_DIGITS]
    rows = JoinToken.objects.select_related("node__subcluster")
    found = rows.filter(number=number).first()
    same = compare_digest(found.token_hash if found else NOBODYS, _digest(secret))
    if found is None or not same:
        raise TokenRefused(Flaw.UNKNOWN)
    shown = _digest(attempt)
    if found.ended_at is not None:
        raise TokenRefused(Flaw.ENDED, found)
    if found.expires_at <= now:
        raise TokenRefused(Flaw.EXPIRED, found)
    if found.attempt and not compare_digest(found.attempt, shown):
        raise TokenRefused(Flaw.USED, found)
    return Redemption(found, shown)


def claim(shown: Redemption) -> bool:
    """Bind the token to the attempt, once; False when another was faster, or it is no more."""
    free = Q(attempt="") | Q(attempt=shown.attempt)
    rows = JoinToken.objects.filter(free, pk=shown.token.pk, ended_at=None)
    return bool(rows.update(attempt=shown.attempt))


def release(shown: Redemption) -> None:
    """Nothing came of it: another attempt may use the token, unless it was redeemed before."""
    rows = JoinToken.objects.filter(pk=shown.token.pk, attempt=shown.attempt, redeemed_at=None)
    rows.update(attempt="")


def redeemed(shown: Redemption, source: str, now: datetime) -> bool:
    """Note who has the answer; False when the token, or its node, is gone meanwhile."""
    rows = JoinToken.objects.filter(pk=shown.token.pk, attempt=shown.attempt, ended_at=None)
    return bool(rows.update(redeemed_at=now, redeemed_from=source[:45]))


def prune(now: datetime) -> int:
    """Forget tokens that ended long ago; how many."""
    return JoinToken.objects.filter(expires_at__lt=now - KEPT_LIFE).delete()[0]


def _digest(secret: str) -> str:
    """What is stored of a secret; whatever is too long to be one is cut."""
    return sha256(secret[:TOKEN_MAX].encode(errors="replace")).hexdigest()
