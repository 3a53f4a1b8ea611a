"""The local door: a UNIX socket that answers questions about this node, one JSON line for each.

It works with broker and manager down. A slow or hostile client costs a bounded buffer and is
closed; a socket that nobody answers on is replaced, one that somebody does means that another
agent runs.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workers.failover.errors import FailoverError

REQUEST_BYTES = 64 * 1024
IDLE_SECONDS = 60.0
CLIENTS_MAX = 64
UNSENT_BYTES = 1 << 20
"""A follower that lets more than this pile up is closed."""

Answer = Callable[[dict[str, Any]], Any]


class DoorError(FailoverError):
    """The socket cannot be opened."""


class Door:
    """Answers `{"command": NAME, ...}` with what `commands[NAME]` returns for the request."""

    def __init__(
        self,
        path: Path,
        commands: dict[str, Answer],
        followers: list[Callable[[dict[str, Any]], None]],
    ) -> None:
        self._path = path
        self._commands = commands
        self._followers = followers
        self._server: asyncio.Server | None = None
        self._clients = 0

    async def open(self) -> None:
        """Bind the socket, for its owner alone; raises `DoorError`."""
        if _answered(self._path):
            raise DoorError(f"{self._path}: another agent of this node is running; stop it first")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
            mask = os.umask(0o177)
            try:
                self._server = await asyncio.start_unix_server(
                    self._serve, self._path, limit=REQUEST_BYTES
                )
            finally:
                os.umask(mask)
        except OSError as error:
            raise DoorError(f"{self._path}: cannot be opened: {error.strerror}") from error

    def close(self) -> None:
        """Stop to answer, and take the socket away."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients += 1
        try:
            while self._clients <= CLIENTS_MAX:
                line = await asyncio.wait_for(reader.readline(), IDLE_SECONDS)
                if not line:
                    break
                request, answer = self._answer(line)
                writer.write(json.dumps(answer).encode() + b"\n")
                await asyncio.wait_for(writer.drain(), IDLE_SECONDS)
                if request.get("follow"):
                    await self._follow(reader, writer)
                    break
        except (OSError, ValueError, TimeoutError, asyncio.LimitOverrunError):
            pass
        finally:
            self._clients -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _answer(self, line: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            request = json.loads(line)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            return {}, {"error": 'send one JSON object on a line, like {"command": "status"}'}
        command = self._commands.get(str(request.get("command")))
        if command is None:
            known = ", ".join(sorted(self._commands))
            answer: Any = {"error": f"no such command; known are {known}"}
            request.pop("follow", None)
        else:
            answer = command(request)
        answer = dict(answer) if isinstance(answer, dict) else {"answer": answer}
        if "correlation" in request:
            answer["correlation"] = request["correlation"]
        return request, answer

    async def _follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Write events as they come, until the client leaves or falls behind."""

        def show(event: dict[str, Any]) -> None:
            if writer.transport.get_write_buffer_size() > UNSENT_BYTES:
                writer.transport.abort()
            elif not writer.is_closing():
                writer.write(json.dumps(event).encode() + b"\n")

        self._followers.append(show)
        try:
            while await reader.read(REQUEST_BYTES):
                pass
        finally:
            self._followers.remove(show)


def _answered(path: Path) -> bool:
    """Whether somebody listens on the socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True
