"""A policy server that asks Redis for each decision: what a shared counter costs beside ours.

    python -m bench.peers.redis_policy SOCKET REDIS_SOCKET library|pipeline

On uvloop, Redis over a UNIX socket, three limits (client address, sender, recipient's domain) in
one script that checks all and then charges all, in fixed windows. `library`: as one writes it, with
redis-py and its parser in C, a connection for each client. `pipeline`: by hand, without a library,
the commands of all clients in one connection: as quick as such a server can be made.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from typing import cast

import uvloop
from redis.asyncio import Redis as Library

SCRIPT = """\
for i = 1, 3 do
  local count = redis.call('GET', KEYS[i])
  if count and tonumber(count) >= tonumber(ARGV[1]) then return i end
end
for i = 1, 3 do
  if redis.call('INCR', KEYS[i]) == 1 then redis.call('EXPIRE', KEYS[i], ARGV[2]) end
end
return 0
"""
MOST, WINDOW_SECONDS = 1_000_000_000, 60
DUNNO = b"action=DUNNO\n\n"
DEFER = b"action=DEFER_IF_PERMIT 4.7.1 too many\n\n"


class Redis(asyncio.Protocol):
    """The connection: answers come in the order of the questions."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Transport] = deque()
        self._rest = b""
        self.sha: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.ask: bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Load the script."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(command(b"SCRIPT", b"LOAD", SCRIPT.encode()))

    def decide(self, client: asyncio.Transport, keys: tuple[bytes, bytes, bytes]) -> None:
        """Ask for a client."""
        self._waiting.append(client)
        a, b, c = keys
        self.transport.write(
            b"%b$%d\r\na:%b\r\n$%d\r\ns:%b\r\n$%d\r\nr:%b%b"
            % (self.ask, len(a) + 2, a, len(b) + 2, b, len(c) + 2, c, TAIL)
        )

    def data_received(self, data: bytes) -> None:
        """Hand answers on."""
        if not self.sha.done():
            self._load(data)
            return
        *answers, self._rest = (self._rest + data).split(b"\r\n")
        for answer in answers:
            client = self._waiting.popleft()
            if not client.is_closing():
                client.write(DUNNO if answer == b":0" else DEFER)

    def _load(self, data: bytes) -> None:
        self._rest += data
        if self._rest.count(b"\r\n") == 2:
            sha = self._rest.split(b"\r\n")[1]
            self.ask = b"*8\r\n$7\r\nEVALSHA\r\n$40\r\n%b\r\n$1\r\n3\r\n" % sha
            self._rest = b""
            self.sha.set_result(sha)


def command(*words: bytes) -> bytes:
    """A command as Redis reads it."""
    parts = (b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n" % len(words) + b"".join(parts)


def _tail() -> bytes:
    words = (b"%d" % MOST, b"%d" % WINDOW_SECONDS)
    return b"".join(b"\r\n$%d\r\n%b" % (len(word), word) for word in words) + b"\r\n"


TAIL = _tail()


Keys = tuple[bytes, bytes, bytes]


class Client(asyncio.Protocol):
    """A mail server that asks; `decide` has each whole request answered."""

    def __init__(self, decide: Callable[[asyncio.Transport, Keys], None]) -> None:
        self._decide = decide
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Have whole requests decided."""
        if self._rest:
            data = self._rest + data
        *requests, self._rest = data.split(b"\n\n")
        for request in requests:
            recipient = _value(request, b"\nrecipient=")
            domain = recipient.rpartition(b"@")[2].lower()
            keys = (_value(request, b"\nclient_address="), _value(request, b"\nsender="), domain)
            self._decide(self._transport, keys)


class ByLibrary:
    """Decides with redis-py."""

    def __init__(self, redis_path: str) -> None:
        self._redis = Library(unix_socket_path=redis_path)
        self._script = self._redis.register_script(SCRIPT)
        self._tasks: set[asyncio.Task[None]] = set()

    def decide(self, client: asyncio.Transport, keys: Keys) -> None:
        """Ask for a client."""
        task = asyncio.get_running_loop().create_task(self._ask(client, keys))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, client: asyncio.Transport, keys: Keys) -> None:
        named = [b"a:" + keys[0], b"s:" + keys[1], b"r:" + keys[2]]
        answer = await self._script(keys=named, args=[MOST, WINDOW_SECONDS])
        if not client.is_closing():
            client.write(DEFER if answer else DUNNO)


def _value(request: bytes, needle: bytes) -> bytes:
    start = request.find(needle) + len(needle)
    return request[start : request.find(b"\n", start)]


async def serve(path: str, redis_path: str, how: str) -> None:
    """Answer for ever."""
    loop = asyncio.get_running_loop()
    decide = ByLibrary(redis_path).decide
    if how == "pipeline":
        _, redis = await loop.create_unix_connection(Redis, redis_path)
        await redis.sha
        decide = redis.decide
    server = await loop.create_unix_server(lambda: Client(decide), path)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:4]))
