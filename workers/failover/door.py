"""The local door: a UNIX socket that answers questions about this node, one JSON line for each.

It works with broker and manager down. A slow or hostile client costs a bounded buffer and is
closed; a socket that nobody answers on is replaced, one that somebody does means that another
agent runs.
"""

import asyncio
import contextlib
import errno
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from workers.failover.errors import FailoverError

REQUEST_BYTES = 64 * 1024
IDLE_SECONDS = 60.0
"""How long a client may take for a line, or for reading an answer."""
CLIENTS_MAX = 32
UNSENT_BYTES = 1 << 20
"""A follower that lets more than this pile up, besides its first answer, is closed."""

Request = dict[str, Any]
Answer = Callable[[Request], dict[str, Any] | Awaitable[dict[str, Any]]]
Follower = Callable[[bytes], None]

_FORM = 'send one JSON object on a line, like {"command": "status"}'


class DoorError(FailoverError):
    """The socket cannot be opened."""


class Door:
    """Answers `{"command": NAME, ...}` with what `commands[NAME]` returns for the request.

    `{"command": "events", "follow": true}` adds the client to `followers` with its answer.
    """

    def __init__(
        self,
        path: Path,
        commands: dict[str, Answer],
        followers: list[Follower],
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._path = path
        self._idle_seconds = idle_seconds
        self._commands = commands
        self._followers = followers
        self._server: asyncio.Server | None = None
        self._clients = 0

    async def open(self) -> None:
        """Bind the socket, for its owner alone; raises `DoorError`."""
        try:
            _make_way(self._path)
            mask = os.umask(0o177)
            try:
                self._server = await asyncio.start_unix_server(
                    self._serve, self._path, limit=REQUEST_BYTES
                )
            finally:
                os.umask(mask)
        except OSError as error:
            way = "choose another socket in NODE.toml"
            raise DoorError(f"{self._path}: cannot be opened: {error.strerror}; {way}") from error

    def close(self) -> None:
        """Stop to answer, and take the socket away."""
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._clients >= CLIENTS_MAX:
            writer.transport.abort()
            return
        self._clients += 1
        try:
            await self._converse(reader, writer)
            writer.close()
            await asyncio.wait_for(writer.wait_closed(), self._idle_seconds)
        except (OSError, TimeoutError):
            pass
        finally:
            self._clients -= 1
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await asyncio.wait_for(reader.readline(), self._idle_seconds)
            except ValueError:
                too_long = {"error": f"the line is longer than {REQUEST_BYTES} bytes; {_FORM}"}
                writer.write(_encoded(too_long))
                return
            if not line:
                return
            request, answer = await self._answer(line)
            writer.write(_encoded(answer))
            if request.get("follow") is True:
                # No wait since the answer was made: no event is missed or told twice.
                await self._follow(reader, writer)
                return
            await asyncio.wait_for(writer.drain(), self._idle_seconds)

    async def _answer(self, line: bytes) -> tuple[Request, dict[str, Any]]:
        """The request, empty when it is none, and what to answer."""
        try:
            request = msgspec.json.decode(line)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            request = None
        if not isinstance(request, dict):
            return {}, {"error": _FORM}
        name = request.get("command")
        command = self._commands.get(name) if isinstance(name, str) else None
        if command is None:
            known = ", ".join(sorted(self._commands))
            answer: dict[str, Any] = {"error": f"no such command; known are {known}"}
        else:
            answer = await _called(command, request)
        if command is None or name != "events" or "error" in answer:
            request.pop("follow", None)
        if "correlation" in request:
            answer["correlation"] = request["correlation"]
        return request, answer

    async def _follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Write events as they come, until the client leaves or falls behind."""
        answer = writer.transport.get_write_buffer_size()

        def show(lines: bytes) -> None:
            nonlocal answer
            unsent = writer.transport.get_write_buffer_size()
            answer = min(answer, unsent)  # what may be left of it
            if unsent > answer + UNSENT_BYTES:
                writer.transport.abort()
            elif not writer.is_closing():
                writer.write(lines)

        self._followers.append(show)
        try:
            while await reader.read(REQUEST_BYTES):
                pass
        finally:
            self._followers.remove(show)


async def _called(command: Answer, request: Request) -> dict[str, Any]:
    """A question that cannot be answered must not hurt failover."""
    try:
        answer = command(request)
        return dict(answer if isinstance(answer, dict) else await answer)
    except Exception as error:
        context = {"message": "a question could not be answered", "exception": error}
        asyncio.get_running_loop().call_exception_handler(context)
        return {"error": f"the agent failed to answer: {error!r}; see its log"}


def _encoded(answer: dict[str, Any]) -> bytes:
    return msgspec.json.encode(answer) + b"\n"


def _make_way(path: Path) -> None:
    """Remove a socket that nobody answers on; raises `DoorError` for anything else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise DoorError(f"{path}: is no socket; remove it, or choose another socket in NODE.toml")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as client:
        # Only a refusal says that nobody listens: a stopped agent just does not answer.
        if client.connect_ex(str(path)) != errno.ECONNREFUSED:
            raise DoorError(f"{path}: another agent of this node is running; stop it first")
    path.unlink()
