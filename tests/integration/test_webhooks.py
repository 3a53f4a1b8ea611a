"""Posting to a real server on loopback that does what servers do."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from cluster_admin.events.webhooks import FAULTS, post

ANSWER = b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
Behaviour = Callable[[socket.socket], None]


@contextmanager
def server(behave: Behaviour) -> Iterator[tuple[str, list[bytes]]]:
    """A server that treats each connection as `behave` says; its URL and what it read."""
    read: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                request = b""
                while not request.endswith(b"}"):
                    request += connection.recv(65536)
                read.append(request)
                with suppress(OSError):
                    behave(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook", read
        finally:
            listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_what_is_posted_arrives() -> None:
    with server(lambda connection: connection.sendall(ANSWER)) as (url, read):
        assert post(url, b'{"a": 1}', {"X-Muster-Signature": "sha256=x"}) == 204

    assert read[0].startswith(b"POST /hook HTTP/1.1\r\n")
    assert b"x-muster-signature: sha256=x\r\n" in read[0].lower()
    assert read[0].endswith(b'\r\n\r\n{"a": 1}')


def test_a_redirect_is_not_followed() -> None:
    with server(lambda connection: connection.sendall(ANSWER)) as (elsewhere, read):
        answer = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n"
        with server(lambda connection: connection.sendall(answer.encode())) as (url, _):
            assert post(url, b"{}", {}) == 302

    assert read == []


def test_an_endless_answer_is_not_read() -> None:
    def endless(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(10_000):
            connection.sendall(b"x" * 65536)

    with server(endless) as (url, _):
        assert post(url, b"{}", {}) == 200


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def dripping(connection: socket.socket) -> None:
    for _ in range(40):
        connection.sendall(b"H")
        time.sleep(0.05)


def nonsense(connection: socket.socket) -> None:
    connection.sendall(b"no HTTP at all\r\n\r\n")


@pytest.mark.parametrize("behave", [silent, dripping, nonsense, socket.socket.close])
def test_a_server_that_gives_no_status_costs_no_more_than_the_deadline(behave: Behaviour) -> None:
    with server(behave) as (url, _):
        began = time.monotonic()
        with pytest.raises(FAULTS):
            post(url, b"{}", {}, timeout_seconds=0.3)
        assert time.monotonic() - began < 2.0


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[::1", "http://a..b/", "no url"])
def test_addresses_that_lead_nowhere_raise_what_is_expected(url: str) -> None:
    with pytest.raises(FAULTS):
        post(url, b"{}", {})
