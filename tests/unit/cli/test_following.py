"""`events --follow`: the last ones, then each once, whatever happens to the connection."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from cluster_admin.cli.streaming import messages
from tests.unit.cli.manager import Manager, event, problem, sse
from tests.unit.cli.operator import Operator

HEARTBEAT = b'event: heartbeat\ndata: {"now": "x"}\n\n'


def _ids(stdout: str) -> list[int]:
    return [json.loads(line)["id"] for line in stdout.splitlines()]


def _broken(*chunks: bytes) -> Iterator[bytes]:
    yield from chunks
    raise httpx.ReadError("reset")


def test_the_last_ones_come_first_and_oldest_first(operator: Operator, manager: Manager) -> None:
    manager.streams = [[sse(event(4)), HEARTBEAT, sse(event(5))]]

    done = operator.types("events --follow -o json --limit 2")

    assert done.exit_code == 130
    assert _ids(done.stdout) == [2, 3, 4, 5]


def test_nothing_is_doubled_or_lost_over_broken_connections(
    operator: Operator, manager: Manager
) -> None:
    half = sse(event(6))[:20]
    manager.streams = [
        _broken(HEARTBEAT, sse(event(3)), sse(event(4)), sse(event(5)), half),
        httpx.ConnectError("Connection refused"),
        _broken(sse(event(5)), sse(event(6))),
        [sse(event(7))],
    ]

    done = operator.types("events --follow -o json")

    assert _ids(done.stdout) == [1, 2, 3, 4, 5, 6, 7]
    streams = [each for each in manager.requests if each.url.path.endswith("/stream/")]
    assert [each.headers["last-event-id"] for each in streams] == ["3", "5", "5", "6", "7"]
    assert [each.url.params["after"] for each in streams] == ["3", "5", "5", "6", "7"]
    assert done.stderr.count("trying again") == 3


def test_what_filters_keep_back_is_not_asked_for_again(
    operator: Operator, manager: Manager
) -> None:
    mark = b'id: 40\nevent: mark\ndata: {"mark": "x"}\n\n'
    manager.streams = [[HEARTBEAT, sse(event(4)), mark], [sse(event(41))]]

    done = operator.types("events --follow --kind taken --since 1h -o json --limit 1")

    assert _ids(done.stdout) == [3, 4, 41]
    again = manager.requests[-2].url.params
    assert (again["after"], again["kind"]) == ("40", "taken")
    assert "since" not in again


def test_a_manager_with_too_many_streams_is_asked_again(
    operator: Operator, manager: Manager
) -> None:
    full = b'event: full\ndata: {"detail": "500 streams are open"}\n\n'
    manager.streams = [[full], [sse(event(4))]]

    done = operator.types("events --follow -o json --limit 0")

    assert _ids(done.stdout) == [4]
    assert "500 streams are open; trying again" in done.stderr


def test_after_an_event_the_stream_brings_the_rest(operator: Operator, manager: Manager) -> None:
    manager.streams = [[sse(event(2)), sse(event(3))]]

    done = operator.types("events --follow --after 1 --node mta1 -o json")

    assert _ids(done.stdout) == [2, 3]
    assert manager.requests[0].url.params["node"] == "mta1"


@pytest.mark.parametrize(
    ("answer", "exit_code"),
    [
        (problem(401, "token_expired", "It ended."), 3),
        (problem(403, "forbidden", "You may not."), 3),
    ],
)
def test_a_no_ends_it(
    answer: httpx.Response, exit_code: int, operator: Operator, manager: Manager
) -> None:
    manager.refusals["GET events/stream/"] = answer

    assert operator.types("events --follow").exit_code == exit_code


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("Connection refused"),
        httpx.Response(200, headers={"content-type": "text/html"}, text="<h1>router</h1>"),
        problem(500, "failed", "Oops."),
    ],
)
def test_a_stream_that_never_was_is_no_success(
    answer: Any, operator: Operator, manager: Manager
) -> None:
    manager.refusals["GET events/stream/"] = answer

    assert operator.types("events --follow --after 1").exit_code in (1, 4)


def test_pauses_grow_and_are_bounded(operator: Operator, manager: Manager) -> None:
    manager.streams = [[HEARTBEAT], *[httpx.ConnectError("Connection refused")] * 7]

    operator.types("events --follow")

    assert operator.clock.now == 0.5 + 1 + 2 + 4 + 5 * 4


def test_a_table_keeps_its_columns(operator: Operator, manager: Manager) -> None:
    operator.around |= {"shows": True, "size": (80, 24)}
    operator.environment["NO_COLOR"] = "1"
    manager.rows["events"] = []
    manager.streams = [[sse(event(1)), sse(event(2, kind="released", vip=""))]]

    lines = operator.types("events --follow").stdout.splitlines()

    assert len(lines) == 3
    assert {line.index("mta1") for line in lines[1:]} == {lines[0].index("NODE")}


def test_a_text_with_line_ends_of_its_own_is_one_event(
    operator: Operator, manager: Manager
) -> None:
    said = "a\x85b\u2028c"
    data = json.dumps(event(4, detail=said), ensure_ascii=False)
    whole = f"id: 4\r\nevent: event\r\ndata: {data}\r\n\r\n".encode()
    manager.streams = [[whole[at : at + 7] for at in range(0, len(whole), 7)]]

    done = operator.types("events --follow --after 3 -o json")

    assert json.loads(done.stdout)["detail"] == said


def test_messages_are_as_the_standard_has_them() -> None:
    lines = [
        *(": a comment", "", "id: 1", "event: event", "data: a", "data:b", ""),
        *("data: c", "retry: 5", "", "id: 9", "", "data: cut off"),
    ]

    told = [(each.kind, each.data, each.id) for each in messages(lines)]

    assert told == [("event", "a\nb", "1"), ("message", "c", "")]
