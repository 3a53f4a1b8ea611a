"""Route netlink in raw bytes: address and link messages out, listings and notifications in.

Many requests travel in one buffer; only the last asks for an acknowledgement, and the kernel
reports each failed one by its sequence number. Plain sockets and `struct`: a listing of thousands
of addresses is parsed in milliseconds. What to add, renew or delete is decided in `leases` and
`plumber`.
"""

import errno
import os
import select
import socket
import struct
from collections.abc import Container, Iterator, Sequence
from typing import NamedTuple

from workers.failover import packet_filter
from workers.failover.errors import PlumberError

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
_RTM_GETNEIGH = 30
IFA_F_SECONDARY, IFA_F_NODAD, IFA_F_DADFAILED = 0x01, 0x02, 0x08
IFA_F_TENTATIVE, IFA_F_PERMANENT, IFA_F_NOPREFIXROUTE = 0x40, 0x80, 0x200
SCOPE_GLOBAL, SCOPE_LINK, SCOPE_HOST = 0, 253, 254
FOREVER = 0xFFFFFFFF

_IFF_UP, _IFF_LOWER_UP = 0x1, 0x10000
_IFA_ADDRESS, _IFA_LOCAL, _IFA_CACHEINFO, _IFA_FLAGS = 1, 2, 6, 8
_IFLA_ADDRESS, _IFLA_IFNAME = 1, 3
_NDA_ADDRESS, _NDA_LINK_ADDRESS = 1, 2
_NUD_REACHABLE, _NUD_STALE, _NUD_DELAY, _NUD_PROBE, _NUD_PERMANENT = 0x2, 0x4, 0x8, 0x10, 0x80
NLMSG_ERROR, NLMSG_DONE = 2, 3
REQUEST, ACK, _ECHO, DUMP, _REPLACE, _CREATE = 0x1, 0x4, 0x8, 0x300, 0x100, 0x400
_DUMP_INTERRUPTED, _ACK_WITH_TEXT = 0x10, 0x200
_ERROR_TEXT = 1
_SOL_NETLINK, _CAP_ACK, _EXT_ACK, _STRICT = 270, 10, 11, 12
_SNDBUFFORCE, _RCVBUFFORCE = 32, 33
_GROUPS = 0x1 | 0x10 | 0x100  # links, IPv4 addresses, IPv6 addresses
_BUFFER_BYTES = 8 << 20
_ANSWER_SECONDS = 2
_LISTINGS = 10
HEADER = struct.Struct("=IHHII")
_ADDRESS = struct.Struct("=BBBBI")
_LINK = struct.Struct("=BxHiII")
_NEIGHBOUR = struct.Struct("=BxxxiHBB")
_ATTRIBUTE = struct.Struct("=HH")
_HALF = struct.Struct("=H")
_WORD = struct.Struct("=I")
_SIGNED = struct.Struct("=i")
_LIFETIMES = struct.Struct("=II")
_NEW = struct.Struct("=HHIHHIIII")  # IFA_FLAGS and IFA_CACHEINFO, each with its attribute header


class KernelAddress(NamedTuple):
    """One address as the kernel lists it; `valid_seconds` is FOREVER or what is left, rounded."""

    ifindex: int
    packed: bytes
    prefix_length: int
    scope: int
    flags: int
    valid_seconds: int

    @property
    def secondary(self) -> bool:
        """It hangs on a primary of its subnet (IPv4 only; IPv6 uses the bit for temporary ones)."""
        return bool(self.flags & IFA_F_SECONDARY)

    @property
    def leased(self) -> bool:
        """The kernel removes it by itself when its own lifetime ends."""
        return self.valid_seconds != FOREVER


class KernelLink(NamedTuple):
    """An interface; `up` means enabled and with carrier."""

    ifindex: int
    name: str
    mac: str
    up: bool


class KernelNeighbour(NamedTuple):
    """A host on the wire as the kernel's neighbour table has it; `mac` is empty when unknown."""

    ifindex: int
    address: str
    mac: str
    state: int

    @property
    def known(self) -> bool:
        """Its link address is known, and was not found wrong."""
        usable = _NUD_REACHABLE | _NUD_STALE | _NUD_DELAY | _NUD_PROBE | _NUD_PERMANENT
        return bool(self.mac and self.state & usable)

    def age(self) -> int:
        """Smaller for those heard of more lately."""
        return int(self.state == _NUD_STALE)


