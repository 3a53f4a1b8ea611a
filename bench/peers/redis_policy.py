"""A policy server that asks Redis for each decision: what a shared counter costs beside ours.

    python -m bench.peers.redis_policy SOCKET REDIS_SOCKET

uvloop, one connection to Redis over a UNIX socket, commands of all clients in a pipeline and no
client library in between: as quick as such a server can be made. Three limits (client address,
sender, recipient's domain) in one script that checks all and then charges all, in fixed windows.
"""

import asyncio
import sys
from collections import deque
from typing import cast

import uvloop

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
            b"%b$%d\r\na:%b\r\n$%d\r\ns:%b\r\n$%d\r\nr:%b\r\n%b"
            % (self.ask, len(a) + 2, a, len(b) + 2, b, len(c) + 2, c, TAIL)
        )

    def data_received(self, data: bytes) -> None:
        """Hand answers on."""
        if not self.sha.done():
            self._load(data)
            return
        *answers, self._rest = (self._rest + data).split(b"\r\n")
        for answer in answers:
            self._waiting.popleft().write(DUNNO if answer == b":0" else DEFER)

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


class Client(asyncio.Protocol):
    """A mail server that asks."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Ask Redis for each whole request."""
        if self._rest:
            data = self._rest + data
        *requests, self._rest = data.split(b"\n\n")
        for request in requests:
            recipient = _value(request, b"\nrecipient=")
            domain = recipient.rpartition(b"@")[2].lower()
            keys = (_value(request, b"\nclient_address="), _value(request, b"\nsender="), domain)
            self._redis.decide(self._transport, keys)


def _value(request: bytes, needle: bytes) -> bytes:
    start = request.find(needle) + len(needle)
    return request[start : request.find(b"\n", start)]


async def serve(path: str, redis_path: str) -> None:
    """Answer for ever."""
    loop = asyncio.get_running_loop()
    _, redis = await loop.create_unix_connection(Redis, redis_path)
    await redis.sha
    server = await loop.create_unix_server(lambda: Client(redis), path)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:3]))
