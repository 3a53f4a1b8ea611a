"""Tokens: made, checked, revoked. The secret leaves once, when made; a digest stays.

The digest is plain SHA-256: a secret of 256 random bits cannot be guessed, so nothing slower helps.
"""

import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from django.db.models import F
from django.utils import timezone

from cluster_admin.accounts.models import Token, User, all_scopes

MARK = "muster_"
"""Every secret begins so, and scanners for leaked secrets find it."""
PREFIX_LENGTH = len(MARK) + 6
SECRET_MAX = 100
USUAL_LIFE = timedelta(days=30)
LONGEST_LIFE = timedelta(days=366)
LIVE_MAX = 100
"""Tokens of one user that work; a new one beyond them ends the one that was used least recently."""
USED_EVERY = timedelta(seconds=60)
"""`last_used_at` is at most so old: not every request writes."""


class Flaw(StrEnum):
    """Why a token does not work."""

    UNKNOWN = "the token is not known; log in again"
    EXPIRED = "the token has expired; log in again"
    REVOKED = "the token was revoked; log in again"
    INACTIVE = "the token's user is not active; ask an administrator"


class TokenRefused(Exception):
    """A token that does not work; `token` is the row if there is one."""

    def __init__(self, flaw: Flaw, token: Token | None = None) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw
        self.token = token


def make_token(
    user: User,
    name: str,
    *,
    read_only: bool = False,
    scopes: list[str] | None = None,
    life: timedelta = USUAL_LIFE,
    now: datetime | None = None,
) -> tuple[Token, str]:
    """A new token and its secret, which cannot be had again; raises `ValidationError`."""
    now = now or timezone.now()
    secret = MARK + secrets.token_urlsafe(32)
    token = Token(
        user=user,
        name=name,
        prefix=secret[:PREFIX_LENGTH],
        digest=digest_of(secret),
        read_only=read_only,
        scopes=all_scopes() if scopes is None else scopes,
        expires_at=now + min(life, LONGEST_LIFE),
        created_at=now,
    )
    token.full_clean()
    _make_room(user, now)
    token.save()
    return token, secret


def check_token(secret: str, now: datetime | None = None) -> Token:
    """The token of a secret, with its user; raises `TokenRefused`."""
    now = now or timezone.now()
    found = Token.objects.select_related("user").filter(digest=digest_of(secret)).first()
    if found is None:
        raise TokenRefused(Flaw.UNKNOWN)
    if found.revoked_at is not None:
        raise TokenRefused(Flaw.REVOKED, found)
    if found.expires_at <= now:
        raise TokenRefused(Flaw.EXPIRED, found)
    if not found.user.is_active:
        raise TokenRefused(Flaw.INACTIVE, found)
    if found.last_used_at is None or now - found.last_used_at > USED_EVERY:
        Token.objects.filter(pk=found.pk).update(last_used_at=now)
    return found


def revoke(token: Token, now: datetime | None = None) -> None:
    """End a token; ending it again changes nothing."""
    if token.revoked_at is None:
        token.revoked_at = now or timezone.now()
        token.save(update_fields=["revoked_at"])


def digest_of(secret: str) -> str:
    """What is stored of a secret; whatever is too long to be one is cut."""
    return sha256(secret[:SECRET_MAX].encode(errors="replace")).hexdigest()


def _make_room(user: User, now: datetime) -> None:
    """Drop tokens that ended long ago; end the least recently used when there are too many."""
    Token.objects.filter(user=user, expires_at__lt=now - USUAL_LIFE).delete()
    Token.objects.filter(user=user, revoked_at__lt=now - USUAL_LIFE).delete()
    live = Token.objects.filter(user=user, revoked_at=None, expires_at__gt=now)
    order = live.order_by(F("last_used_at").desc(nulls_last=True), "-id")
    ended = list(order.values_list("pk", flat=True)[LIVE_MAX - 1 :])
    if ended:
        Token.objects.filter(pk__in=ended).update(revoked_at=now)
