"""Listings of the kernel: whole, or all that is known, or refused; never less without a word."""

import errno
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.integration.plumbing import OWN, host
from tests.integration.segment import Host
from workers.failover.errors import PlumberError
from workers.failover.netlink import HEADER, NLMSG_DONE, Requests, messages

__all__ = ["host"]

ADDRESSES = [str(ipaddress.ip_address("203.0.113.1") + number) for number in range(12)]


class Restless(Requests):
    """Each listing changed while it was told, and left out another address."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def _list_once(self, kind: int, body: bytes) -> tuple[list[bytes], bool]:
        listed, _ = super()._list_once(kind, body)
        del listed[self.asked % len(listed)]
        self.asked += 1
        return listed, False


class Failing(Requests):
    """A listing that the kernel ends with an error, as it does when it has begun."""

    code = errno.ENOMEM

    def _receive(self) -> Iterator[tuple[int, int, int, bytes, int, int]]:
        body = (-self.code).to_bytes(4, "little", signed=True)
        return messages(HEADER.pack(20, NLMSG_DONE, 0, self._sequence, 0) + body)


def listed(requests: Requests) -> list[str]:
    return [socket.inet_ntoa(a.packed) for a in requests.all_addresses(socket.AF_INET)]


def test_what_one_listing_left_out_is_known_from_another(host: Host) -> None:
    for address in ADDRESSES:
        host.ip("addr", "add", f"{address}/32", "dev", "eth0")
    with closing(Restless()) as requests:
        found = listed(requests)

    assert sorted(found) == sorted(["127.0.0.1", OWN, *ADDRESSES])
    assert requests.asked == 10


def test_a_listing_that_ends_with_an_error_is_refused(host: Host) -> None:
    with closing(Failing()) as requests, pytest.raises(PlumberError, match="Cannot allocate"):
        listed(requests)


def test_an_interface_that_is_gone_has_no_addresses(host: Host) -> None:
    with closing(Requests()) as requests:
        assert requests.addresses(9999, socket.AF_INET) == []
        assert requests.addresses(9999, socket.AF_INET6) == []
