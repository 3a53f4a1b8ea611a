"""/healthz: this process answers. /readyz: so does the database, with tables of this version.

Both need no login and tell nothing that helps an attacker. A listener that hears nothing is told
in the body but makes nobody unready: pages that are stale, and say so, are better than none. So is
a configuration repository that cannot be read: then nothing that it keeps can be changed.
"""

import logging
from typing import Any

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from cluster_admin.configs import store
from cluster_admin.configs.models import Revision
from cluster_admin.events.freshness import freshness
from workers.repository.errors import RepositoryError

log = logging.getLogger("muster.api")


class _Migrations:
    """Looked up until they are all applied; nothing takes them back while this process runs."""

    applied = False

    @classmethod
    def are_applied(cls) -> bool:
        if not cls.applied:
            executor = MigrationExecutor(connection)
            cls.applied = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        return cls.applied


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when requests can be served, 503 with the reason when not."""
    found: dict[str, Any] = {"status": "ok", "database": connection.vendor, "migrations": "applied"}
    try:
        if not _Migrations.are_applied():
            found |= {"status": "unavailable", "migrations": "not applied: run manage.py migrate"}
            return JsonResponse(found, status=503)
        fresh, configuration = freshness(), _configuration()
    except DatabaseError:
        body = {"status": "unavailable", "database": "does not answer"}
        return JsonResponse(body, status=503)
    return JsonResponse(found | {"listener": fresh.as_json(), "configuration": configuration})


def _configuration() -> dict[str, Any]:
    """The newest revision that git has here; the reason why it cannot be read is for the log."""
    known = Revision.objects.aggregate(newest=Max("number"))["newest"] or 0
    try:
        head = store.repository().head()
    except (RepositoryError, OSError) as error:
        log.error("the configuration repository cannot be read: %s", error)
        return {"status": "cannot be read: see the manager's log"}
    number = 0 if head is None else head.number
    if number < known:
        return {"status": "lost revisions: restore it from a node's replica", "revision": number}
    return {"status": "ok", "revision": number}
