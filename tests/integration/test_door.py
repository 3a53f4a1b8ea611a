"""The local door alone, on a real socket: slow and hostile clients, and what is in its way."""

import asyncio
import contextlib
import errno
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from workers.failover.door import CLIENTS_MAX, REQUEST_BYTES, UNSENT_BYTES, Door, DoorError

PATIENCE_SECONDS = 5.0
IDLE_SECONDS = 0.6
BIG = "x" * 100_000


def _boom(_request: dict[str, Any]) -> dict[str, Any]:
    raise ZeroDivisionError("no answer")


@dataclass
class Served:
    """A door that is served by a loop in a thread of its own."""

    path: Path
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    followers: list[Callable[[bytes], None]] = field(default_factory=list)

    def client(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.connect(str(self.path))  # before the timeout: with one, a full queue is an error
        made.settimeout(PATIENCE_SECONDS)
        return made

    def ask(self, request: bytes) -> Any:
        """The answer to one line."""
        with self.client() as client:
            client.sendall(request + b"\n")
            return answer(client)

    def tell(self, lines: bytes) -> None:
        """Show events to the followers."""
        self.loop.call_soon_threadsafe(lambda: [one(lines) for one in tuple(self.followers)])


@contextmanager
def serving(path: Path, idle_seconds: float = PATIENCE_SECONDS) -> Iterator[Served]:
    served = Served(path)
    served.loop.set_exception_handler(lambda _loop, _context: None)
    commands = {
        "status": lambda _: {"state": "ready"},
        "big": lambda _: {"text": BIG},
        "events": lambda request: {"events": [request.get("since", 0)] * request.get("times", 1)},
        "refused": lambda _: {"error": "not now"},
        "boom": _boom,
    }
    door = Door(path, commands, served.followers, idle_seconds)
    thread = threading.Thread(target=served.loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(door.open(), served.loop).result(PATIENCE_SECONDS)
        yield served
    finally:
        asyncio.run_coroutine_threadsafe(_end(door), served.loop).result(PATIENCE_SECONDS)
        served.loop.call_soon_threadsafe(served.loop.stop)
        thread.join(PATIENCE_SECONDS)
        served.loop.close()


async def _end(door: Door) -> None:
    """Close the door, and end the conversations as the end of the process does."""
    door.close()
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "door") as served:
        yield served


def answer(client: socket.socket) -> Any:
    """The next line, byte by byte, so that nothing after it is swallowed."""
    line = b""
    while not line.endswith(b"\n"):
        byte = client.recv(1)
        if not byte:
            return None
        line += byte
    return json.loads(line)


def is_closed(client: socket.socket) -> bool:
    """Whether the door closes the connection, whatever it says before."""
    try:
        while client.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def wait(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# Questions and answers.


def test_a_question_is_answered_with_its_correlation(door: Served) -> None:
    assert door.ask(b'{"command": "status"}') == {"state": "ready"}
    assert door.ask(b'{"command": "status", "correlation": [1]}') == {
        "state": "ready",
        "correlation": [1],
    }


def test_questions_sent_together_are_answered_in_order(door: Served) -> None:
    with door.client() as client:
        lines = [b'{"command": "status", "correlation": %d}\n' % n for n in range(50)]
        client.sendall(b"".join(lines))

        assert [answer(client)["correlation"] for _ in range(50)] == list(range(50))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "send one JSON object"),
        (b"status", "send one JSON object"),
        (b"[1]", "send one JSON object"),
        (b"[" * 20_000, "send one JSON object"),
        (b"\xff\xfe\x00", "send one JSON object"),
        (b"{}", "known are big, boom, events"),
        (b'{"command": ["status"]}', "known are"),
        (b'{"command": "fly"}', "known are"),
        (b'{"command": "boom"}', "failed to answer: ZeroDivisionError"),
    ],
)
def test_what_is_no_question_gets_a_sentence(door: Served, line: bytes, words: str) -> None:
    assert words in door.ask(line)["error"]
    assert door.ask(b'{"command": "status"}') == {"state": "ready"}


def test_a_line_may_be_as_long_as_the_limit_and_no_longer(door: Served) -> None:
    fits = json.dumps({"command": "status", "pad": "x" * (REQUEST_BYTES - 60)}).encode()

    assert door.ask(fits) == {"state": "ready"}
    with door.client() as client:
        client.sendall(b"x" * (REQUEST_BYTES + 1))
        assert "longer than 65536 bytes" in answer(client)["error"]
        assert is_closed(client)


# Slow and hostile clients.


def test_a_slow_client_keeps_nobody_waiting(door: Served) -> None:
    with door.client() as slow:
        for byte in b'{"command": "status"}':
            slow.sendall(bytes([byte]))
            assert door.ask(b'{"command": "status"}') == {"state": "ready"}
        slow.sendall(b"\n")

        assert answer(slow) == {"state": "ready"}


def test_a_client_that_never_ends_its_line_is_closed(tmp_path: Path) -> None:
    """Given one byte now and then, when the time for a line is over, the door closes."""
    with serving(tmp_path / "door", IDLE_SECONDS) as door, door.client() as slow:
        began = time.monotonic()
        slow.settimeout(0.05)
        while time.monotonic() < began + PATIENCE_SECONDS:
            try:
                slow.sendall(b"{")
                if not slow.recv(1):
                    break
            except TimeoutError:
                continue
            except ConnectionError:
                break

        assert IDLE_SECONDS * 0.9 < time.monotonic() - began < PATIENCE_SECONDS


