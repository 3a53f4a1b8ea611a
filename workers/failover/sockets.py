"""Closes the TCP connections of addresses that left this host: nobody would ever answer on them.

Asks the kernel (SOCK_DIAG) for its connections, and destroys those whose local address is exactly
one that is not here. Invariant: whether an address is here is asked at the instant of destruction.
Listening sockets stay. Never blocks: `work` does a little, and says whether there is more.
"""

import errno
import math
import os
import socket
import struct
import time
from collections.abc import Callable, Iterable

from workers.failover.layout import pack
from workers.failover.netlink import ACK, DUMP, HEADER, NLMSG_DONE, NLMSG_ERROR, REQUEST, messages

CLOSE_AFTER_SECONDS = 1.0
"""Till then an address may come back, and its connections go on."""
WORK_SECONDS = 0.02
_SOCK_DIAG, _BY_FAMILY, DESTROY = 4, 20, 21
_STATES = sum(1 << state for state in (1, 2, 3, 4, 5, 8, 9, 11))
"""All but closed, listening and TIME_WAIT."""
_QUESTION = struct.Struct("=BBBBI48x")
_HEAD = struct.Struct("=BBBBI")
_CODE = struct.Struct("=i")
_MAPPED = b"\0" * 10 + b"\xff\xff"
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
AT_ONCE = 256
_FINISH_SECONDS = 0.2
_FOR_NOW = {errno.EAGAIN, errno.EBUSY, errno.ENOBUFS, errno.ENOMEM}
"""Troubles of the moment: a question is put again with the next addresses that leave."""
_NEVER = {errno.EOPNOTSUPP, errno.EPERM, errno.EINVAL, errno.ENOSYS}
"""Refusals of all that is asked; any other is about one connection, which is gone already."""


class Sockets:
    """The connections of this network namespace.

    `is_here`: whether the kernel has an address; `destroy`: the request that ends a connection;
    `clock`: monotonic seconds, which bound a turn.
    """

    def __init__(
        self,
        is_here: Callable[[str], bool],
        destroy: int = DESTROY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._kind = destroy
        self._clock = clock
        self._is_here = is_here
        self._due: dict[str, float] = {}
        """Addresses that left, and when their connections are to be closed."""
        self._wanted: dict[bytes, str] = {}
        self._families: list[int] = []
        """What the kernel is still to be asked for."""
        self._asking = False
        self._began_at = -math.inf
        self._doomed: list[tuple[str, bytes]] = []
        """Local address of a connection, and the request that destroys it."""
        self.closed = 0
        self.warning = ""
        """Why connections cannot be closed on this host."""
        self._sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 4)
        self._sock.setblocking(False)

    def finish(self) -> None:
        """Close what is due and what would be, in a moment, and then the netlink socket."""
        until = self._clock() + _FINISH_SECONDS
        while self._clock() < until and self.work(math.inf):
            continue
        self._sock.close()

    def note(self, addresses: Iterable[str], now: float) -> None:
        """They left this host: close their connections after a while, if they stay away."""
        self._due.update((address, now + CLOSE_AFTER_SECONDS) for address in addresses)

    def work(self, now: float) -> bool:
        """Do the next of what is due; whether there is more to do at once."""
        if self.warning:
            self._due.clear()
            return False
        until = self._clock() + WORK_SECONDS
        while self._clock() < until:
            if self._asking:
                self._read()
            elif self._families:
                self._ask(self._families.pop())
            elif self._doomed:
                self._destroy()
            elif not self._begin(now):
                return False
        return True

    def _begin(self, now: float) -> bool:
        self._began_at = now
        due = [address for address, at in self._due.items() if at <= now]
        for address in due:
            del self._due[address]
        due = [address for address in due if not self._is_here(address)]
        self._wanted.clear()
        self._families = list(_FAMILIES) if due else []
        for address in due:
            packed = pack(address)
            self._wanted[packed.ljust(16, b"\0")] = address
            if len(packed) == 4:  # a connection of a socket for both IP versions
                self._wanted[_MAPPED + packed] = address
        return bool(due)

    def _ask(self, family: int) -> None:
        body = _QUESTION.pack(family, socket.IPPROTO_TCP, 0, 0, _STATES)
        head = HEADER.pack(16 + len(body), _BY_FAMILY, REQUEST | DUMP, 0, 0)
        self._asking = self._send(head + body)

    def _read(self) -> None:
        """The next part of the list; the kernel makes it when it is asked for."""
        for kind, _, _, data, start, end in messages(self._receive()):
            if kind == NLMSG_DONE:
                self._asking = False
            elif kind == NLMSG_ERROR:
                self._asking = False
                self._give_up(-_CODE.unpack_from(data, start)[0])
            elif end - start >= 52:
                local = self._wanted.get(data[start + 8 : start + 24])
                if local is not None:
                    request = _destruction(self._kind, data, start)
                    self._doomed.append((local, request))

    def _destroy(self) -> None:
        """Destroy the next of them, each answered before the next is asked."""
        piece, self._doomed = self._doomed[:AT_ONCE], self._doomed[AT_ONCE:]
        for local, request in piece:
            if self._is_here(local):
                continue
            if not self._send(request):
                return
            for kind, _, _, data, start, _ in messages(self._receive()):
                if kind == NLMSG_ERROR:
                    code = -_CODE.unpack_from(data, start)[0]
                    self.closed += not code
                    if code in _NEVER:
                        self._give_up(code)
                        return

    def _send(self, request: bytes) -> bool:
        try:
            self._sock.send(request)
        except OSError as error:
            self._give_up(error.errno or 0)
            return False
        return True

    def _receive(self) -> bytes:
        try:
            return self._sock.recv(1 << 16)
        except OSError as error:
            if error.errno != errno.ENOBUFS:  # something was lost, but a list goes on
                self._asking = False
                if error.errno != errno.EAGAIN:
                    self._give_up(error.errno or 0)
            return b""

    def _give_up(self, code: int) -> None:
        """Leave what is being done: for now, or for ever if it will not do on this host."""
        self._doomed.clear()
        self._families.clear()
        if code in _FOR_NOW:
            later = self._began_at + CLOSE_AFTER_SECONDS
            self._due = dict.fromkeys(self._wanted.values(), later) | self._due
            return
        self.warning = (
            f"the kernel does not close connections of a lost VIP ({os.strerror(code)}): they stay"
            " until they time out; it needs CONFIG_INET_DIAG_DESTROY"
        )


def _destruction(kind: int, data: bytes, start: int) -> bytes:
    """Destroy just the connection of a listed message; its cookie tells it from a later one."""
    body = _HEAD.pack(data[start], socket.IPPROTO_TCP, 0, 0, _STATES) + data[start + 4 : start + 52]
    return HEADER.pack(16 + len(body), kind, REQUEST | ACK, 0, 0) + body
