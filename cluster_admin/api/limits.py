"""The largest request, enforced where bytes come in: before Django keeps a single one too many.

A length that is announced too large is refused at once; a body without a length as soon as it is.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from cluster_admin.rest.bodies import too_large
from cluster_admin.rest.problems import answer

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]


COMMITS = "/api/v1/config/"
COMMITS_WAY = (
    "commit fewer files at once; a single file that is too large goes in on the manager's host "
    "with manage.py bootstrap --configuration, or stays outside"
)


class TooLarge(Exception):
    """More bytes came than may."""


class BodyLimit:
    """An ASGI application around another one."""

    def __init__(self, inner: Application, limit_bytes: int) -> None:
        self.inner = inner
        self.limit_bytes = limit_bytes

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Count what comes in."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        if _announced(scope) > self.limit_bytes:
            await _refuse(send, scope)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.limit_bytes:
                raise TooLarge
            return message

        try:
            await self.inner(scope, counted, send)
        except TooLarge:
            await _refuse(send, scope)


def _announced(scope: Message) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:18])
    return 0


async def _refuse(send: Send, scope: Message) -> None:
    """Django reads the whole body before it answers, so nothing was answered yet."""
    commits = str(scope["path"]).startswith(COMMITS)
    response = answer(too_large(COMMITS_WAY) if commits else too_large())
    headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    headers += [(b"connection", b"close"), (b"content-length", b"%d" % len(response.content))]
    start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": response.content})
