"""The stream behind the live pages: the feed, cut to what the reader may see.

It ends after some minutes (`sse`), so that whoever lost a role or was logged out loses it too: the
browser comes back by itself, and is asked again who it is.
"""

from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from cluster_admin.accounts.services import readable
from cluster_admin.events import sse
from cluster_admin.events.feed import Filters

HEARTBEAT_SECONDS = 1.0


async def live(request: HttpRequest) -> HttpResponseBase:
    """Events and marks of change after `?after=` or Last-Event-ID."""
    user = await request.auser()
    if not user.is_authenticated:
        return HttpResponse("log in again", status=403, content_type="text/plain")
    try:
        after = sse.last_id(request)
    except ValueError as error:
        return HttpResponse(str(error), status=400, content_type="text/plain")
    return sse.stream(after, await sync_to_async(_filters)(user), HEARTBEAT_SECONDS)


def _filters(user: Any) -> Filters:
    """What the user may read; the connection is let go: the stream has no use for it."""
    filters = Filters(readable=readable(user))
    if not connection.in_atomic_block:
        connection.close()
    return filters
