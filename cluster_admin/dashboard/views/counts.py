"""What pages of limits and shared tables have in common: the listener is asked, or says why not."""

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.http import HttpRequest

from cluster_admin.accounts.services import readable
from cluster_admin.dashboard import scope
from cluster_admin.dashboard.views.base import Page
from cluster_admin.replication.source import Readable, SourceError
from cluster_admin.rest.questions import BadQuestion, Query

Ask = Callable[[Query, Readable], dict[str, Any]]
SPANS = (("900", "15 min"), ("3600", "1 h"), ("21600", "6 h"), ("86400", "24 h"))


class CountPage(Page):
    """A page whose numbers are live."""

    place = "limits"
    tab: ClassVar[str]
    names: ClassVar[tuple[str, ...]] = ("subcluster",)
    """What the URL may ask with."""
    usual: ClassVar[dict[str, str]] = {}

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """What was asked, and what is told; or why there is nothing."""
        asked = self.usual | {
            name: text for name in self.names if (text := request.GET.get(name, "").strip())
        }
        found: dict[str, Any] = {
            "tab": self.tab,
            "asked": asked | named,
            "subclusters": list(scope.subclusters(request.user)),
        }
        may = readable(request.user)
        try:
            return found | self.told(asked | named, lambda ask, query: ask(query, may), time.time())
        except (BadQuestion, SourceError) as error:
            return found | {"trouble": str(error)}

    def told(
        self,
        asked: Mapping[str, str],
        ask: Callable[[Ask, Mapping[str, str]], dict[str, Any]],
        now: float,
    ) -> dict[str, Any]:
        """What this page adds; raises `BadQuestion` and `SourceError`."""
        return {}


def only(asked: Mapping[str, str], *names: str) -> dict[str, str]:
    """These of what was asked."""
    return {name: asked[name] for name in names if name in asked}
