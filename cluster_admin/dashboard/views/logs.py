"""The pages of collected logs: live, searched, and a message's way.

A page comes at once; what has to be read for it is a part that the browser then asks for, since
that may take many seconds. What makes no sense is said in that part.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db import connection
from django.http import HttpRequest, HttpResponseBase, QueryDict
from django.urls import reverse
from django.views import View

from cluster_admin.accounts.services import readable
from cluster_admin.dashboard import log_rows, scope
from cluster_admin.dashboard.views.base import Page, answer
from cluster_admin.logs import reader, reading
from cluster_admin.rest.questions import BadQuestion

LIMIT = "200"
"""Lines on a page."""
SPANS = (("15m", "15 minutes"), ("1h", "hour"), ("24h", "day"), ("7d", "week"), ("30d", "30 days"))
ASKED = ("grep", "key", "since", "until", *reading.NAMES)
Query = Mapping[str, str]


class LogPage(Page):
    """A form, whose answer is a part of its own."""

    part, place = "dashboard/logs/page.html", "logs"
    tab: ClassVar[str]
    usual: ClassVar[dict[str, str]] = {}
    """What is asked for when the URL does not say."""

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """What was asked."""
        return {
            "tab": self.tab,
            "asked": asked(request, self.usual),
            "subclusters": list(scope.subclusters(request.user)),
            "spans": SPANS,
        }


class LogTail(LogPage):
    """Lines as they come."""

    template, tab = "dashboard/logs/tail.html", "tail"

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """With the address of the stream."""
        found = super().context(request, **named)
        return found | {"stream": reverse("api:log-tail")}


class LogSearch(LogPage):
    """Lines that match, with a histogram."""

    template, tab = "dashboard/logs/search.html", "search"
    usual: ClassVar[dict[str, str]] = {"since": "1h"}


class LogTrace(LogPage):
    """All lines about a message."""

    template, tab = "dashboard/logs/trace.html", "trace"


class LogPart(LoginRequiredMixin, View):
    """What was read."""

    template: ClassVar[str]

    def get(self, request: HttpRequest) -> HttpResponseBase:
        """The part, or why there is none."""
        query = asked(request)
        try:
            context = self.context(query, request)
        except (BadQuestion, reader.ReadingError) as error:
            return answer(request, "dashboard/logs/parts/refused.html", {"sentence": str(error)})
        return answer(request, self.template, context | {"asked": query})

    def context(self, query: QueryDict, request: HttpRequest) -> dict[str, Any]:
        """What the template shows; raises `BadQuestion` and `ReadingError`."""
        return {}


class FoundLines(LogPart):
    """The lines of a search."""

    template = "dashboard/logs/parts/lines.html"

    def context(self, query: QueryDict, request: HttpRequest) -> dict[str, Any]:
        """Rows, and from where on there are more."""
        question = {name: str(query[name]) for name in query} | {"limit": LIMIT}
        search, told = _read(request, reading.search_of, question)
        later = log_rows.later(told.lines, search.since) if told.done.more else ""
        rows = [log_rows.row_of(one) for one in told.lines]
        return {"rows": rows, "done": told.done, "later": later}


class Counted(LogPart):
    """The histogram of a search."""

    template = "dashboard/logs/parts/histogram.html"

    def context(self, query: QueryDict, request: HttpRequest) -> dict[str, Any]:
        """Bars."""
        question, told = _read(request, reading.histogram_of, query)
        chart = log_rows.chart_of(told.counts, question.since, question.until)
        return {"chart": chart, "done": told.done, "page": reverse("dashboard:log-search")}


class TracedLines(LogPart):
    """The way of a message."""

    template = "dashboard/logs/parts/trace.html"

    def context(self, query: QueryDict, request: HttpRequest) -> dict[str, Any]:
        """Lanes and rows."""
        _, told = _read(request, reading.trace_of, query)
        rows = log_rows.traced(told.lines)
        return {"rows": rows, "way": log_rows.way_of(rows), "done": told.done}


def asked(request: HttpRequest, usual: Mapping[str, str] | None = None) -> QueryDict:
    """What a URL asks for, without what is empty; `usual`: what it need not say."""
    found = QueryDict(mutable=True)
    for name in ASKED:
        if value := request.GET.get(name, "").strip() or (usual or {}).get(name, ""):
            found[name] = value
    return found


def _read(
    request: HttpRequest,
    make: Callable[[Query, reading.Readable, float], Any],
    query: Query,
) -> tuple[Any, reader.Told]:
    """The question and its answer."""
    question = make(query, readable(request.user), time.time())
    if not connection.in_atomic_block:
        connection.close()  # reading takes its time, and has no use for it
    return question, reader.ask(question)
