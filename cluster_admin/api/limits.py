"""The largest request, enforced where bytes come in: before Django keeps a single one too many.

A length that is announced too large is refused at once; a body without a length as soon as it is.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.http import HttpResponse

from cluster_admin.rest.bodies import too_large
from cluster_admin.rest.problems import answer

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
API = "/api/"


class TooLarge(Exception):
    """More bytes came than may."""


class BodyLimit:
    """An ASGI application around another one."""

    def __init__(self, inner: Application, limit_of: Callable[[str], int]) -> None:
        """`limit_of`: the most bytes that an address may get."""
        self.inner = inner
        self.limit_of = limit_of

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Count what comes in."""
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
            return
        limit_bytes = self.limit_of(str(scope["path"]))
        if _announced(scope) > limit_bytes:
            await _refuse(send, scope)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit_bytes:
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
    path = str(scope["path"])
    problem = too_large(path)
    if path.startswith(API):
        response = answer(problem)
    else:
        way = "Go back: what you wrote is still there."
        text = f"Nothing was done: {problem.sentence}. {way}\n"
        response = HttpResponse(text, "text/plain; charset=utf-8", problem.code.status)
    headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
    headers += [(b"connection", b"close"), (b"content-length", b"%d" % len(response.content))]
    start = {"type": "http.response.start", "status": response.status_code, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": response.content})
