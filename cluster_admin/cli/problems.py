"""What a manager's answer means for the command: which complaint, in which sentence.

The manager's `detail` is shown unchanged; a way out is added where only the client knows one.
Anything that is no answer of a manager counts as unreachable, 5xx of the manager as failed.
"""

import json
from typing import TYPE_CHECKING, Any

from cluster_admin.cli.errors import Complaint, Refused, Unknown, Unreachable, Usage

if TYPE_CHECKING:
    import httpx

WRONG_INPUT = (400, 413, 415)
GATEWAYS = (502, 503, 504)
WAYS = {
    "unauthenticated": "log in with: muster login",
    "token_expired": "log in again with: muster login",
    "stale": "somebody changed it meanwhile: look again, then repeat",
}
KNOWN = ("type", "title", "detail", "code")
NOT_REPLICATED = "not_replicated"
"""It is done, and only the manager is known to have it."""


def complaint(response: "httpx.Response", url: str) -> Complaint:
    """The complaint for an answer that is not 2xx."""
    status = response.status_code
    problem = _problem(response)
    if 300 <= status < 400:
        target = response.headers.get("location", "nowhere")
        return Unreachable(f"{url} redirects to {target}; use that address as the URL")
    if problem is None:
        return _foreign(status, url)
    code = str(problem.get("code", ""))
    text = sentence(problem, status)
    if (
        status == 429
        and "try again" not in text
        and (seconds := response.headers.get("retry-after"))
    ):
        text = f"{text.rstrip('.')}; try again in {seconds} s"
    if code == NOT_REPLICATED:
        return Unknown(text, code, problem)
    if status in WRONG_INPUT:
        return Usage(text, code)
    if 400 <= status < 500 and status not in (405, 406):
        return Refused(text, code)
    return Complaint(text, code)


def sentence(problem: dict[str, Any], status: int) -> str:
    """The problem in words: its detail, the fields that are wrong, the way out."""
    detail = str(problem.get("detail") or problem.get("title") or f"status {status}")
    if reasons := problem.get("problems"):
        return "\n".join([*map(_reason, reasons), *_more(problem.get("more"))])
    wrong = [text for text in _fields(problem.get("errors")) if text not in detail]
    way = WAYS.get(str(problem.get("code", "")), "")
    if way and "muster login" not in detail:
        detail = f"{detail.rstrip('.')}; {way}"
    return "\n".join([detail, *(f"  {text}" for text in wrong)])


def _reason(found: dict[str, Any]) -> str:
    """One of the reasons of a configuration that is not taken, with file, line and node."""
    text, path, line = (str(found.get(name) or "") for name in ("sentence", "path", "line"))
    place = f"{path}:{line}" if line else path
    told = text if not place or text.startswith(place) else f"{place}: {text}"
    return f"{told} (for {found['node']})" if found.get("node") else told


def _more(count: Any) -> list[str]:
    return [f"and {count} more"] if count else []


def _fields(errors: Any, name: str = "") -> list[str]:
    """Each wrong field with its messages, whatever the nesting."""
    if isinstance(errors, dict):
        if "field" in errors or "detail" in errors:
            where = str(errors.get("field") or name)
            return _fields(errors.get("detail") or errors.get("message"), where)
        pairs = [(f"{name}.{key}" if name else str(key), each) for key, each in errors.items()]
        return [text for key, each in pairs for text in _fields(each, key)]
    if isinstance(errors, list):
        return [text for each in errors for text in _fields(each, name)]
    return [f"{name}: {errors}" if name else str(errors)] if errors else []


def _problem(response: "httpx.Response") -> dict[str, Any] | None:
    """The problem document, None when this is no manager's answer."""
    if "json" not in response.headers.get("content-type", ""):
        return None
    try:
        body = json.loads(response.content)
    except ValueError:
        return None
    return body if isinstance(body, dict) and any(key in body for key in KNOWN) else None


def _foreign(status: int, url: str) -> Complaint:
    if status in GATEWAYS:
        return Unreachable(f"the manager behind {url} does not answer (status {status}); start it")
    if status >= 500:
        return Complaint(f"the manager at {url} failed (status {status}); look at its log")
    return Unreachable(f"{url} answers, but not as a manager (status {status}); check the URL")
