"""Errors as the API tells them: `application/problem+json` with a code that programs can rely on.

`problem_of` turns whatever a view raises into one `Problem`, or None for a bug, which is a 500.
Details name the thing, the value and the way out; what others wrote is echoed cut short only.
"""

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from django.core import exceptions as django
from django.db import DataError, IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpResponse
from rest_framework import exceptions as rest
from rest_framework.exceptions import APIException

MEDIA_TYPE = "application/problem+json"
DETAIL_LENGTH = 1000
MESSAGE_LENGTH = 300
FIELDS_MAX = 50
Errors = dict[str, list[str]]


class Code(Enum):
    """Why a request was not done: code, HTTP status, title."""

    INVALID = ("invalid", 400, "The request is not valid")
    UNAUTHENTICATED = ("unauthenticated", 401, "Nobody is logged in")
    TOKEN_EXPIRED = ("token_expired", 401, "The token has expired")
    FORBIDDEN = ("forbidden", 403, "Not allowed")
    READ_ONLY_TOKEN = ("read_only_token", 403, "The token only reads")
    SCOPE_MISSING = ("scope_missing", 403, "The token lacks a scope")
    NOT_FOUND = ("not_found", 404, "Not found")
    METHOD_NOT_ALLOWED = ("method_not_allowed", 405, "Method not allowed")
    NOT_ACCEPTABLE = ("not_acceptable", 406, "No such representation")
    REFUSED = ("refused", 409, "The change is refused")
    CONFLICT = ("conflict", 409, "Others changed the same lines")
    STALE = ("stale", 412, "It was changed meanwhile")
    TOO_LARGE = ("too_large", 413, "The request is too large")
    UNSUPPORTED_MEDIA_TYPE = ("unsupported_media_type", 415, "The body is of another type")
    UNFIT = ("refused", 422, "What it would lead to is refused")
    THROTTLED = ("throttled", 429, "Too many attempts")
    FAILED = ("failed", 500, "The manager failed")
    UNAVAILABLE = ("unavailable", 503, "Not available now")
    NOT_REPLICATED = ("not_replicated", 504, "It stands, and no node is known to have it yet")

    def __init__(self, word: str, status: int, title: str) -> None:
        self.word = word
        self.status = status
        self.title = title


class Problem(APIException):
    """A request that was not done, and why."""

    def __init__(
        self,
        code: Code,
        detail: str,
        errors: Mapping[str, Iterable[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        """`members`: what else the document tells; whoever gives them bounds them."""
        super().__init__(cut(detail, DETAIL_LENGTH))
        self.code = code
        self.sentence = cut(detail, DETAIL_LENGTH)
        self.errors: Errors = {
            cut(str(name), 100): [cut(str(one), MESSAGE_LENGTH) for one in found]
            for name, found in list((errors or {}).items())[:FIELDS_MAX]
        }
        self.headers = dict(headers or {})
        self.members = dict(members or {})
        self.status_code = code.status

    @property
    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        found: dict[str, Any] = {
            "type": f"urn:muster:problem:{self.code.word}",
            "title": self.code.title,
            "status": self.code.status,
            "detail": self.sentence,
            "code": self.code.word,
        }
        found |= {"errors": self.errors} if self.errors else {}
        return self.members | found


def invalid(**errors: str) -> Problem:
    """The problem of fields (or parameters) that are wrong, one sentence each."""
    return _invalid({name: [sentence] for name, sentence in errors.items()})


def answer(problem: Problem) -> HttpResponse:
    """The response that tells a problem, whatever the client wanted to accept."""
    body = json.dumps(problem.document, ensure_ascii=False)
    return HttpResponse(
        body.encode(errors="replace"),
        status=problem.code.status,
        content_type=MEDIA_TYPE,
        headers=problem.headers,
    )


def problem_of(error: Exception) -> Problem | None:
    """The problem that an exception of a view means; None when it is a bug."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, rest.ValidationError):
        return _invalid(_flat(error.detail))
    if isinstance(error, django.ValidationError):
        return _invalid(_of_model(error))
    if isinstance(error, APIException):
        return _of_rest(error)
    for kind, code, sentence in _KINDS:
        if isinstance(error, kind):
            return Problem(code, sentence)
    return None


_KINDS: tuple[tuple[type[Exception], Code, str], ...] = (
    (Http404, Code.NOT_FOUND, "there is nothing at this address"),
    (django.ObjectDoesNotExist, Code.NOT_FOUND, "it was removed meanwhile"),
    (django.PermissionDenied, Code.FORBIDDEN, "you may not do this"),
    (
        IntegrityError,
        Code.REFUSED,
        "somebody changed the same at the same time; look again, then repeat",
    ),
    (DataError, Code.INVALID, "a value is none that the database can keep or look for"),
    (OperationalError, Code.UNAVAILABLE, "the database does not answer; try again"),
    (InterfaceError, Code.UNAVAILABLE, "the database does not answer; try again"),
    (django.RequestDataTooBig, Code.TOO_LARGE, "the request is too large"),
    (django.SuspiciousOperation, Code.INVALID, "the request is malformed"),
)
_REST: dict[type[APIException], Code] = {
    rest.ParseError: Code.INVALID,
    rest.NotAuthenticated: Code.UNAUTHENTICATED,
    rest.AuthenticationFailed: Code.UNAUTHENTICATED,
    rest.PermissionDenied: Code.FORBIDDEN,
    rest.NotFound: Code.NOT_FOUND,
    rest.MethodNotAllowed: Code.METHOD_NOT_ALLOWED,
    rest.NotAcceptable: Code.NOT_ACCEPTABLE,
    rest.UnsupportedMediaType: Code.UNSUPPORTED_MEDIA_TYPE,
    rest.Throttled: Code.THROTTLED,
}


def _of_rest(error: APIException) -> Problem | None:
    code = _REST.get(type(error))
    if code is None:
        return None
    sentence = str(error.detail)
    if code is Code.UNAUTHENTICATED:
        sentence = "log in first: send the header Authorization: Bearer TOKEN"
    return Problem(code, sentence)


def _invalid(errors: Mapping[str, Iterable[str]]) -> Problem:
    told = [
        f"{name}: {one}" if name else one
        for name, found in errors.items()
        for one in (cut(str(each), MESSAGE_LENGTH) for each in found)
    ]
    sentence = "; ".join(told[:5]) or "the request is not valid"
    fields = {name: found for name, found in errors.items() if name}
    return Problem(Code.INVALID, sentence, fields)


def _flat(detail: Any, name: str = "") -> Errors:
    """Errors of nested fields under dotted names."""
    if isinstance(detail, Mapping):
        found: Errors = {}
        for key, one in detail.items():
            key = "" if key == "non_field_errors" else str(key)
            found |= _flat(one, f"{name}.{key}".strip("."))
        return found
    if isinstance(detail, list) and any(isinstance(one, Mapping | list) for one in detail):
        return _flat({str(place): one for place, one in enumerate(detail)}, name)
    sentences = detail if isinstance(detail, list) else [detail]
    return {name: [str(one) for one in sentences]}


def _of_model(error: django.ValidationError) -> Errors:
    if not hasattr(error, "error_dict"):
        return {"": list(error.messages)}
    return {
        "" if name == django.NON_FIELD_ERRORS else name: list(found)
        for name, found in error.message_dict.items()
    }


def cut(text: str, length: int) -> str:
    """Text of bounded length that says when it was longer."""
    return text if len(text) <= length else f"{text[: length - 3]}..."
