"""The history of the configuration, and one revision: its message, its files, what they changed."""

from typing import Any

from django.db.models import Count, Q
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from cluster_admin.configs.diffs import Bounds
from cluster_admin.configs.models import Replica, Revision
from cluster_admin.configs.store import repository
from cluster_admin.dashboard import config_history, scope
from cluster_admin.dashboard.config_affected import between
from cluster_admin.dashboard.config_pages import paged, revision_asked
from cluster_admin.dashboard.config_scope import denial
from cluster_admin.dashboard.config_trees import Changed, changes
from cluster_admin.dashboard.views.config_base import ConfigPage, newest_number, sight

FILES = 25
"""Files with their lines on a page."""
SEVERAL = Bounds(files=FILES, file_lines=300, lines=800, characters=100_000)
ALONE = Bounds(files=1, file_lines=3_000, lines=3_000, characters=400_000)


class History(ConfigPage):
    """All revisions, the newest first."""

    template, part = "dashboard/config/live.html", "dashboard/config/parts/history.html"

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """The revisions that the filters ask for."""
        return config_history.stretch(request.user, request.GET) | {"title": "History"}


class RevisionPage(ConfigPage):
    """One revision, compared to the one before or to another."""

    part = "dashboard/config/parts/revision.html"

    def context(self, request: HttpRequest, **named: Any) -> dict[str, Any]:
        """The revision, and a page of the files that differ."""
        number = int(named["number"])
        newest = newest_number()
        row = get_object_or_404(Revision, number=number)
        since = revision_asked(request.GET, newest, "since") if "since" in request.GET else None
        since = number - 1 if since is None else since
        sees = sight(request)
        own = differing(number - 1, number)
        if not any(sees(one.path) for one in own):
            raise Http404  # it is about what the reader may not see
        every = own if since == number - 1 else differing(since, number)
        path = request.GET.get("path", "").strip("/")
        changed = below([one for one in every if sees(one.path)], path)
        pages = paged(changed, request.GET, FILES)
        bounds = ALONE if pages.total == 1 else SEVERAL
        paths = [one.path for one in pages.rows]
        return {
            "title": f"r{number}",
            "number": number,
            "newest_number": newest,
            "since": since,
            "revision": row,
            "pages": pages,
            "changed": pages.rows,
            "files": between(since, number, paths, bounds),
            "links": True,
            "standing": standing(request, number),
            "may_revert": since == number - 1
            and not denial(request.user, (one.path for one in own)),
        }


def differing(old: int, new: int) -> list[Changed]:
    """The files that differ in two revisions."""
    store = repository()
    return changes(store.tree(old), store.tree(new))


def below(found: list[Changed], path: str) -> list[Changed]:
    """Those at or below a path; all of them for an empty one."""
    return [one for one in found if not path or f"{one.path}/".startswith(f"{path}/")]


def standing(request: HttpRequest, number: int) -> dict[str, int]:
    """How many nodes there are that tell, have a revision, and run it: one query."""
    names = list(scope.subclusters(request.user).values_list("name", flat=True))
    rows = Replica.objects.filter(subcluster__in=names, heard_at__isnull=False)
    return rows.aggregate(
        total=Count("pk"),
        have=Count("pk", filter=Q(number__gte=number)),
        live=Count("pk", filter=Q(live=number)),
    )
