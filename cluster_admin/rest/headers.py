"""What requests say beside the body: If-Match, ?dry_run=1, ?force=1, X-Muster-Reason.

An ETag names the state of what an object defines (not of its live status, nor of ages): whoever
changes it as they saw it sends the ETag back in If-Match, and loses nobody else's change.
"""

import json
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

from django.core.serializers.json import DjangoJSONEncoder
from rest_framework.request import Request

from cluster_admin.rest.bodies import check_text
from cluster_admin.rest.problems import Code, Problem, invalid

REASON_LENGTH = 500
REVISION = "X-Muster-Revision"
REASON = "X-Muster-Reason"


def etag_of(state: Any) -> str:
    """A strong ETag, quotes included, of a JSON value."""
    text = json.dumps(state, cls=DjangoJSONEncoder, sort_keys=True, separators=(",", ":"))
    return f'"{sha256(text.encode(errors="replace")).hexdigest()[:32]}"'


def check_match(request: Request, etag: str) -> None:
    """Raise the problem `stale` unless If-Match is absent, `*`, or has this ETag."""
    wanted = request.headers.get("If-Match")
    if wanted is None or wanted.strip() == "*":
        return
    if etag not in (one.strip() for one in wanted.split(",")):
        raise Problem(
            Code.STALE,
            "it is no longer as you saw it (If-Match names another state); "
            "look again, then repeat the change",
            headers={"ETag": etag},
        )


def is_dry_run(request: Request) -> bool:
    """Whether the change is only to be tried."""
    return _flag(request, "dry_run")


def is_forced(request: Request) -> bool:
    """Whether the change is to be made although something speaks against it."""
    return _flag(request, "force")


def _flag(request: Request, name: str) -> bool:
    value = request.query_params.get(name, "0")
    if value not in ("0", "1"):
        raise invalid(**{name: f"is {value[:40]!r}; write 1 or 0"})
    return value == "1"


def reason_of(request: Request) -> str:
    """Why the change is made, for the audit trail: percent-encoded UTF-8 in a header."""
    try:
        text = unquote(request.headers.get(REASON, ""), errors="strict").strip()
    except UnicodeDecodeError:
        raise invalid(**{REASON: "is no percent-encoded UTF-8 text"}) from None
    check_text(text, REASON)
    if len(text) > REASON_LENGTH:
        raise invalid(**{REASON: f"has {len(text)} characters; write {REASON_LENGTH} at most"})
    return " ".join(text.split())
