"""The policy server on real sockets: whatever clients do, it answers the others."""

import random
import resource
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.policy_parts import Node, all_is_taken, node, until
from tests.unit.replication.asking import asked
from workers.replication import listening, serving
from workers.replication.core.clients import (
    CLIENTS_MAX,
    IDLE_SECONDS,
    UNFINISHED_SECONDS,
    UNREAD_SECONDS,
)
from workers.replication.core.definitions import Limit, Per, Replication, Subject
from workers.replication.core.policy_protocol import DUNNO, ENDLESS_BYTES, REQUEST_BYTES

REPLICATION = Replication(
    limits=(Limit("a", Subject.INBOUND_MESSAGES, Per.ADDRESS, 2, 3_600.0, message="no"),)
)
FILES = 16_000
"""Ten thousand clients, the server's ends of those that stay, and what else is open."""
DEFERRED = b"action=DEFER_IF_PERMIT 4.7.1 no\n\n"


class Clock:
    """One that tests turn on."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(tmp_path: Path, clock: Clock) -> Iterator[Node]:
    with node(tmp_path, REPLICATION, clock=clock) as running:
        yield running
        assert running.complaints == []


def answer(talker: socket.socket, request: bytes) -> bytes:
    talker.sendall(request)
    return answers(talker, 1)


def answers(talker: socket.socket, many: int) -> bytes:
    """Read so many answers."""
    heard = b""
    while heard.count(b"\n\n") < many:
        piece = talker.recv(65_536)
        assert piece, heard
        heard += piece
    return heard


def is_closed(talker: socket.socket) -> bool:
    """Whether the server has closed; waits for it."""
    try:
        while talker.recv(1 << 20):
            pass
    except ConnectionError:
        return True
    return True


def still_answers(server: Node) -> None:
    with server.talker() as talker:
        assert answer(talker, asked(client_address="203.0.113.200", instance="")) == DUNNO


def test_limits_hold_over_both_sockets(server: Node) -> None:
    with server.talker() as one, socket.create_connection(("127.0.0.1", server.policy_port)) as two:
        two.settimeout(20)
        said = [answer(one if n % 2 else two, asked(instance=str(n))) for n in range(4)]

    assert said == [DUNNO, DUNNO, DEFERRED, DEFERRED]


def test_what_comes_at_once_is_answered_in_order(server: Node) -> None:
    with server.talker() as talker:
        talker.sendall(b"".join(asked(instance=str(n)) for n in range(4)))
        assert answers(talker, 4) == DUNNO * 2 + DEFERRED * 2


def test_a_request_may_come_byte_by_byte(server: Node) -> None:
    with server.talker() as talker:
        for byte in asked():
            talker.sendall(bytes([byte]))
        assert answers(talker, 1) == DUNNO


def test_nonsense_is_let_through_and_counted(server: Node) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for _ in range(50):
        text = dice.randbytes(dice.randrange(2_000)).replace(b"\n", b"\r") + b"\n\n"
        with server.talker() as talker:
            assert answer(talker, text) == DUNNO

    assert server.limits.faults.malformed == 50
    still_answers(server)


def test_keys_with_nuls_and_addresses_that_are_none(server: Node) -> None:
    with server.talker() as talker:
        for address in ("\0", "999.1.1.1", "::ffff:1.2.3", "x" * 60_000):
            assert answer(talker, asked(client_address=address)) == DUNNO

    assert server.limits.faults.bad_address == 4


def test_an_attribute_of_a_megabyte_is_passed_over(server: Node) -> None:
    with server.talker() as talker:
        assert answer(talker, asked(sender="x" * (1 << 20))) == DUNNO
        assert answer(talker, asked(instance="2")) == DUNNO

    assert server.limits.faults.oversized == 1


def test_a_client_that_never_ends_a_request_is_closed(server: Node) -> None:
    with server.talker() as talker:
        assert not all_is_taken(talker, b"x" * REQUEST_BYTES, 4 * ENDLESS_BYTES)

    assert server.policy.closed["endless"] == 1
    still_answers(server)


def test_without_a_blank_line_there_is_no_answer_and_then_an_end(
    server: Node, clock: Clock
) -> None:
    with server.talker() as talker:
        talker.sendall(asked()[:-1])
        until(lambda: any(one.begun_at for one in server.policy.clients), "nothing was heard")
        clock.ahead = UNFINISHED_SECONDS + 1
        assert is_closed(talker)

    assert server.policy.closed["unfinished"] == 1
    still_answers(server)


def test_a_client_that_says_nothing_for_long_is_closed(server: Node, clock: Clock) -> None:
    with server.talker() as talker:
        assert answer(talker, asked()) == DUNNO
        clock.ahead = IDLE_SECONDS + 1
        assert is_closed(talker)

    assert server.policy.closed["idle"] == 1


def test_who_does_not_read_is_not_listened_to_and_then_closed(server: Node, clock: Clock) -> None:
    with server.talker(1.0) as talker:
        assert not all_is_taken(talker, asked(client_address="none") * 100, 256 << 20)
        (client,) = server.policy.clients
        assert client.held_up_at is not None
        assert client.transport is not None
        held = client.transport.get_write_buffer_size()
        assert held < 4 * serving.UNREAD_BYTES + len(DUNNO) * 1_000
        still_answers(server)
        clock.ahead = UNREAD_SECONDS + 1
        until(lambda: client not in server.policy.clients, "it is still there")

    assert server.policy.closed["unread"] == 1


def test_who_reads_late_gets_every_answer(server: Node) -> None:
    many = 40_000
    with server.talker() as talker:
        request = b"request=x\n\n"
        feeder = threading.Thread(target=talker.sendall, args=(request * many,))
        feeder.start()
        until(lambda: any(one.held_up_at for one in server.policy.clients), "it was not held up")
        assert answers(talker, many) == DUNNO * many
        feeder.join(20)


def test_ten_thousand_clients_at_once_leave_room_for_another(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < FILES:
        pytest.skip(f"this test needs {FILES} open files, the system allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, hard))
    talkers = []
    try:
        with node(tmp_path, REPLICATION) as server:
            talkers += [server.talker() for _ in range(10_000)]
            still_answers(server)
            assert len(server.policy.clients) <= CLIENTS_MAX
            assert server.policy.closed["crowded"] >= 10_000 - CLIENTS_MAX
            assert server.complaints == []
    finally:
        for talker in talkers:
            talker.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_busy_client_is_not_crowded_out(tmp_path: Path) -> None:
    with node(tmp_path, REPLICATION, clients_max=64) as server, server.talker() as busy:
        talkers = []
        for _ in range(300):
            talkers.append(server.talker())
            assert answer(busy, asked(client_address="203.0.113.7", instance="7")) == DUNNO
        for talker in talkers:
            talker.close()


def test_a_socket_that_nobody_answers_on_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s" / "policy.sock"
    listening.listen_unix(path).close()
    again = listening.listen_unix(path)

    with pytest.raises(listening.ListeningError, match="another worker answers"):
        listening.listen_unix(path)
    again.close()


def test_a_file_in_the_way_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "policy.sock"
    path.write_text("mine")

    with pytest.raises(listening.ListeningError, match="is no socket"):
        listening.listen_unix(path)
    assert path.read_text() == "mine"


def test_a_port_that_is_taken_is_said() -> None:
    with listening.listen_tcp("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(listening.ListeningError, match=f"127.0.0.1:{port}: cannot be opened"):
            listening.listen_tcp("127.0.0.1", port)
