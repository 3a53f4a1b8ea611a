"""GET mail/counts/: what happened to mail, in numbers, over time or by whom it concerns."""

import time
from datetime import UTC, datetime
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cluster_admin.accounts.services import readable
from cluster_admin.mail import counted, questions
from cluster_admin.mail.questions import ROWS_MAX, TIME
from cluster_admin.rest.problems import Code, Problem, invalid
from cluster_admin.rest.questions import BadQuestion
from cluster_admin.rest.views import View
from workers.maillog.core.tally import ORDER, By, Numbers
from workers.maillog.reading import CountsError, Row


class NumbersAnswer(serializers.Serializer):
    """What happened, in numbers."""

    delivered = serializers.IntegerField()
    deferred = serializers.IntegerField(help_text="Attempts that failed for now.")
    bounced = serializers.IntegerField(help_text="What was given up.")
    rejected = serializers.IntegerField(help_text="What clients were refused.")
    connected = serializers.IntegerField(help_text="Clients that came in.")
    failed_percent = serializers.FloatField(
        allow_null=True, help_text="Deferred and bounced, of all attempts; null: none was made."
    )


class CountsRow(NumbersAnswer):
    """The numbers of a time or a name."""

    time = serializers.DateTimeField(required=False, help_text="When it begins; by time only.")
    name = serializers.CharField(
        required=False, help_text="(other): what is not among the most frequent names."
    )


class CountsAnswer(serializers.Serializer):
    """Numbers of mail."""

    by = serializers.ChoiceField(choices=questions.BYS)
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    step_seconds = serializers.IntegerField(help_text="Length of each time; 0: by name.")
    counted_at = serializers.DateTimeField(
        allow_null=True, help_text="What was kept by then is counted; null: not all yet."
    )
    total = NumbersAnswer()
    rows = CountsRow(many=True)
    more = serializers.IntegerField(help_text="Names that are left out.")


def _parameter(name: str, text: str, kind: Any = OpenApiTypes.STR) -> OpenApiParameter:
    return OpenApiParameter(name, kind, description=text)


class MailCounts(View):
    """GET numbers of mail in the subclusters that the user may read."""

    kind = "mail"
    within = "subcluster"
    parameters: ClassVar[tuple[str, ...]] = (
        *("by", "since", "until", "subcluster", "node", "limit"),
    )

    @extend_schema(
        responses=CountsAnswer,
        parameters=[
            OpenApiParameter("by", enum=questions.BYS, description="Unset: time."),
            _parameter("since", "ISO 8601, or how long ago: 15m, 2h, 7d. Unset: a day ago."),
            _parameter("until", "The same. Unset: now."),
            _parameter("subcluster", "Only of this subcluster."),
            _parameter("node", "Only of this node; by time and node."),
            _parameter("limit", f"At most so many names: 1 to {ROWS_MAX:,}, 50 unless told.", int),
        ],
    )
    def get(self, request: Request) -> Response:
        """What happened to mail: over time, or by node, domain, client or binding."""
        try:
            by = questions.by_of(request.query_params)
            limit = questions.limit_of(request.query_params)
            asked = questions.question_of(request.query_params, readable(request.user), time.time())
            if asked.node and by not in (TIME, By.NODE.value):
                raise BadQuestion("node", f"goes with by=time and by=node only, not with by={by}")
            with counted.reader() as counts:
                if by == TIME:
                    told = counted.over_time(counts, asked)
                else:
                    told = counted.by_name(counts, By(by), asked)
                counted_at = counts.counted_at()
        except BadQuestion as error:
            raise invalid(**{error.name: error.sentence}) from error
        except CountsError as error:
            raise Problem(Code.UNAVAILABLE, str(error)) from error
        rows = told.rows if by == TIME else told.rows[:limit]
        return Response(
            {
                "by": by,
                "since": _time(asked.since),
                "until": _time(asked.until),
                "step_seconds": told.step,
                "counted_at": _time(counted_at) if counted_at else None,
                "total": _numbers(told.total),
                "rows": [_row(row) for row in rows],
                "more": len(told.rows) - len(rows),
            }
        )


def _row(row: Row) -> dict[str, Any]:
    if isinstance(row.key, int):
        return {"time": _time(row.key), **_numbers(row.numbers)}
    return {"name": row.key, **_numbers(row.numbers)}


def _numbers(numbers: Numbers) -> dict[str, Any]:
    named = {one.value: number for one, number in zip(ORDER, numbers, strict=True)}
    return {**named, "failed_percent": counted.failed_percent(numbers)}


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
