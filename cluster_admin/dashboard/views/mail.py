"""The page of what happened to mail: over time, and by node, domain, client and binding."""

import time
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest

from cluster_admin.accounts.services import readable
from cluster_admin.dashboard import scope
from cluster_admin.dashboard.mail_charts import COMING, GOING, chart, lines
from cluster_admin.dashboard.views.base import Page
from cluster_admin.mail import counted, questions
from cluster_admin.mail.counted import Question
from cluster_admin.rest.questions import BadQuestion
from workers.maillog.core.tally import By
from workers.maillog.reading import CountsError

SPANS = ("1h", "6h", "24h", "7d", "30d")
STALE_SECONDS = 120.0
TABLES = (
    ("Nodes", By.NODE, GOING, "node"),
    ("Domains that mail went to", By.DOMAIN, GOING, "domain"),
    ("Clients that mail came from", By.CLIENT, COMING, "client"),
    ("Services of the mail servers", By.BINDING, GOING, "service"),
)


class Mail(Page):
    """Charts and tables; what is asked is in the URL."""

    template, part, place = "dashboard/mail.html", "dashboard/parts/mail.html", "mail"

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """What the numbers say, or why they do not."""
        query = {
            name: request.GET.get(name, "") for name in ("since", "until", "subcluster", "node")
        }
        query["since"] = query["since"] or "24h"
        found: dict[str, Any] = {
            "asked": query,
            "spans": SPANS,
            "subclusters": list(scope.subclusters(request.user)),
        }
        try:
            return found | _told(questions.question_of(query, readable(request.user), time.time()))
        except (BadQuestion, CountsError) as error:
            return found | {"trouble": str(error)}


def _told(asked: Question) -> dict[str, Any]:
    with counted.reader() as counts:
        over = counted.over_time(counts, asked)
        tables = [
            {"title": title, "head": head, "shown": shown, "rows": lines(told.rows, shown)}
            for title, by, shown, head in TABLES
            if by is By.NODE or not asked.node
            for told in (counted.by_name(counts, by, asked),)
        ]
        at = counts.counted_at()
    times = (asked.since, asked.until, over.step)
    return {
        "charts": [
            chart("Attempts to deliver", over.rows, GOING, *times),
            chart("Clients that came in", over.rows, COMING, *times),
        ],
        "tables": tables,
        "failed_percent": counted.failed_percent(over.total),
        "counted_at": datetime.fromtimestamp(at, UTC) if at else None,
        "old": asked.now - at > STALE_SECONDS,
    }
