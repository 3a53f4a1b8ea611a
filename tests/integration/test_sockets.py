"""Connections of a VIP that left are closed by the real kernel; no others are."""

import errno
import itertools
import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

import pytest

from tests.integration.plumbing import OWN, OWN6, VIPS, VIPS6, take
from tests.integration.segment import Host, define, hosts
from workers.failover.plumber import Plumber
from workers.failover.sockets import AT_ONCE, CLOSE_AFTER_SECONDS, WORK_SECONDS, Sockets

PORT = 2525
MANY = 600


@dataclass(frozen=True)
class Pair:
    """`one` holds the VIPs, `two` is a client."""

    one: Host
    two: Host
    plumber: Plumber
    sockets: Sockets
    stack: ExitStack

    def serve(self, address: str, family: int | None = None) -> socket.socket:
        """A listening socket on `one`; "" is any address of both IP versions."""
        family = family or (socket.AF_INET6 if ":" in address else socket.AF_INET)
        with self.one.inside():
            if address:
                made = socket.create_server((address, PORT), family=family, backlog=MANY)
            else:
                made = socket.create_server(("", PORT), family=family, dualstack_ipv6=True)
            return self.stack.enter_context(made)

    def call(self, server: socket.socket, address: str) -> socket.socket:
        """A connection of `two`: the end of `one`."""
        with self.two.inside():
            client = socket.create_connection((address, PORT), timeout=2)
        self.stack.enter_context(client)
        accepted = self.stack.enter_context(server.accept()[0])
        accepted.settimeout(0.2)
        return accepted

    def release(self, *vips: str) -> None:
        """The VIPs leave; a second later."""
        with self.one.inside():
            self.plumber.release(vips)
        now = time.monotonic()
        self.sockets.note(vips, now)
        self.work(now + CLOSE_AFTER_SECONDS)

    def work(self, now: float) -> None:
        while self.sockets.work(now):
            continue


@pytest.fixture
def pair() -> Iterator[Pair]:
    with hosts(2) as (one, two), ExitStack() as stack, one.inside():
        plumber = stack.enter_context(closing(Plumber("one", define(*VIPS, *VIPS6, lease_ttl=30))))
        plumber.open()
        take(plumber, *VIPS, *VIPS6)
        made = Sockets(plumber.has)
        stack.callback(made.finish)
        yield Pair(one, two, plumber, made, stack)


def state(connection: socket.socket) -> str:
    """What a server learns that waits for its client."""
    try:
        return "closed" if connection.recv(1) == b"" else "said"
    except TimeoutError:
        return "open"
    except OSError as error:
        return errno.errorcode[error.errno or 0]


@pytest.mark.parametrize(("own", "vips"), [(OWN, VIPS), (OWN6, VIPS6)])
def test_connections_of_a_vip_that_left_are_closed_and_no_others(
    pair: Pair, own: str, vips: tuple[str, ...]
) -> None:
    kept = {a: pair.call(pair.serve(a), a) for a in (own, vips[1])}
    server = pair.serve(vips[0])
    mute = pair.call(server, vips[0])

    pair.release(vips[0])

    assert state(mute) == "ECONNABORTED"
    assert {state(one) for one in kept.values()} == {"open"}
    assert pair.sockets.closed == 1
    with pair.one.inside():
        take(pair.plumber, vips[0])
    assert state(pair.call(server, vips[0])) == "open"  # whoever listens goes on


@pytest.mark.parametrize("vip", [VIPS[0], VIPS6[0]])
def test_a_socket_for_both_ip_versions_is_closed_too(pair: Pair, vip: str) -> None:
    mute = pair.call(pair.serve("", socket.AF_INET6), vip)

    pair.release(vip)

    assert state(mute) == "ECONNABORTED"


def test_what_came_back_in_time_goes_on(pair: Pair) -> None:
    connection = pair.call(pair.serve(VIPS[0]), VIPS[0])
    now = time.monotonic()
    with pair.one.inside():
        pair.plumber.release(VIPS[:1])
        pair.sockets.note(VIPS[:1], now)
        pair.work(now + CLOSE_AFTER_SECONDS - 0.1)
        take(pair.plumber, VIPS[0])
    pair.work(now + CLOSE_AFTER_SECONDS)

    assert state(connection) == "open"
    assert pair.sockets.closed == 0


