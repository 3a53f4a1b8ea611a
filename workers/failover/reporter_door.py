"""The reporter at the agent's socket: questions on one connection, events as they come on another.

Invariant: an agent that is down, stands still or talks nonsense costs at most `ANSWER_SECONDS` and
raises `AgentSilentError`, nothing else.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from workers.failover.core.claims import BUCKETS
from workers.failover.core.telling import Brief, Line
from workers.failover.errors import FailoverError

ANSWER_SECONDS = 1.0
ANSWER_BYTES = 16 << 20
READ_BYTES = 1 << 16

T = TypeVar("T")


class AgentSilentError(FailoverError):
    """The agent does not answer, or not what was asked."""


class Start(msgspec.Struct):
    """What is said when events begin to be followed."""

    incarnation: int
    last: int
    events: list[Line]


class Past(msgspec.Struct):
    """Events of some run."""

    events: list[Line]


class Caller:
    """One connection to the agent, made when it is needed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: dict[str, Any], kind: type[T]) -> T:
        """The answer to one question; questions must not overlap."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                line = await self._exchange(msgspec.json.encode(request) + b"\n")
            return msgspec.json.decode(line, type=kind)
        except (OSError, TimeoutError, ValueError, msgspec.MsgspecError) as error:
            self.close()
            raise AgentSilentError(f"{self.path}: {str(error) or 'no answer'}") from None
        except BaseException:
            self.close()  # half an answer must not be taken for the next one
            raise

    async def stream(self) -> AsyncIterator[list[Line]]:
        """After a question with `follow`: events as they come, as many as came together."""
        assert self._reader is not None  # noqa: S101 - asked before
        decode = msgspec.json.Decoder(Line).decode_lines
        rest = b""
        try:
            while data := await self._reader.read(READ_BYTES):
                whole, newline, rest = (rest + data).rpartition(b"\n")
                if newline:
                    yield decode(whole)
                if len(rest) > ANSWER_BYTES:
                    break
        except (OSError, msgspec.MsgspecError) as error:
            raise AgentSilentError(f"{self.path}: {error}") from None
        finally:
            self.close()
        raise AgentSilentError(f"{self.path}: it closed the connection")

    def close(self) -> None:
        """End the connection; the next question makes another."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def _exchange(self, request: bytes) -> bytes:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_unix_connection(
                self.path, limit=ANSWER_BYTES
            )
        self._writer.write(request)
        line = await self._reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("it closed the connection")
        return line


async def brief(caller: Caller, question: dict[str, Any]) -> Brief:
    """How the agent is, with some of what it holds and is not known."""
    found = await caller.ask(question, Brief)
    if len(found.sums) != BUCKETS or not set(found.buckets) <= set(range(BUCKETS)):
        caller.close()
        raise AgentSilentError(f"{caller.path}: what it holds is not in {BUCKETS} buckets")
    return found