class Notice(NamedTuple):
    """A notification: message type, and what it is about."""

    kind: int
    subject: KernelAddress | KernelLink


class Outcome(NamedTuple):
    """`refused`: position of a request -> sentence. `echoed`: results, where asked for."""

    refused: dict[int, str]
    echoed: list[KernelAddress]


def new_address(address: KernelAddress, echo: bool = False) -> bytes:
    """Request that adds or renews `address` with its `valid_seconds`; `echo`: show the result."""
    valid = address.valid_seconds
    # A deprecated IPv6 address serves, but is never chosen as the source of outgoing traffic.
    preferred = valid if len(address.packed) == 4 else 0
    body = _request_head(address) + _NEW.pack(
        8, _IFA_FLAGS, address.flags, 20, _IFA_CACHEINFO, preferred, valid, 0, 0
    )
    flags = REQUEST | _REPLACE | _CREATE | (_ECHO if echo else 0)
    return HEADER.pack(16 + len(body), RTM_NEWADDR, flags, 0, 0) + body


def delete_address(address: KernelAddress, exact: bool = False) -> bytes:
    """Request that deletes `address`; an IPv4 one whatever its prefix length is unless `exact`."""
    body = _request_head(address)
    if exact:
        body += _ATTRIBUTE.pack(4 + len(address.packed), _IFA_ADDRESS) + address.packed
    return HEADER.pack(16 + len(body), RTM_DELADDR, REQUEST, 0, 0) + body


def _request_head(address: KernelAddress) -> bytes:
    family = socket.AF_INET if len(address.packed) == 4 else socket.AF_INET6
    # IFA_LOCAL alone: the kernel takes it as the IPv4 address too, and compares no prefix.
    return (
        _ADDRESS.pack(family, address.prefix_length, 0, address.scope, address.ifindex)
        + _ATTRIBUTE.pack(4 + len(address.packed), _IFA_LOCAL)
        + address.packed
    )


