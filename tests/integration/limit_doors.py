"""Stand-ins for the doors of a node's limits: what was asked is noted, answers are set by the test.

The local API answers as docs/limits.md says; `granted` and `action` decide. The real doors are
tested elsewhere, and behind the real plugins in `test_haraka`.
"""

import contextlib
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

Question = dict[str, str]
Call = tuple[str, dict[str, Any]]
REFUSAL = {"granted": False, "limit": "out", "sentence": "limit out: 3 of 3", "retry_after": 1}


@dataclass
class Doors:
    """Both doors, and what they heard. `silent`: nobody is answered."""

    api: Path
    policy: Path
    calls: list[Call] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    granted: Callable[[str, dict[str, Any]], bool] = lambda _verb, _body: True
    action: Callable[[Question], str] = lambda _question: "DUNNO"
    silent: bool = False
    leases: int = 0


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Who asked did not wait for the answer."""


def _api_handler(doors: Doors) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = json.loads(self.rfile.read(length))
            verb = self.path.removeprefix("/v1/")
            doors.calls.append((verb, body))
            if doors.silent:
                self.close_connection = True
                return
            good = doors.granted(verb, body)
            doors.leases += 1
            lease = f"{body.get('kind')}-{doors.leases}"
            answer = {"granted": True, "lease": lease, "limits": []}
            self.answer(HTTPStatus.OK if good else HTTPStatus.TOO_MANY_REQUESTS, answer, good)

        def answer(self, status: HTTPStatus, answer: dict[str, Any], good: bool) -> None:
            content = json.dumps(answer if good else REFUSAL).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def address_string(self) -> str:
            return "local"

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    return Handler


def _policy_handler(doors: Doors) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            question: Question = {}
            for line in self.rfile:
                text = line.decode().rstrip("\n")
                if text:
                    name, _, value = text.partition("=")
                    question[name] = value
                    continue
                doors.questions.append(question)
                if not doors.silent:
                    self.wfile.write(f"action={doors.action(question)}\n\n".encode())
                question = {}

    return Handler


@contextlib.contextmanager
def opened(directory: Path) -> Iterator[Doors]:
    """Both doors open in a directory."""
    doors = Doors(directory / "limits.sock", directory / "policy.sock")
    servers = (
        _Server(str(doors.api), _api_handler(doors)),
        _Server(str(doors.policy), _policy_handler(doors)),
    )
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield doors
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
