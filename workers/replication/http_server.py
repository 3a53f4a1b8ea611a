"""HTTP/1.1 for programs of this node, on local sockets: h11 reads it, a function answers.

Answers are made in the loop that everything else runs in: what takes long is awaited, so that it
lets others have their turn, and what else its client asked meanwhile has to wait. Who sends more
than `BODY_BYTES` is refused.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

from workers.replication.serving import LOOK_SECONDS, LocalClient, LocalServer

BODY_BYTES = 2 << 20
HEAD_BYTES = 16 << 10
CLIENTS_MAX = 1_024
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: the path without its query."""

    method: str
    path: str
    query: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered."""

    status: int
    body: bytes
    kind: str = JSON
    retry_after: float = 0.0


Answer = Callable[[Request], Response | Awaitable[Response]]
_STRANGE = Response(400, b'{"error": "the target is no URL; write it as in /v1/limits"}\n')


class HttpServer(LocalServer):
    """Has `answer` answer; `clock`: any that does not go back."""

    def __init__(
        self,
        answer: Answer,
        clock: Callable[[], float],
        clients_max: int = CLIENTS_MAX,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        super().__init__(lambda: HttpClient(self), clock, clients_max, look_seconds)
        self.answer = answer
        self.counts: Counter[int] = Counter()
        """Status -> how often it was answered."""


class HttpClient(LocalClient):
    """One connection."""

    def __init__(self, server: HttpServer) -> None:
        super().__init__(server)
        self._http = server
        self._connection = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._waiting: asyncio.Task[None] | None = None

    def data_received(self, data: bytes) -> None:
        """Answer what has come whole."""
        self.heard_at = self.server.clock()
        if self.begun_at is None:
            self.begun_at = self.heard_at
        try:
            self._connection.receive_data(data)
        except h11.RemoteProtocolError as error:
            self._complain(error.error_status_hint or 400, str(error))
        else:
            self._read_on()

    def eof_received(self) -> bool:
        """Nothing more is asked, and nothing more is answered."""
        return False

    def resume_writing(self) -> None:
        """Listen again, first of all to what has come already."""
        self.held_up_at = None
        if self.transport is not None and not self.transport.is_closing():
            with contextlib.suppress(RuntimeError):
                self.transport.resume_reading()
            self._read_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a client."""
        super().connection_lost(exc)
        if self._waiting is not None:
            self._waiting.cancel()

    def _read_on(self) -> None:
        try:
            self._go_on()
        except h11.RemoteProtocolError as error:
            self._complain(error.error_status_hint or 400, str(error))

    def _go_on(self) -> None:
        while self.held_up_at is None and self._waiting is None:
            event = self._connection.next_event()
            if event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
                return
            if isinstance(event, h11.Request):
                self._request = event
                self._body.clear()
                if self._connection.they_are_waiting_for_100_continue:
                    self._write(self._connection.send(_continue()))
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > BODY_BYTES:
                    self._complain(413, f"a request has at most {BODY_BYTES} bytes")
                    return
            elif isinstance(event, h11.EndOfMessage) and not self._finish():
                return

    def _finish(self) -> bool:
        """Answer the request, or begin to; whether the next one may be looked at."""
        assert self._request is not None  # noqa: S101 - h11 tells the end behind the beginning
        asked = _asked(self._request, bytes(self._body))
        self._body.clear()
        self.begun_at = None
        try:
            response = _STRANGE if asked is None else self._http.answer(asked)
        except Exception as error:
            response = _failed(error)
        if isinstance(response, Response):
            return self._finished(response)
        self._waiting = asyncio.get_running_loop().create_task(self._wait_for(response))
        return False

    async def _wait_for(self, answer: Awaitable[Response]) -> None:
        try:
            response = await answer
        except Exception as error:
            response = _failed(error)
        self._waiting = None
        if self._finished(response):
            self._read_on()

    def _finished(self, response: Response) -> bool:
        self._respond(response)
        if self._connection.our_state is h11.MUST_CLOSE:
            self._end()
            return False
        self._connection.start_next_cycle()
        return True

    def _complain(self, status: int, why: str) -> None:
        """Say what is wrong, if that can still be said, and end."""
        self.server.closed["malformed"] += 1
        self._body.clear()
        with contextlib.suppress(h11.LocalProtocolError):
            text = why.encode("ascii", "replace").replace(b'"', b"'").replace(b"\\", b"/")
            self._respond(Response(status, b'{"error": "' + text + b'"}\n'))
        self._end()

    def _respond(self, response: Response) -> None:
        self._http.counts[response.status] += 1
        headers = [("content-type", response.kind), ("content-length", str(len(response.body)))]
        if response.retry_after:
            headers.append(("retry-after", str(max(1, round(response.retry_after)))))
        head = h11.Response(status_code=response.status, headers=headers)
        sent = (head, h11.Data(data=response.body), h11.EndOfMessage())
        is_head = self._request is not None and self._request.method == b"HEAD"
        parts = (
            self._connection.send(one) or b""
            for one in sent
            if not (is_head and isinstance(one, h11.Data))
        )
        self._write(b"".join(parts))

    def _write(self, data: bytes | None) -> None:
        if data and self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def _end(self) -> None:
        if self.transport is not None:
            self.transport.close()


def _failed(error: Exception) -> Response:
    context = {"message": "a local request could not be answered", "exception": error}
    asyncio.get_running_loop().call_exception_handler(context)
    return Response(500, b'{"error": "this failed; the log of the worker says why"}\n')


def _continue() -> h11.InformationalResponse:
    return h11.InformationalResponse(status_code=100, headers=[])


def _asked(request: h11.Request, body: bytes) -> Request | None:
    """The request; None if its target is none."""
    target = request.target.decode("ascii", "replace")
    try:
        split = urlsplit(target if target.startswith("/") else f"/{target}")
        query = dict(parse_qsl(split.query, keep_blank_values=True, max_num_fields=32))
    except ValueError:
        return None
    return Request(request.method.decode("ascii"), unquote(split.path), query, body)
