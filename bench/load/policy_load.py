"""The client of `policy_load.c` where there is no compiler: same arguments, same line.

python -m bench.load.policy_load SOCKET CONNECTIONS SECONDS RATE KEYS SEED
"""

import asyncio
import bisect
import itertools
import random
import sys
import time
from collections import deque
from typing import cast

import uvloop

FORM = (
    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
    "client_address=10.{}.{}.{}\nclient_name=mail.example.org\nclient_port=45124\n"
    "reverse_client_name=mail.example.org\nserver_address=198.51.100.7\nserver_port=25\n"
    "helo_name=mail.example.org\nsender=user{}@d{}.example.org\n"
    "recipient=box{}@r{}.example.net\nrecipient_count=0\nqueue_id=\n"
    "instance=1f3a.65a1b2c3.{:x}.0\nsize=12345\nsasl_method=\nsasl_username=\nsasl_sender=\n\n"
)


class Mail:
    """Requests about new mail, whose addresses follow Zipf's law."""

    def __init__(self, keys: int, seed: int) -> None:
        self._dice = random.Random(seed)
        self._up_to = list(itertools.accumulate(1 / (n + 1) for n in range(keys)))
        self._number = 0

    def request(self) -> bytes:
        """The next one."""
        self._number += 1
        a, s, r = (
            bisect.bisect(self._up_to, self._dice.random() * self._up_to[-1]) for _ in range(3)
        )
        parts = (a >> 16 & 255, a >> 8 & 255, a & 255, s, s % 997, r, r % 997, self._number)
        return FORM.format(*parts).encode()


class Load:
    """What all clients share."""

    def __init__(self, mail: Mail, rate: float) -> None:
        self.mail, self.rate = mail, rate
        self.idle: deque[Client] = deque()
        self.times: list[float] = []
        self.refused = 0
        self.due = time.perf_counter()

    def ask(self) -> None:
        """Ask whatever is due, as far as clients are free."""
        now = time.perf_counter()
        while self.idle and (not self.rate or self.due <= now):
            self.idle.popleft().ask(self.due if self.rate else now)
            self.due += 1 / self.rate if self.rate else 0.0


class Client(asyncio.Protocol):
    """One connection, with one request at a time."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._asked_at = 0.0
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be free."""
        self._transport = cast("asyncio.Transport", transport)
        self._load.idle.append(self)

    def ask(self, due: float) -> None:
        """Ask what was due then."""
        self._asked_at, self._heard = due, b""
        self._transport.write(self._load.mail.request())

    def data_received(self, data: bytes) -> None:
        """Note the answer, and ask again."""
        self._heard += data
        if self._heard.endswith(b"\n\n"):
            load = self._load
            load.times.append(time.perf_counter() - self._asked_at)
            load.refused += not self._heard.lower().startswith(b"action=dunno\n")
            load.idle.append(self)
            load.ask()


async def run(where: str, connections: int, seconds: float, load: Load) -> None:
    """Ask for so long, and print the line."""
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        if "/" in where:
            await loop.create_unix_connection(lambda: Client(load), where)
        else:
            await loop.create_connection(lambda: Client(load), "127.0.0.1", int(where))
    began = load.due = time.perf_counter()
    while (left := began + seconds - time.perf_counter()) > 0:
        load.ask()
        await asyncio.sleep(min(left, 0.0005 if load.rate else 1.0))
    took = time.perf_counter() - began
    times = sorted(load.times)
    shown = (times[int(len(times) * part)] * 1e6 for part in (0.5, 0.99, 0.999))
    print(len(times), load.refused, f"{took:.3f}", *(f"{one:.1f}" for one in shown), end=" ")
    print(f"{times[-1] * 1e6:.1f}")


if __name__ == "__main__":
    place, many, length, rate, keys, seed = sys.argv[1:7]
    made = Load(Mail(int(keys), int(seed)), float(rate))
    uvloop.run(run(place, int(many), float(length), made))
