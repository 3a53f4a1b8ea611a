"""`logs tail --follow`: each line once, whatever happens to the connection; gaps are said."""

import json
from typing import Any

import httpx
import pytest

from tests.unit.cli.operator import Operator

HEARTBEAT = b'event: heartbeat\ndata: {"now":"x"}\n\n'
Stream = list[bytes] | Exception


def line(number: int, node: str = "mta1", **values: Any) -> bytes:
    told = {
        "time": "2026-11-29T12:00:00.000+00:00",
        "subcluster": "default",
        "node": node,
        "source": "mail",
        "text": f"line {number}",
        "cut": False,
        "path": f"/logs/{node}",
        "offset": number,
    }
    return f"event: line\ndata: {json.dumps(told | values)}\n\n".encode()


class Tails:
    """A manager that streams what it is told to, one stream after the other, then is stopped."""

    def __init__(self, *streams: Stream) -> None:
        self.streams = list(streams)
        self.asked: list[dict[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(dict(request.url.params))
        if not self.streams:
            raise KeyboardInterrupt
        stream = self.streams.pop(0)
        if isinstance(stream, Exception):
            raise stream
        headers = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=headers, content=iter(stream))


@pytest.fixture
def tails(operator: Operator) -> Tails:
    made = Tails()
    operator.transport = httpx.MockTransport(made)
    return made


def test_lines_are_whole_and_behind_their_nodes(operator: Operator, tails: Tails) -> None:
    tails.streams = [[line(1), line(2, "mx", text="a\x1b[31m b" * 100, cut=True), HEARTBEAT]]

    done = operator.types("logs tail -f -n 5 --grep x --node mta1")

    assert done.exit_code == 130
    first, second = done.stdout.splitlines()
    assert first == "mta1  line 1"
    assert second.startswith(r"mx    a\x1b[31m b")
    assert second.endswith(" …")
    assert tails.asked[0] == {"node": "mta1", "grep": "x", "lines": "5"}


def test_after_a_gap_only_what_is_new_is_printed(operator: Operator, tails: Tails) -> None:
    tails.streams = [
        [line(1), HEARTBEAT, line(2)],
        httpx.ConnectError("Connection refused"),
        [line(1), line(2), line(3), HEARTBEAT, line(4)],
    ]

    done = operator.types("logs tail -f -o json")

    assert [json.loads(one)["offset"] for one in done.stdout.splitlines()] == [1, 2, 3, 4]
    assert tails.asked[-1]["lines"] == "1000"
    assert "trying again" in done.stderr
    assert "the manager is back" in done.stderr
    assert "missing" not in done.stderr


def test_a_gap_that_was_too_long_is_said(operator: Operator, tails: Tails) -> None:
    tails.streams = [[line(1), HEARTBEAT], [line(90), line(91), HEARTBEAT]]

    done = operator.types("logs tail -f")

    assert done.stdout.splitlines() == ["mta1  line 1", "mta1  line 90", "mta1  line 91"]
    assert "may be missing" in done.stderr


def test_what_is_passed_over_is_said(operator: Operator, tails: Tails) -> None:
    skipped = b'event: skipped\ndata: {"node":"mta1","source":"mail","bytes":9000000}\n\n'
    tails.streams = [[skipped, line(1)]]

    done = operator.types("logs tail -f")

    assert "9000000 bytes of mail of mta1 were passed over" in done.stderr


def test_a_manager_that_serves_no_more_says_so(operator: Operator, tails: Tails) -> None:
    tails.streams = [[b'event: full\ndata: {"detail":"20 others follow logs now"}\n\n']]

    done = operator.types("logs tail -f")

    assert done.exit_code == 3
    assert "20 others follow logs now" in done.stderr


def test_without_follow_it_ends_and_says_when_there_is_nothing(
    operator: Operator, tails: Tails
) -> None:
    tails.streams = [[b'event: done\ndata: {"files":0}\n\n']]

    done = operator.types("logs tail --node nobody")

    assert (done.exit_code, done.stdout) == (0, "")
    assert tails.asked[0]["follow"] == "0"
    assert "no log with those names" in done.stderr


def test_a_column_that_is_not_there_is_refused_before_anything_is_asked(
    operator: Operator, tails: Tails
) -> None:
    done = operator.types("logs tail -f --columns nonsense")

    assert done.exit_code == 2
    assert tails.asked == []