def test_at_the_end_of_the_process_nothing_is_waited_for(pair: Pair) -> None:
    mute = pair.call(pair.serve(VIPS[0]), VIPS[0])
    with pair.one.inside():
        pair.plumber.release(VIPS[:1])
    pair.sockets.note(VIPS[:1], time.monotonic())
    pair.sockets.finish()

    assert state(mute) == "ECONNABORTED"


def test_hundreds_are_closed_in_short_turns(pair: Pair) -> None:
    ticks = itertools.count(step=0.6 * WORK_SECONDS)
    slow = Sockets(pair.plumber.has, clock=lambda: next(ticks))
    pair.stack.callback(slow.finish)
    server = pair.serve(VIPS[0])
    mute = [pair.call(server, VIPS[0]) for _ in range(MANY)]
    with pair.one.inside():
        pair.plumber.release(VIPS[:1])
    slow.note(VIPS[:1], 0.0)

    closed = [0]
    while slow.work(CLOSE_AFTER_SECONDS):  # on a machine so slow that a turn has time for one piece
        closed.append(slow.closed)

    assert {state(one) for one in mute} == {"ECONNABORTED"}
    assert slow.closed == MANY
    assert max(b - a for a, b in itertools.pairwise(closed)) <= AT_ONCE


def test_a_kernel_that_closes_none_is_told_of_once(pair: Pair) -> None:
    unknown = Sockets(pair.plumber.has, destroy=22)  # a question this kernel does not know
    pair.stack.callback(unknown.finish)
    pair = replace(pair, sockets=unknown)
    mute = [pair.call(pair.serve(vip), vip) for vip in VIPS[:2]]

    pair.release(*VIPS[:2])

    assert "CONFIG_INET_DIAG_DESTROY" in pair.sockets.warning
    assert {state(one) for one in mute} == {"open"}
    assert not pair.sockets.work(time.monotonic() + 9)


class Troubled:
    """A netlink socket that fails for its first calls of one kind."""

    def __init__(self, real: socket.socket, call: str, code: int) -> None:
        self._real, self._call, self._codes = real, call, [code]

    def __getattr__(self, name: str) -> object:
        if name == self._call and self._codes:
            raise OSError(self._codes.pop(), "trouble")
        return getattr(self._real, name)


@pytest.mark.parametrize("code", [errno.ENOBUFS, errno.EBUSY])
def test_what_could_not_be_asked_for_a_moment_is_asked_later(pair: Pair, code: int) -> None:
    mute = pair.call(pair.serve(VIPS[0]), VIPS[0])
    sockets = pair.sockets
    sockets._sock = Troubled(sockets._sock, "send", code)  # type: ignore[assignment]

    pair.release(VIPS[0])

    assert state(mute) == "open"
    assert not sockets.warning
    pair.work(time.monotonic() + 9)
    assert state(mute) == "ECONNABORTED"


def test_a_list_goes_on_when_something_of_it_was_lost(pair: Pair) -> None:
    server = pair.serve(VIPS[0])
    mute = [pair.call(server, VIPS[0]) for _ in range(MANY)]
    sockets = pair.sockets
    sockets._sock = Troubled(sockets._sock, "recv", errno.ENOBUFS)  # type: ignore[assignment]

    pair.release(VIPS[0])

    assert (sockets.closed, sockets.warning) == (MANY, "")
    assert {state(one) for one in mute} == {"ECONNABORTED"}


def test_without_rights_nothing_is_closed_and_that_is_told(pair: Pair) -> None:
    mute = pair.call(pair.serve(VIPS[0]), VIPS[0])
    os.seteuid(65534)
    try:
        pair.sockets.note([VIPS[0]], 0.0)
        pair.plumber._kept.forget([VIPS[0]])
        pair.work(CLOSE_AFTER_SECONDS)
    finally:
        os.seteuid(0)

    assert "not permitted" in pair.sockets.warning
    assert state(mute) == "open"