def _attributes(data: bytes, offset: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Kind, start and end of each attribute's payload."""
    while offset + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4:
            return
        yield kind & 0x3FFF, offset + 4, min(offset + length, end)
        offset += (length + 3) & ~3


def _read_address(data: bytes, offset: int, end: int) -> KernelAddress:
    _, prefix_length, flags, scope, index = _ADDRESS.unpack_from(data, offset)
    packed, valid, local = b"", FOREVER, False
    offset += 8
    while offset + 4 <= end:  # unrolled: this loop runs for every attribute of every address
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4:
            break
        if kind == _IFA_LOCAL or (kind == _IFA_ADDRESS and not local):
            packed, local = data[offset + 4 : offset + length], kind == _IFA_LOCAL
        elif kind == _IFA_FLAGS:
            (flags,) = _WORD.unpack_from(data, offset + 4)
        elif kind == _IFA_CACHEINFO:
            _, valid = _LIFETIMES.unpack_from(data, offset + 4)
        offset += (length + 3) & ~3
    return KernelAddress(index, packed, prefix_length, scope, flags, valid)


def _read_link(data: bytes, offset: int, end: int) -> KernelLink:
    _, _, index, flags, _ = _LINK.unpack_from(data, offset)
    name = mac = ""
    for kind, start, stop in _attributes(data, offset + 16, end):
        if kind == _IFLA_IFNAME:
            name = data[start:stop].rstrip(b"\0").decode("utf-8", "replace")
        elif kind == _IFLA_ADDRESS:
            mac = data[start:stop].hex(":")
    return KernelLink(index, name, mac, bool(flags & _IFF_UP and flags & _IFF_LOWER_UP))


def _read_neighbour(data: bytes) -> KernelNeighbour:
    family, index, state, _, _ = _NEIGHBOUR.unpack_from(data, 0)
    address = mac = ""
    for kind, start, stop in _attributes(data, 12, len(data)):
        if kind == _NDA_ADDRESS and stop - start in (4, 16):
            address = socket.inet_ntop(family, data[start:stop])
        elif kind == _NDA_LINK_ADDRESS:
            mac = data[start:stop].hex(":")
    return KernelNeighbour(index, address, mac, state)


def _open_socket(groups: int) -> socket.socket:
    try:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
        for option in (_SNDBUFFORCE, _RCVBUFFORCE):
            sock.setsockopt(socket.SOL_SOCKET, option, _BUFFER_BYTES)
        sock.bind((0, groups))
    except OSError as error:
        raise PlumberError(
            f"netlink cannot be opened: {error.strerror}; run as root or with CAP_NET_ADMIN"
        ) from error
    return sock


class Requests:
    """The socket that asks the kernel; every call returns when the kernel is done."""

    def __init__(self) -> None:
        self._sock = _open_socket(0)
        self._sock.settimeout(_ANSWER_SECONDS)
        self._sock.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)
        self._sock.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)
        try:
            self._sock.setsockopt(_SOL_NETLINK, _STRICT, 1)
        except OSError as error:  # before Linux 4.20: listings are complete and filtered here
            if error.errno != errno.ENOPROTOOPT:
                raise
        self._sequence = 0
        self._known: dict[int, dict[bytes, KernelAddress]] = {}
        """By family: the messages of the last listing of all, read. Most stay as they are."""

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    @property
    def port(self) -> int:
        """The number that notifications of this socket's own doing carry."""
        return int(self._sock.getsockname()[0])

    def perform(self, requests: Sequence[bytes]) -> Outcome:
        """Send all in one buffer and wait until the kernel has done all of it."""
        if not requests:
            return Outcome({}, [])
        first = self._sequence + 1
        self._sequence += len(requests)
        buffer = bytearray(b"".join(requests))
        offset = last = 0
        for position, request in enumerate(requests):
            _WORD.pack_into(buffer, offset + 8, first + position)
            last, offset = offset, offset + len(request)
        (flags,) = _HALF.unpack_from(buffer, last + 6)
        _HALF.pack_into(buffer, last + 6, flags | ACK)
        self._sock.send(buffer)
        return self._collect(first, self._sequence)

    def _collect(self, first: int, last: int) -> Outcome:
        outcome = Outcome({}, [])
        while True:
            for kind, flags, sequence, data, start, end in self._receive():
                if not first <= sequence <= last:
                    continue
                if kind == RTM_NEWADDR:
                    outcome.echoed.append(_read_address(data, start, end))
                elif kind == NLMSG_ERROR:
                    code = -_SIGNED.unpack_from(data, start)[0]
                    if code:
                        outcome.refused[sequence - first] = _sentence(code, flags, data, start, end)
                    if sequence == last:
                        return outcome

    def addresses(self, index: int, family: int) -> list[KernelAddress]:
        """Every address of one interface and family, in the kernel's order."""
        said = self._list(RTM_GETADDR, _ADDRESS.pack(family, 0, 0, 0, index))
        listed = [_read_address(one, 0, len(one)) for one in said]
        return [address for address in listed if address.ifindex == index]

    def all_addresses(self, family: int) -> list[KernelAddress]:
        """Every address of one family on all interfaces, those of each in the kernel's order.

        10,240 that are as they were at the last call take some 10 ms.
        """
        known, fresh = self._known.get(family, {}), {}
        for said in self._list(RTM_GETADDR, _ADDRESS.pack(family, 0, 0, 0, 0)):
            fresh[said] = known.get(said) or _read_address(said, 0, len(said))
        self._known[family] = fresh
        return list(fresh.values())

    def last_listed(self, family: int) -> list[KernelAddress]:
        """What `all_addresses` told at its last call."""
        return list(self._known.get(family, {}).values())

    def as_listed(self, addresses: Container[KernelAddress]) -> list[bytes]:
        """Requests that add those of the last listing of all again, just as they were."""
        return [
            HEADER.pack(16 + len(said), RTM_NEWADDR, REQUEST | _CREATE, 0, 0) + said
            for known in self._known.values()
            for said, address in known.items()
            if address in addresses
        ]

    def links(self) -> list[KernelLink]:
        """Every interface of this network namespace."""
        said = self._list(RTM_GETLINK, _LINK.pack(socket.AF_UNSPEC, 0, 0, 0, 0))
        return [_read_link(one, 0, len(one)) for one in said]

    def neighbours(self) -> list[KernelNeighbour]:
        """Every host on the wire that the kernel knows, by IPv4 and IPv6."""
        families = (socket.AF_INET, socket.AF_INET6)
        bodies = (_NEIGHBOUR.pack(family, 0, 0, 0, 0) for family in families)
        return [_read_neighbour(one) for body in bodies for one in self._list(_RTM_GETNEIGH, body)]

    def _list(self, kind: int, body: bytes) -> list[bytes]:
        """What the kernel says of each; the type of the answer is that of the question minus 2.

        A list that changed while it was told may leave out what did not change. If that does not
        stop, all that any of them has is told: notifications tell what is gone since.
        """
        seen: dict[bytes, None] = {}
        for _ in range(_LISTINGS):
            listed, consistent = self._list_once(kind, body)
            if consistent:
                return listed
            seen |= dict.fromkeys(listed)
        return list(seen)

    def _list_once(self, kind: int, body: bytes) -> tuple[list[bytes], bool]:
        self._sequence += 1
        wanted, mine = kind - 2, self._sequence
        self._sock.send(HEADER.pack(16 + len(body), kind, REQUEST | DUMP, mine, 0) + body)
        listed: list[bytes] = []
        consistent = True
        while True:
            for kind_, flags, sequence, data, start, end in self._receive():
                if sequence != mine:
                    continue
                consistent = consistent and not flags & _DUMP_INTERRUPTED
                if kind_ == wanted:
                    listed.append(data[start:end])
                elif kind_ in (NLMSG_ERROR, NLMSG_DONE):  # one ends it at the begin, one later
                    code = -_SIGNED.unpack_from(data, start)[0] if end - start >= 4 else 0
                    if code == errno.ENODEV:  # the interface is gone, and its addresses with it
                        return [], True
                    if code > 0 or kind_ == NLMSG_ERROR:
                        raise PlumberError(f"the kernel refused a listing: {os.strerror(code)}")
                    return listed, consistent

    def _receive(self) -> Iterator[tuple[int, int, int, bytes, int, int]]:
        try:
            data = self._sock.recv(1 << 17)
        except TimeoutError:
            raise PlumberError(
                f"the kernel left a netlink request unanswered for {_ANSWER_SECONDS} s"
            ) from None
        return messages(data)


