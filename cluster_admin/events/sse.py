"""The feed as server-sent events, for the API and the pages alike.

`event: event` for each event, with its id; `event: mark` when anything that pages show changed;
`event: heartbeat` with how fresh it all is. A browser that comes back says the last id it had.
"""

import contextlib
import json
import time
from collections.abc import AsyncGenerator
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from cluster_admin.events.feed import (
    EVERYTHING,
    HEARTBEAT_SECONDS,
    Filters,
    Pulse,
    TooManyStreams,
    pulses,
)

RETRY_MS = 1_000
"""After how long a browser comes back."""
LONGEST_SECONDS = 600.0
"""Then a stream ends, and whoever comes back for more is asked again what they may read."""


def last_id(request: HttpRequest) -> int | None:
    """After which event to begin: as the browser says, or as `?after=` does; None: from now on.

    Raises ValueError for what is no number.
    """
    text = request.headers.get("Last-Event-ID") or request.GET.get("after") or ""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError(f"after is {text[:40]!r}; write the id of an event")
    return int(text)


def stream(
    after: int | None = None,
    filters: Filters = EVERYTHING,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    longest_seconds: float = LONGEST_SECONDS,
) -> StreamingHttpResponse:
    """The answer that ends after `longest_seconds` or when the browser goes."""
    told = frames(after, filters, heartbeat_seconds, longest_seconds)
    response = StreamingHttpResponse(told, content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


async def frames(
    after: int | None,
    filters: Filters,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    longest_seconds: float = LONGEST_SECONDS,
) -> AsyncGenerator[str]:
    """What goes over the wire; ends with `event: full` when this process has too many streams."""
    yield f"retry: {RETRY_MS}\n\n"
    mark, ends = "", time.monotonic() + longest_seconds
    try:
        async with contextlib.aclosing(pulses(after, filters, heartbeat_seconds)) as following:
            async for pulse in following:
                yield "".join(_told(pulse, mark))
                mark = pulse.mark
                if time.monotonic() > ends:
                    return
    except TooManyStreams as error:
        yield _frame("full", {"detail": str(error)})


def _told(pulse: Pulse, mark: str) -> list[str]:
    told = [_frame("event", one, one["id"]) for one in pulse.events]
    if pulse.mark != mark:
        told.append(_frame("mark", {"mark": pulse.mark}, pulse.newest_id))
    now = timezone.now().isoformat(timespec="milliseconds")
    told.append(_frame("heartbeat", {"now": now, "listener": pulse.fresh.as_json()}))
    return told


def _frame(event: str, data: dict[str, Any], number: int | None = None) -> str:
    mark = "" if number is None else f"id: {number}\n"
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"{mark}event: {event}\ndata: {text}\n\n"
