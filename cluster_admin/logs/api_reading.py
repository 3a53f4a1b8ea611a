"""Collected logs in the API: search, histogram and trace, and the tail as a stream."""

import json
import time
from collections.abc import AsyncGenerator, Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.db import connection
from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.accounts.services import readable
from cluster_admin.logs import reader, reading
from cluster_admin.logs.reading import Readable
from cluster_admin.rest.problems import Code, Problem, invalid
from cluster_admin.rest.questions import BadQuestion, Query
from cluster_admin.rest.views import View
from workers.logs.core.questions import (
    Alive,
    Answer,
    Done,
    Found,
    Refused,
    Skipped,
    Tail,
)

LONGEST_SECONDS = 600.0
"""Then a stream ends, and whoever comes back for more is asked again what they may read."""
RETRY_MS = 2_000


class LineSerializer(serializers.Serializer):
    """A line of a log."""

    time = serializers.DateTimeField(allow_null=True, help_text="Null: it says none.")
    subcluster = serializers.CharField()
    node = serializers.CharField()
    text = serializers.CharField(help_text="What is no UTF-8 in it is U+FFFD.")
    cut = serializers.BooleanField(help_text="Whether it had more than 65,536 characters.")
    path = serializers.CharField(help_text="The collector's file.")
    offset = serializers.IntegerField(help_text="Where it begins in that file, in bytes.")

    def get_fields(self) -> dict[str, Any]:
        """A field that is called `source` would hide what serializers call so."""
        return {**super().get_fields(), "source": serializers.CharField(help_text="The log.")}


class LinesAnswer(serializers.Serializer):
    """Lines in the order of time."""

    lines = LineSerializer(many=True)
    more = serializers.BooleanField(help_text="Whether there is, or may be, more.")
    note = serializers.CharField(help_text="Why, and what to do; empty: nothing is to be said.")
    files = serializers.IntegerField(help_text="How many were looked at.")


