"""The files of a revision: directories to browse, one file with its history and as nodes get it."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.services import allowed_anywhere
from cluster_admin.configs.store import repository
from cluster_admin.dashboard import config_history, scope
from cluster_admin.dashboard.config_pages import paged, revision_asked
from cluster_admin.dashboard.config_rendered import as_node_gets, layer_of, purpose
from cluster_admin.dashboard.config_scope import may_commit
from cluster_admin.dashboard.config_texts import show
from cluster_admin.dashboard.config_trees import Row, crumbs, rows_of
from cluster_admin.dashboard.tables import word
from cluster_admin.dashboard.views.config_base import (
    ConfigPage,
    newest_number,
    plain_path,
    sight,
)
from workers.repository.errors import UnknownPathError

ROWS = 250
HISTORY = 10
NODES_MAX = 500
"""Nodes that are offered to render for."""


class TreePage(ConfigPage):
    """A directory of a revision."""

    part = "dashboard/config/parts/tree.html"

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """What stands in it, or below it with a text in its path."""
        under = plain_path(named.get("path", ""), request)
        newest = newest_number()
        number = revision_asked(request.GET, newest)
        listing, sees = repository().tree(number), sight(request)
        text = word(request.GET, "q")
        if text:
            prefix = f"{under}/" if under else ""
            rows = [
                Row(path[len(prefix) :], path, False, file.size, 1, file.executable)
                for path, file in listing.items()
                if path.startswith(prefix) and text in path[len(prefix) :] and sees(path)
            ]
        else:
            rows = rows_of(listing, under, sees)
        if under and not rows and not text:
            raise UnknownPathError(f"{under}: no such directory in r{number}")
        pages = paged(rows, request.GET, ROWS)
        return {
            "title": under or "Files",
            "under": under,
            "rows": pages.rows,
            "pages": pages,
            "crumbs": crumbs(under),
            "may_add": may_add(request.user, under),
        } | moment(number, newest)


class FilePage(ConfigPage):
    """A file of a revision; `?raw=1`: its bytes."""

    template, part = "dashboard/config/file.html", "dashboard/config/parts/file.html"

    def get(self, request: HttpRequest, **named: str) -> HttpResponseBase:
        """The page, or the file itself."""
        if request.GET.get("raw") != "1":
            return super().get(request, **named)
        path = plain_path(named["path"], request)
        number = revision_asked(request.GET, newest_number())
        content = repository().read(number, path)
        last = path.rpartition("/")[2]
        name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in last)
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        return HttpResponse(content, content_type="application/octet-stream", headers=headers)

    def context(self, request: HttpRequest, **named: str) -> dict[str, Any]:
        """Its content, its history, and as a node gets it if one is named."""
        path = plain_path(named["path"], request)
        newest = newest_number()
        number = revision_asked(request.GET, newest)
        store = repository()
        file = store.tree(number).get(path)
        if file is None:
            raise UnknownPathError(f"{path}: no such file in r{number}")
        nodes = getting(request, path)
        node = word(request.GET, "node")
        node = node if node in nodes else ""
        rendered = as_node_gets(node, number, path, sight(request)) if node else None
        content = store.content(file.blob) if rendered is None else rendered.content
        return {
            "title": path,
            "path": path,
            "crumbs": crumbs(path),
            "size": file.size,
            "executable": file.executable,
            "purpose": purpose(path),
            "history": config_history.of_file(request.user, path, number, HISTORY),
            "nodes": nodes,
            "node": node,
            "rendered": rendered,
            "shown": None if content is None else show(content),
            "may_commit": may_commit(request.user, path),
        } | moment(number, newest)


def may_add(user: Any, under: str) -> bool:
    """Whether a user may make a file below a directory, or somewhere below the top."""
    if not under:
        return allowed_anywhere(user, Role.OPERATOR)
    return may_commit(user, f"{under}/-/-")


def getting(request: HttpRequest, path: str) -> list[str]:
    """The nodes that can get a file, of those that the reader may see."""
    subcluster, node, spelled = layer_of(path)
    if not spelled:
        return []
    rows = scope.nodes(request.user)
    if subcluster:
        rows = rows.filter(subcluster__name=subcluster)
    if node:
        rows = rows.filter(name=node)
    return list(rows.order_by("name").values_list("name", flat=True)[:NODES_MAX])


def moment(number: int, newest: int) -> dict[str, Any]:
    """Which revision is shown; `at` goes on to the same one."""
    at = "" if number == newest else f"?revision={number}"
    return {"number": number, "newest_number": newest, "at": at}
