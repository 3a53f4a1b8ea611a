"""Brokers' host names to addresses, without holding anything up.

A name may have several addresses, of which some do not work: each try takes any of them. The
resolver may hang for many seconds: it runs in a daemon thread, which nobody waits for when the
process ends. Invariant: at most one thread for each name. Numeric addresses cost none.
"""

import asyncio
import contextlib
import random
import socket
import threading
from collections.abc import Callable
from typing import Any

THREAD = "broker's name"

_under_way: set[str] = set()
"""Names that a thread is looking up."""


async def resolved(host: str, port: int) -> tuple[str, int]:
    """Any of the addresses of `host`, and the port.

    Raises `OSError` when there is none, and while an earlier look-up of the name has not ended;
    `ValueError` for what is no name at all.
    """
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            socket.inet_pton(family, host)
            return host, port
    found = await _look_up(host, port)
    return str(random.choice(found)[4][0]), port  # noqa: S311 - nothing secret


def _look_up(host: str, port: int) -> asyncio.Future[Any]:
    if host in _under_way:
        raise OSError(f"the name {host} is still being looked up")
    loop = asyncio.get_running_loop()
    found = loop.create_future()

    def tell(settle: Callable[[Any], None], outcome: Any) -> None:
        if not found.done():
            settle(outcome)

    def run() -> None:
        told: tuple[Callable[[Any], None], Any]
        try:
            told = (found.set_result, socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:
            told = (found.set_exception, error)
        _under_way.discard(host)
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(tell, *told)

    thread = threading.Thread(target=run, name=THREAD, daemon=True)
    _under_way.add(host)
    try:
        thread.start()
    except RuntimeError as error:
        _under_way.discard(host)
        raise OSError(f"{host}: cannot be looked up: {error}") from None
    return found