class HistogramAnswer(serializers.Serializer):
    """Lines in spans of equal length."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    counts = serializers.ListField(child=serializers.IntegerField(), help_text="Earliest first.")
    more = serializers.BooleanField(help_text="Whether not all was counted.")
    note = serializers.CharField(help_text="Why, and what to do; empty: nothing is to be said.")
    files = serializers.IntegerField(help_text="How many were looked at.")


def _parameter(name: str, text: str, kind: Any = OpenApiTypes.STR) -> OpenApiParameter:
    return OpenApiParameter(name, kind, description=text)


WHOSE = (
    _parameter("subcluster", "Only of this subcluster."),
    _parameter("node", "Only of this node."),
    _parameter("source", "Only of the log of this name."),
)
GREP = _parameter("grep", "A regular expression (Python's), sought in one line at a time.")
WHEN = (
    _parameter(
        "since", "Not before: ISO 8601, or how long ago: 15m, 2h, 7d. Unset: a day before `until`."
    ),
    _parameter("until", "Before: the same. Unset: now."),
)
LINES: dict[int, Any] = {200: LinesAnswer, 429: None}
LIMIT = _parameter("limit", "At most so many lines: 1 to 10,000, 500 unless told.", int)


class Reading(View):
    """GET what collected logs say; lines of what the user may read."""

    kind = "log"
    within = "subcluster"

    def told(self, request: Request, make: Callable[[Query, Readable, float], Any]) -> Any:
        """The question, and what is answered."""
        try:
            question = make(request.query_params, readable(request.user), time.time())
            if not connection.in_atomic_block:
                connection.close()  # reading takes its time, and has no use for it
            return question, reader.ask(question)
        except BadQuestion as error:
            raise invalid(**{error.name: error.sentence}) from error
        except reader.BusyError as error:
            raise Problem(Code.THROTTLED, str(error)) from error
        except reader.ReadingError as error:
            raise Problem(Code.UNAVAILABLE, str(error)) from error


class Lines(Reading):
    """Search."""

    parameters: ClassVar[tuple[str, ...]] = (*reading.NAMES, "grep", "since", "until", "limit")

    @extend_schema(responses=LINES, parameters=[*WHOSE, GREP, *WHEN, LIMIT])
    def get(self, request: Request) -> Response:
        """The first lines of a range of time in which an expression matches."""
        _, told = self.told(request, reading.search_of)
        return Response(_lines(told))


class Counts(Reading):
    """Histogram."""

    parameters: ClassVar[tuple[str, ...]] = (*reading.NAMES, "grep", "since", "until", "bars")

    @extend_schema(
        responses={200: HistogramAnswer, 429: None},
        parameters=[
            *(*WHOSE, GREP, *WHEN),
            _parameter("bars", "Into so many spans: 1 to 500, 60 unless told.", int),
        ],
    )
    def get(self, request: Request) -> Response:
        """How many lines match in each of many spans of time."""
        question, told = self.told(request, reading.histogram_of)
        times = {"since": _time(question.since), "until": _time(question.until)}
        return Response({**times, "counts": list(told.counts), **_end(told.done)})


class Traces(Reading):
    """Trace."""

    parameters: ClassVar[tuple[str, ...]] = (*reading.NAMES, "key", "since", "until", "limit")

    @extend_schema(
        responses=LINES,
        parameters=[
            OpenApiParameter(
                "key", required=True, description="A queue id, a message id or a mail address."
            ),
            *WHOSE,
            _parameter("since", "As of a search. Unset: a week before `until`."),
            WHEN[1],
            LIMIT,
        ],
    )
    def get(self, request: Request) -> Response:
        """All lines of all nodes about one message, from node to node."""
        _, told = self.told(request, reading.trace_of)
        return Response(_lines(told))


class TailRenderer(BaseRenderer):
    """Only lets clients ask for it; the response streams."""

    media_type = "text/event-stream"
    format = "sse"
    charset = "utf-8"

    def render(self, data: Any, *_: Any, **__: Any) -> bytes:
        """Never asked."""
        return b""


class Tails(View):
    """GET lines as they come."""

    kind = "log"
    within = "subcluster"
    parameters: ClassVar[tuple[str, ...]] = (*reading.NAMES, "grep", "lines", "follow")
    renderer_classes = (TailRenderer,)

    @extend_schema(
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
        parameters=[
            *(*WHOSE, GREP),
            _parameter("lines", "The newest first: 0 to 1,000, 100 unless told.", int),
            OpenApiParameter(
                "follow", enum=("0", "1"), description="0: those alone; then it ends."
            ),
        ],
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Server-sent events: `line`, `skipped`, `heartbeat` every 2 s, `full`, `done`."""
        try:
            question = reading.tail_of(request.query_params, readable(request.user))
        except BadQuestion as error:
            raise invalid(**{error.name: error.sentence}) from error
        if not connection.in_atomic_block:
            connection.close()
        response = StreamingHttpResponse(frames(question), content_type="text/event-stream")
        response["Cache-Control"] = "no-store"
        response["X-Accel-Buffering"] = "no"
        return response


async def frames(question: Tail) -> AsyncGenerator[str]:
    """What goes over the wire; ends after `LONGEST_SECONDS`, so that rights are asked for again."""
    yield f"retry: {RETRY_MS}\n\n"
    ends = time.monotonic() + LONGEST_SECONDS
    try:
        async with reader.Following(question) as following:
            while (answers := await following.next()) is not None:
                if answers:
                    yield "".join(map(_frame, answers))
                if time.monotonic() > ends:
                    return
    except reader.ReadingError as error:
        yield _event("full", {"detail": str(error)})


def _frame(answer: Answer) -> str:
    match answer:
        case Found():
            return _event("line", line(answer))
        case Skipped():
            said = {"node": answer.node, "source": answer.source, "bytes": answer.bytes}
            return _event("skipped", said)
        case Alive():
            return _event("heartbeat", {"now": _time(time.time())})
        case Done():
            return _event("done", {"files": answer.files})
        case Refused():
            return _event("full", {"detail": answer.sentence})
    return ""


def _event(name: str, data: dict[str, Any]) -> str:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\ndata: {text}\n\n"


def line(found: Found) -> dict[str, Any]:
    """A line as JSON has it."""
    return {
        "time": None if found.moment is None else _time(found.moment),
        "subcluster": found.subcluster,
        "node": found.node,
        "source": found.source,
        "text": found.text,
        "cut": found.cut,
        "path": found.path,
        "offset": found.offset,
    }


def _lines(told: reader.Told) -> dict[str, Any]:
    return {"lines": [line(one) for one in told.lines], **_end(told.done)}


def _end(done: Done) -> dict[str, Any]:
    return {"more": done.more, "note": done.note, "files": done.files}


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