class Notifications:
    """The socket that hears of changes of links and addresses that `own_port` did not ask for."""

    def __init__(self, own_port: int) -> None:
        self._sock = _open_socket(_GROUPS)
        self._sock.setblocking(False)
        # The kernel does not even wake us for what we did ourselves.
        packet_filter.attach(self._sock, packet_filter.notices_not_by(own_port))
        self._poll = select.poll()
        self._poll.register(self._sock, select.POLLIN)

    def fileno(self) -> int:
        """Readable when something changed."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()

    def waiting(self) -> bool:
        """Whether there is something to read, if only that something was lost."""
        return bool(self._poll.poll(0))

    def read(self, limit: int) -> tuple[list[Notice], bool]:
        """At most `limit` notices, and whether some were lost because the buffer was full."""
        notices: list[Notice] = []
        lost = False
        while len(notices) < limit:
            try:
                data = self._sock.recv(1 << 16)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                lost = True
                continue
            for kind, _, _, _, start, end in messages(data):
                if kind in (RTM_NEWADDR, RTM_DELADDR):
                    notices.append(Notice(kind, _read_address(data, start, end)))
                elif kind in (RTM_NEWLINK, RTM_DELLINK):
                    notices.append(Notice(kind, _read_link(data, start, end)))
        return notices, lost


def messages(data: bytes) -> Iterator[tuple[int, int, int, bytes, int, int]]:
    """Kind, flags, sequence, data, payload start and end of each message in one datagram."""
    offset, size = 0, len(data)
    while offset + 16 <= size:
        length, kind, flags, sequence, _ = HEADER.unpack_from(data, offset)
        if length < 16 or offset + length > size:
            return
        yield kind, flags, sequence, data, offset + 16, offset + length
        offset += (length + 3) & ~3


def _sentence(code: int, flags: int, data: bytes, start: int, end: int) -> str:
    if flags & _ACK_WITH_TEXT:
        for kind, begin, stop in _attributes(data, start + 20, end):
            if kind == _ERROR_TEXT:
                text = data[begin:stop].rstrip(b"\0").decode("utf-8", "replace")
                return f"{os.strerror(code)}: {text}"
    return os.strerror(code)
