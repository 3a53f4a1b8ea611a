"""The stream behind the live pages: the feed, cut to what the reader may see.

It ends after a while, so that who lost a role or was logged out loses it too: the browser comes
back by itself, and is asked again who it is.
"""

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from cluster_admin.accounts.services import readable
from cluster_admin.events import sse
from cluster_admin.events.feed import Filters

HEARTBEAT_SECONDS = 1.0
STREAM_SECONDS = 600.0


async def live(request: HttpRequest) -> HttpResponseBase:
    """Events and marks of change after `?after=` or Last-Event-ID."""
    user = await request.auser()
    if not user.is_authenticated:
        return HttpResponse("log in again", status=403, content_type="text/plain")
    try:
        after = sse.last_id(request)
    except ValueError as error:
        return HttpResponse(str(error), status=400, content_type="text/plain")
    filters = Filters(readable=await sync_to_async(readable)(user))
    return sse.stream(after, filters, HEARTBEAT_SECONDS, STREAM_SECONDS)
