"""What was not done and why, told to the client as a problem, and to the audit trail.

Denied: a token that does not work, a role or scope that is missing. Refused: a change that nobody
could make. Bursts are bounded by the audit trail itself.
"""

import logging
from typing import Any

from django.db import DatabaseError
from django.http import HttpResponse
from rest_framework.request import Request

from cluster_admin.accounts.api_authentication import REALM, TokenProblem
from cluster_admin.accounts.services import actor_of, source_of
from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.rest.problems import Code, Problem, answer, problem_of

SAFE = ("GET", "HEAD")
WORDS = {"partial_update": "update", "destroy": "delete", "list": "read", "retrieve": "read"}
METHODS = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}
REFUSALS = (400, 409, 412, 413, 415, 422)
log = logging.getLogger("muster.api")


def handle(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """DRF's exception handler; None lets Django make the 500 of a bug."""
    problem = problem_of(error)
    if problem is None:
        return None
    if problem.code is Code.UNAUTHENTICATED:
        problem.headers.setdefault("WWW-Authenticate", REALM)
    if problem.code is Code.METHOD_NOT_ALLOWED:
        problem.headers.setdefault("Allow", ", ".join(context["view"].allowed_methods))
    try:
        _audit(problem, context["request"], context["view"])
    except DatabaseError as failure:
        log.error("not in the audit trail: %s: %s", problem.sentence, failure)
    return answer(problem)


def _audit(problem: Problem, request: Request, view: Any) -> None:
    status = problem.code.status
    if isinstance(problem, TokenProblem):
        actor, outcome = _bearer(request, problem), "denied"
    elif status == 403:
        actor, outcome = actor_of(request), "denied"
    elif status in REFUSALS and request.method not in SAFE and request.user.is_authenticated:
        actor, outcome = actor_of(request), "refused"
    else:
        return
    word = getattr(view, "verb", "") or getattr(view, "action", None)
    word = word or METHODS.get(str(request.method), "read")
    audit.record(
        actor,
        WORDS.get(word, word),
        kind=str(getattr(view, "kind", "") or "address"),
        object=view.object_of() if hasattr(view, "object_of") else request.path,
        subcluster=str(getattr(view, "place", "")),
        outcome=outcome,
        reason=f"{problem.code.word}: {problem.sentence}",
    )


def _bearer(request: Request, problem: TokenProblem) -> Actor:
    token = problem.token
    name = token.user.get_username() if token else "anonymous"
    return Actor(name, source_of(request), token.name if token else "", "api")
