"""Takes reports as a node's local API does, by the rule of docs/limits.md, and can be ill.

What it keeps outlives a death of the real one, as the real one's journal does; so `dies` only takes
the answers away: before a report is taken, or behind it.
"""

import contextlib
import random
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import msgspec

from workers.maillog.core.reports import Event


class _Body(msgspec.Struct):
    source: str
    offset: int
    events: list[Event]


@dataclass
class Taker:
    """What was taken. `dies`: how often, of reports, no answer comes. `refuses`: status 503."""

    socket: Path
    dice: random.Random
    dies: float = 0.0
    refuses: bool = False
    kept: dict[str, int] = field(default_factory=dict)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    asked: int = 0
    refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, body: bytes) -> int:
        """Where the source is after this report."""
        report = msgspec.json.decode(body, type=_Body)
        with self.lock:
            self.asked += bool(report.events)
            kept = self.kept.get(report.source, 0)
            if report.offset <= kept:
                return kept
            for one in report.events:
                self.counts[one.series, one.key] += one.count
            self.kept[report.source] = report.offset
            return report.offset


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Who asked died."""


@contextlib.contextmanager
def taking(directory: Path, seed: int = 0) -> Iterator[Taker]:
    """A taker that listens in a directory."""
    taker = Taker(directory / "limits.sock", random.Random(seed))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            early, late = (taker.dice.random() < taker.dies for _ in range(2))
            self.close_connection = early or late
            if early:
                return
            taker.refused += taker.refuses
            content = b'{"error":"not now"}' if taker.refuses else b""
            content = content or msgspec.json.encode({"offset": taker.take(body)})
            if late:
                return
            status = HTTPStatus.SERVICE_UNAVAILABLE if taker.refuses else HTTPStatus.OK
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def address_string(self) -> str:
            return "local"

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with _Server(str(taker.socket), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield taker
        finally:
            server.shutdown()
