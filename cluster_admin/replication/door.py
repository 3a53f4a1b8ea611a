"""The listener's door for web processes on the same host: one question in JSON, one answer.

A UNIX socket that only the manager's user can open. Who asks slowly, or too much, is let go.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

QUESTION_BYTES_MAX = 64 * 1024
ANSWER_BYTES_MAX = 16 * 1024 * 1024
PATIENCE_SECONDS = 5.0
AT_ONCE = 32
Answering = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class DoorError(Exception):
    """Nobody answers; the sentence says why, and what to do."""


class Door:
    """Opened in a loop of the listener."""

    def __init__(self, path: Path, answering: Answering) -> None:
        self._path, self._answering = path, answering
        self._server: asyncio.Server | None = None
        self._busy = 0
        self._inode = 0

    async def open(self) -> None:
        """Answer from now on, in the place of one that died; raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with _near(self._path) as near:
                before = os.umask(0o177)
                try:
                    door.bind(near)
                finally:
                    os.umask(before)
            self._inode = self._path.stat().st_ino
            self._server = await asyncio.start_unix_server(
                self._talk, sock=door, limit=QUESTION_BYTES_MAX
            )
        except BaseException:
            door.close()
            raise

    async def close(self) -> None:
        """Answer nobody any more."""
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(FileNotFoundError):
                if self._path.stat().st_ino == self._inode:  # not that of a younger listener
                    self._path.unlink()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._busy += 1
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                line = await reader.readline()
            told = await self._told(line)
            writer.write(json.dumps(told, separators=(",", ":")).encode() + b"\n")
            async with asyncio.timeout(PATIENCE_SECONDS):
                await writer.drain()
        except (TimeoutError, OSError, ValueError):
            pass  # whoever asked is gone, or is none of ours
        finally:
            self._busy -= 1
            writer.close()

    async def _told(self, line: bytes) -> dict[str, Any]:
        if self._busy > AT_ONCE:
            return {"error": "too many ask at once; try again in a moment", "code": "throttled"}
        try:
            question = json.loads(line)
        except ValueError:
            return {"error": "that is no question", "code": "invalid"}
        if not isinstance(question, dict):
            return {"error": "that is no question", "code": "invalid"}
        return await self._answering(question)


def ask(path: Path, question: dict[str, Any], seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
    """Ask the listener; raises `DoorError`."""
    way = "see that the listener runs on this host: systemctl status muster-listener"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.settimeout(seconds)
        try:
            with _near(path) as near:
                door.connect(near)
            door.sendall(json.dumps(question).encode() + b"\n")
            found = _all(door)
        except (OSError, FileNotFoundError) as error:
            told = str(error) or type(error).__name__
            raise DoorError(f"nobody tells what nodes count ({told}); {way}") from None
    try:
        answer = json.loads(found)
    except ValueError:
        raise DoorError(f"the listener ended while it told what nodes count; {way}") from None
    return dict(answer)


def _all(door: socket.socket) -> bytes:
    parts, size = [], 0
    while part := door.recv(1 << 16):
        parts.append(part)
        size += len(part)
        if size > ANSWER_BYTES_MAX:
            raise OSError("the answer is too long")
    return b"".join(parts)


@contextlib.contextmanager
def _near(path: Path) -> Any:
    """The path by its open directory: sockets have no room for long ones."""
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
