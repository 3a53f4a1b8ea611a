"""Joining in the API: a token for a node, and its redemption by a host that has no account yet.

Refused redemptions are in the audit trail, by address; an address with too many has to wait.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.accounts.services import actor_of, source_of
from cluster_admin.audit import services as audit
from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory.models import Node
from cluster_admin.joining import broker, tokens
from cluster_admin.joining.api_serializers import JoinAnswer, JoinBody, JoinTokenBody
from cluster_admin.joining.models import JoinToken
from cluster_admin.joining.redeeming import Asking, Unavailable, redeem
from cluster_admin.rest import headers
from cluster_admin.rest.problems import Code, Problem
from cluster_admin.rest.views import View

WINDOW = timedelta(minutes=5)
REFUSED_MAX = 20
"""Refused redemptions of one address within `WINDOW`."""
RETRY_SECONDS = 10
SECRET = {"Cache-Control": "no-store"}


class Join(View):
    """POST a token; the answer makes the host a node. Needs no login."""

    kind = "join token"
    verb = "join"
    authentication_classes = ()
    permission_classes = ()

    @extend_schema(request=JoinBody, responses={200: JoinAnswer, 403: None, 429: None, 503: None})
    def post(self, request: Request) -> Response:
        """Redeem a token."""
        body = JoinBody(data=request.data)
        body.is_valid(raise_exception=True)
        source, now = source_of(request), timezone.now()
        if _must_wait(source, now):
            seconds = int(WINDOW.total_seconds())
            raise Problem(
                Code.THROTTLED,
                f"too many refused tokens; try again in {seconds // 60} minutes",
                headers={"Retry-After": str(seconds)},
            )
        told = body.validated_data
        try:
            answer = redeem(Asking(told["token"], told["attempt"], source, now))
        except tokens.TokenRefused as refused:
            raise Problem(Code.FORBIDDEN, str(refused)) from None
        except Unavailable as later:
            retry = {"Retry-After": str(RETRY_SECONDS)}
            raise Problem(Code.UNAVAILABLE, str(later), headers=retry) from None
        return Response(answer, headers=SECRET)


def made_token(request: Request, node: Node) -> Response:
    """A new token of a node, in the answer to whoever may add nodes; in a dry run none."""
    body = JoinTokenBody(data=request.data)
    body.is_valid(raise_exception=True)
    reason = headers.reason_of(request)
    if problem := broker.lack():
        raise Problem(Code.UNAVAILABLE, problem)
    if problem := broker.reserved(node.name):
        raise Problem(Code.REFUSED, problem)
    usual = tokens.USUAL_LIFE.total_seconds()
    life = timedelta(seconds=body.validated_data.get("expires_in_seconds") or usual)
    place, dry_run = node.subcluster.name, headers.is_dry_run(request)
    actor = actor_of(request)
    with transaction.atomic():
        token, secret = tokens.make(node, actor.name, life, timezone.now())
        audit.record(
            actor,
            "create",
            kind=Join.kind,
            object=node.name,
            subcluster=place,
            reason=reason,
            after={"token": token.number, "expires_at": token.expires_at.isoformat()},
        )
        if dry_run:
            transaction.set_rollback(True)
    if dry_run:
        return Response({"dry_run": True, "subcluster": place, "revision": None, "diff": ""})
    return Response(_told(token, place, secret), status=201, headers=SECRET)


def _told(token: JoinToken, subcluster: str, secret: str) -> dict[str, Any]:
    return {
        "node": token.node.name,
        "subcluster": subcluster,
        "token": secret,
        "expires_at": token.expires_at,
        "command": broker.join_command(secret),
        "warning": broker.warning(),
    }


def _must_wait(source: str, now: datetime) -> bool:
    refused = AuditRecord.objects.filter(
        outcome="denied", at__gt=now - WINDOW, action=Join.verb, kind=Join.kind, source=source
    )
    return (refused.aggregate(sum=Sum("count"))["sum"] or 0) >= REFUSED_MAX
