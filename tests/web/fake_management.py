"""RabbitMQ's management API in a thread: accounts, rights, exchanges and queues in memory."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote


class FakeManagement:
    """What the broker has, by (kind, name); `status` is answered instead of anything."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, ...], dict[str, Any]] = {}
        self.asked: list[str] = []
        self.status = 0
        self.before: Callable[[str, tuple[str, ...]], None] = lambda _method, _key: None
        """Called before each request is answered."""
        self.url = ""

    def account(self, name: str) -> dict[str, Any] | None:
        """An account, without its rights."""
        return self.objects.get(("users", name))

    def rights(self, name: str) -> dict[str, Any] | None:
        """Its rights on the virtual host /."""
        return self.objects.get(("permissions", "/", name))

    def names(self, kind: str) -> list[str]:
        """Last parts of the names of a kind."""
        return sorted(key[-1] for key in self.objects if key[0] == kind)

    def answer(self, method: str, key: tuple[str, ...], body: dict[str, Any]) -> tuple[int, Any]:
        """Status and JSON."""
        self.asked.append(f"{method} {'/'.join(key)}")
        self.before(method, key)
        if self.status:
            return self.status, {"error": "not well"}
        if method == "PUT":
            found = 204 if key in self.objects else 201
            self.objects[key] = body
            return found, None
        if key[0] == "users" and key[2:] == ("permissions",) and key[:2] in self.objects:
            return 200, [
                {"user": key[1], "vhost": one[1], **told}
                for one, told in self.objects.items()
                if one[0] == "permissions" and one[2] == key[1]
            ]
        if key not in self.objects:
            return 404, {"error": "Object Not Found"}
        if method == "DELETE":
            del self.objects[key]
            self.objects.pop(("permissions", "/", key[-1]), None)
            return 204, None
        told = self.objects[key]
        return 200, {
            **told,
            "tags": [each for each in str(told.get("tags", "")).split(",") if each],
        }


@contextmanager
def running() -> Iterator[FakeManagement]:
    """One that listens on loopback while the context is open."""
    fake = FakeManagement()

    class Handler(BaseHTTPRequestHandler):
        def do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            key = tuple(unquote(part) for part in self.path.removeprefix("/api/").split("/"))
            status, told = fake.answer(self.command, key, body)
            data = b"" if told is None else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_DELETE = do

        def log_message(self, *_: Any) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake.url = f"http://admin:s3cret@127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()
