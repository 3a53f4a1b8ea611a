"""Asks a mail server for its greeting: the health check of whatever speaks SMTP.

A reload is over before its effect is: an old process may still answer once. So the greeting has to
come twice, a moment apart, within the limit.
"""

import contextlib
import socket
import time

from workers.config.core.reports import Result

GREETINGS = 2
PAUSE_SECONDS = 0.25
GREETING_BYTES = 8_192
LINE_CHARACTERS = 200


def greeted(address: str, port: int, limit_seconds: float) -> Result:
    """Whether the server greets with 220, `GREETINGS` times in a row within the limit."""
    deadline = time.monotonic() + limit_seconds
    last, good = "it was not asked", 0
    while time.monotonic() < deadline:
        began = time.monotonic()
        try:
            line = _greeting(address, port, deadline)
            good = good + 1 if line.startswith("220") else 0
            last = f"it says {line!r}"
        except OSError as error:
            good, last = 0, str(error) or type(error).__name__
        if good == GREETINGS:
            return Result(True, "", line)
        pause = min(began + PAUSE_SECONDS, deadline) - time.monotonic()
        time.sleep(max(0.0, pause))
    what = f"no SMTP greeting from {address} port {port} within {limit_seconds:g} s"
    return Result(False, f"{what}: {last[:LINE_CHARACTERS]}", last)


def _greeting(address: str, port: int, deadline: float) -> str:
    """The last line of the greeting; raises `OSError`."""
    with socket.create_connection((address, port), _left(deadline)) as connection:
        line = _last_line(connection, deadline)
        with contextlib.suppress(OSError):
            connection.sendall(b"QUIT\r\n")
        return line


def _last_line(connection: socket.socket, deadline: float) -> str:
    received = b""
    while len(received) < GREETING_BYTES:
        connection.settimeout(_left(deadline))
        piece = connection.recv(GREETING_BYTES)
        received += piece
        *lines, rest = received.split(b"\n")
        for line in lines:
            if line[3:4] != b"-":
                return _shown(line)
        if not piece:
            raise OSError(f"it hung up after {_shown(rest)!r}")
    raise OSError("its greeting has no end")


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "replace").strip()
    return "".join(one if one.isprintable() else " " for one in text)[:LINE_CHARACTERS]


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
