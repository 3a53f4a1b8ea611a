"""What all pages share: who reads, how fresh it is, and answering with the live part alone.

A page's live part is a template of its own; the browser asks for it with `X-Muster-Part` when the
feed says that something changed, and puts it in place of the old one.
"""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views import View

from cluster_admin.accounts.services import grants_of
from cluster_admin.configs.proposal_reading import waiting_for
from cluster_admin.dashboard import event_rows, scope
from cluster_admin.events.freshness import freshness

PART_HEADER = "X-Muster-Part"


class Page(LoginRequiredMixin, View):
    """A page behind the login: `template` holds the whole, `part` what changes by itself."""

    template: ClassVar[str]
    part: ClassVar[str]
    place: ClassVar[str] = ""
    """Which entry of the navigation is this one's."""

    def get(self, request: HttpRequest, **named: str) -> HttpResponseBase:
        """The page, or its live part."""
        context = common(request) | {"place": self.place, "part": self.part}
        context |= self.context(request, **named)
        template = self.part if PART_HEADER in request.headers else self.template
        return answer(request, template, context)

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """What this page adds."""
        return {}


def common(request: HttpRequest) -> dict[str, Any]:
    """Three queries at most; one more for approvers, two if something waits for them."""
    newest = scope.events(request.user).order_by("-id").first()
    return {
        "cluster": settings.MUSTER_CLUSTER,
        "fresh": freshness(),
        "newest_id": newest.pk if newest else 0,
        "newest": event_rows.sentence(newest) if newest else "",
        "now": timezone.now(),
        "awaiting": len(waiting_for(request.user)),
        "powerless": not grants_of(request.user),
    }


def answer(
    request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """Render, never to be kept by anybody."""
    response = render(request, template, context, status=status)
    response["Cache-Control"] = "no-store"
    patch_vary_headers(response, [PART_HEADER])
    return response
