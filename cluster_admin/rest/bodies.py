"""JSON as the API reads it: strict, bounded, and only text that every database can keep.

Refused with the place: NaN, nesting without end, numbers beyond 64 bits, NUL and other control
characters, and halves of surrogate pairs (which no encoding of text can carry).
"""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer, JSONRenderer

from cluster_admin.rest.problems import Code, Problem, invalid

DEPTH_MAX = 20
INTEGER_MAX = 2**63 - 1
COMMITS = "/api/v1/config/"
COMMITS_WAY = (
    "commit fewer files at once; a single file that is too large goes in on the manager's host "
    "with manage.py bootstrap --configuration, or stays outside"
)
LINE_ENDS = frozenset("\t\n\r")


class Parser(BaseParser):
    """The parser of every resource that takes JSON."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The value; raises `Problem`."""
        try:
            value = json.loads(
                read_text(stream, _path(parser_context)), parse_constant=_refuse_constant
            )
        except RecursionError:
            raise Problem(Code.INVALID, "the body is nested too deeply") from None
        except ValueError as error:
            raise Problem(Code.INVALID, f"the body is no JSON: {error}") from None
        check_value(value)
        return value


class TextParser(BaseParser):
    """A file as it is, for the resources that take one."""

    media_type = "text/plain"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The text; raises `Problem`."""
        return read_text(stream, _path(parser_context))


class Renderer(JSONRenderer):
    """Plain JSON, without Accept's parameters for indentation."""

    charset = None

    def get_indent(self, accepted_media_type: str, renderer_context: Mapping[str, Any]) -> None:
        """Compact, always."""


class TextRenderer(BaseRenderer):
    """A file as it is."""

    media_type = "text/plain"
    format = "txt"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Encode."""
        return str(data or "").encode()


def limit_of(path: str) -> int:
    """The most bytes that a request to an address may have."""
    most = settings.COMMIT_MAX_BYTES if path.startswith(COMMITS) else settings.BODY_MAX_BYTES
    return int(most)


def read_text(stream: IO[Any], path: str) -> str:
    """The body as text, never more than the address may get; raises `Problem`."""
    limit = limit_of(path)
    data: bytes = stream.read(limit + 1)
    if len(data) > limit:
        raise too_large(path)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Problem(Code.INVALID, f"the body is no UTF-8 text: {error.reason}") from None


def too_large(path: str) -> Problem:
    """The problem of a body beyond the limit, with the way out."""
    mebibytes = limit_of(path) // 2**20
    way = COMMITS_WAY if path.startswith(COMMITS) else "send less at once"
    return Problem(Code.TOO_LARGE, f"the body has more than {mebibytes} MiB; {way}")


def _path(context: Mapping[str, Any] | None) -> str:
    """The address that a parser reads for."""
    return str(context["request"].path) if context and "request" in context else ""


def check_value(value: Any, name: str = "", depth: int = 0) -> None:
    """Raise `Problem` for what no row can hold."""
    if depth > DEPTH_MAX:
        raise Problem(Code.INVALID, f"the body is nested more than {DEPTH_MAX} deep")
    if isinstance(value, str):
        check_text(value, name or "body")
    elif isinstance(value, int):
        if abs(value) > INTEGER_MAX:
            raise invalid(**{name or "body": "a number beyond 64 bits"})
    elif isinstance(value, list):
        for one in value:
            check_value(one, name, depth + 1)
    elif isinstance(value, dict):
        for key, one in value.items():
            check_text(key, name or "body")
            check_value(one, name or key, depth + 1)


def check_text(text: str, name: str) -> None:
    """Raise `Problem` for NUL, other control characters (but line ends), lone surrogates."""
    if text.isprintable():
        return
    for one in text:
        if not one.isprintable() and (ord(one) < 32 or 0x7F <= ord(one) < 0xA0 or _half(one)):
            if one in LINE_ENDS:
                continue
            raise invalid(**{name: f"has the control character U+{ord(one):04X}; leave it out"})


def _half(one: str) -> bool:
    return 0xD800 <= ord(one) <= 0xDFFF


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number of JSON")