def test_a_client_that_reads_nothing_is_not_written_to_for_ever(tmp_path: Path) -> None:
    with serving(tmp_path / "door", IDLE_SECONDS) as door, door.client() as deaf:
        deaf.settimeout(0.2)
        try:
            while True:
                deaf.sendall(b'{"command": "big"}\n')
        except OSError as error:
            ended = error

        assert isinstance(ended, TimeoutError)
        assert door.ask(b'{"command": "status"}') == {"state": "ready"}
        deaf.settimeout(PATIENCE_SECONDS)
        time.sleep(2 * IDLE_SECONDS)
        assert is_closed(deaf)


def test_clients_that_vanish_leave_the_door_open(door: Served) -> None:
    for line in (
        b"",
        b"{",
        b'{"command": "big"}\n' * 20,
        b'{"command": "events", "follow": true}\n',
    ):
        for _ in range(CLIENTS_MAX):
            client = door.client()
            with contextlib.suppress(ConnectionError):  # too many at once: turned away
                client.sendall(line)
            client.close()

    wait(lambda: _admitted(door))
    wait(lambda: not door.followers)


def _admitted(door: Served) -> bool:
    try:
        return bool(door.ask(b'{"command": "status"}') == {"state": "ready"})
    except ConnectionError:
        return False


def test_a_crowd_is_turned_away_and_let_in_when_there_is_room(door: Served) -> None:
    with ExitStack() as stack:
        crowd = [stack.enter_context(door.client()) for _ in range(CLIENTS_MAX)]
        for one in crowd:
            one.sendall(b'{"command": "status"}\n')
            assert answer(one) == {"state": "ready"}
        late = stack.enter_context(door.client())
        assert is_closed(late)
        crowd[0].close()

        wait(lambda: _admitted(door))


# Following.


def test_a_follower_gets_the_answer_and_then_events(door: Served) -> None:
    with door.client() as client:
        client.sendall(b'{"command": "events", "since": 4, "follow": true}\n')
        assert answer(client) == {"events": [4]}
        wait(lambda: door.followers)
        door.tell(b'{"number": 5}\n{"number": 6}\n')

        assert [answer(client)["number"] for _ in range(2)] == [5, 6]
    wait(lambda: not door.followers)


@pytest.mark.parametrize("command", [b"status", b"boom", b"fly"])
def test_nothing_else_can_be_followed(door: Served, command: bytes) -> None:
    with door.client() as client:
        client.sendall(b'{"command": "%s", "follow": true}\n' % command)
        answer(client)
        client.sendall(b'{"command": "status"}\n')

        assert answer(client) == {"state": "ready"}
    assert door.followers == []


def test_a_follower_that_falls_behind_is_closed_and_others_get_all(door: Served) -> None:
    event = json.dumps({"text": BIG}).encode() + b"\n"
    with door.client() as deaf, door.client() as good:
        for one in (deaf, good):
            one.sendall(b'{"command": "events", "follow": true}\n')
            answer(one)
        wait(lambda: len(door.followers) == 2)
        lines = good.makefile("rb")
        for _ in range(4 * UNSENT_BYTES // len(event)):
            door.tell(event)
            assert lines.readline() == event
        lines.close()

        wait(lambda: len(door.followers) == 1)
        assert is_closed(deaf)


def test_a_long_first_answer_does_not_count_as_falling_behind(door: Served) -> None:
    event = b'{"number": 1}\n'
    with door.client() as client:
        times = 2 * UNSENT_BYTES // 4
        asked = {"command": "events", "since": 1000, "times": times, "follow": True}
        client.sendall(json.dumps(asked).encode() + b"\n")
        wait(lambda: door.followers)
        door.tell(event)
        with client.makefile("rb") as lines:
            assert len(lines.readline()) > 2 * UNSENT_BYTES
            assert lines.readline() == event


# Opening.


def test_it_is_for_its_owner_alone_and_gone_when_closed(tmp_path: Path) -> None:
    path = tmp_path / "made" / "door"

    with serving(path):
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()


def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "door"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))

    with serving(path) as door:
        assert door.ask(b'{"command": "status"}') == {"state": "ready"}


def test_a_door_that_is_open_is_left_alone(door: Served) -> None:
    with pytest.raises(DoorError, match="another agent of this node is running; stop it first"):
        _open(door.path)

    assert door.ask(b'{"command": "status"}') == {"state": "ready"}


def test_an_agent_that_stands_still_counts_as_running(tmp_path: Path) -> None:
    """Given a socket whose queue is full and that nobody serves, it is not taken away."""
    path = tmp_path / "door"
    with socket.socket(socket.AF_UNIX) as stopped, ExitStack() as stack:
        stopped.bind(str(path))
        stopped.listen(0)
        while True:
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            if client.connect_ex(str(path)) == errno.EAGAIN:
                break

        with pytest.raises(DoorError, match="is running"):
            _open(path)
        assert path.is_socket()


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "door"
    path.write_text("mine")

    with pytest.raises(DoorError, match="is no socket; remove it, or choose another"):
        _open(path)

    assert path.read_text() == "mine"


def test_a_place_where_no_socket_can_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DoorError, match=r"file/door: cannot be opened: .*; choose"):
        _open(tmp_path / "file" / "door")


def _open(path: Path) -> None:
    asyncio.run(Door(path, {}, []).open())
