"""The process that answers questions about collected logs, with a collector's real files."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.integration.collected import Collected, mails, stamp
from workers.logs.core.questions import Histogram, Question, Search, Tail, Trace

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "workers.logs.reader"]
SECONDS = 250.0
"""For an answer, on a machine that has much else to do."""
MESSAGES = 50
Told = dict[str, Any]


@pytest.fixture
def began() -> float:
    """When the first message came."""
    return time.time() // 1 - 300


@pytest.fixture
def logs(tmp_path: Path, began: float) -> Iterator[Collected]:
    made = Collected(tmp_path)
    made.keep("n1", mails("n1", began, MESSAGES, to="n2"))
    made.keep("n2", mails("n2", began, MESSAGES))
    made.keep("s1", mails("s1", began, 1), subcluster="staging")
    made.keep("n1", f"{stamp(began)} n1 web: GET /\n", log="web")
    yield made
    made.close()


def ask(question: Question) -> list[Told]:
    """All answers to a question that has an end."""
    asked = msgspec.json.encode(question)
    done = subprocess.run(COMMAND, input=asked, cwd=ROOT, capture_output=True, timeout=SECONDS)
    assert (done.returncode, done.stderr) == (0, b"")
    return [json.loads(line) for line in done.stdout.splitlines()]


def search(logs: Collected, pattern: str = "", **how: Any) -> list[Told]:
    usual: dict[str, Any] = {
        "since": 0.0,
        "until": time.time() + 60,
        "limit": 1_000,
        "seconds": SECONDS,
    }
    return ask(Search(template=logs.template, pattern=pattern, **(usual | how)))


def test_lines_of_all_nodes_come_in_the_order_of_time(logs: Collected) -> None:
    *lines, done = search(logs, "status=sent", readable=("default",))

    assert done == {"type": "done", "files": 3, "more": False, "note": ""}
    assert [one["node"] for one in lines] == ["n1", "n2"] * MESSAGES
    assert lines[0]["text"].endswith("status=sent (250 ok)")
    assert (lines[0]["source"], lines[0]["subcluster"]) == ("mail", "default")


def test_a_line_without_a_time_is_counted_where_it_is_found(logs: Collected, began: float) -> None:
    for second, line in ((0, "starts"), (30, "fails")):
        logs.keep("n1", f"{stamp(began + second)} n1 app: {line}\n", log="app")
    logs.keep("n1", "  at the bottom\n", log="app")
    usual: dict[str, Any] = {"pattern": "starts|at the bottom", "source": "app", "seconds": SECONDS}
    spans: dict[str, Any] = {"since": began, "until": began + 40, "bars": 4}

    told, done = ask(Histogram(template=logs.template, **usual, **spans))

    assert (told["counts"], done["type"]) == ([1, 0, 0, 1], "done")


def test_what_is_asked_for_by_name_and_time_is_all_that_comes(
    logs: Collected, began: float
) -> None:
    narrow: dict[str, Any] = {"node": "n2", "since": began + 10, "until": began + 12}

    assert len(search(logs, **narrow)) == 2 * 4 + 1
    assert [one["text"][-5:] for one in search(logs, source="web")[:-1]] == ["GET /"]
    assert {one["node"] for one in search(logs, subcluster="staging")[:-1]} == {"s1"}
    assert search(logs, node="nobody")[0]["files"] == 0
    assert search(logs, readable=())[0]["files"] == 0


def test_what_is_left_out_is_said(logs: Collected) -> None:
    *lines, done = search(logs, limit=10)

    assert len(lines) == 10
    assert done["more"]
    assert "more than these 10" in done["note"]


def test_a_long_line_is_cut_and_says_so(logs: Collected) -> None:
    logs.keep("n1", f"{stamp(time.time())} n1 long: " + "x" * 200_000 + "\n")

    line, _ = search(logs, "long: x")

    assert line["cut"]
    assert len(line["text"]) == 65_536


@pytest.mark.parametrize("pattern", ["status=(sent", "a" * 5_000])
def test_what_is_no_expression_is_refused(logs: Collected, pattern: str) -> None:
    (told,) = search(logs, pattern)

    assert told["type"] == "refused"


def test_an_expression_that_never_ends_is_ended(logs: Collected) -> None:
    logs.keep("n1", f"{stamp(time.time())} n1 x: {'a' * 60}\n")
    began = time.monotonic()

    *_, done = search(logs, "(a+)+[bc]$", seconds=2.0)
    *_, counted = ask(
        Histogram(
            template=logs.template,
            pattern="(a+)+[bc]$",
            since=0.0,
            until=time.time() + 60,
            bars=2,
            seconds=2.0,
        )
    )

    assert done["more"]
    assert "not done after 2 seconds" in done["note"]
    assert counted["more"]
    assert time.monotonic() - began < SECONDS


def test_lines_are_counted_by_spans_of_time(logs: Collected, began: float) -> None:
    bars, done = ask(
        Histogram(
            template=logs.template,
            pattern="removed",
            since=began,
            until=began + 100,
            bars=10,
            seconds=SECONDS,
        )
    )

    assert bars["counts"] == [21, *[20] * 4, *[0] * 5]
    assert done == {"type": "done", "files": 4, "more": False, "note": ""}


@pytest.mark.parametrize("key", ["1000000007", "<M7@example.net>", "u7@example.org"])
def test_a_message_is_traced_from_node_to_node(logs: Collected, key: str) -> None:
    *lines, done = ask(
        Trace(
            template=logs.template,
            key=key,
            index=str(logs.index),
            since=0.0,
            until=time.time() + 60,
            limit=100,
            seconds=SECONDS,
        )
    )

    assert sorted(one["node"] for one in lines) == ["n1"] * 4 + ["n2"] * 4
    assert [one["moment"] for one in lines] == sorted(one["moment"] for one in lines)
    assert done["files"] == 4


class Follower:
    """A tail that goes on."""

    def __init__(self, question: Tail) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(COMMAND, cwd=ROOT, stdin=pipe, stdout=pipe)
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(question))
        self.process.stdin.close()

    def next(self, kind: str = "line") -> Told:
        """The next answer of a kind."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            told: Told = json.loads(line)
            if told["type"] == kind:
                return told
        raise AssertionError("the tail has ended")

    def end(self) -> int:
        """Listen no longer; how the process ended."""
        assert self.process.stdout is not None
        self.process.stdout.close()
        try:
            return self.process.wait(SECONDS)
        finally:
            self.process.kill()


@pytest.fixture
def follower(logs: Collected) -> Iterator[Follower]:
    made = Follower(Tail(template=logs.template, source="mail", lines=3, follow=True))
    yield made
    made.process.kill()
    made.process.wait()


def test_a_tail_has_the_newest_lines(logs: Collected) -> None:
    *lines, done = ask(Tail(template=logs.template, source="mail", lines=3, follow=False))
    *some, _ = ask(Tail(template=logs.template, pattern="u9@", lines=9, follow=False))

    assert [one["node"] for one in lines] == ["n2"] * 3
    assert lines[-1]["text"].endswith("removed")
    assert [one["node"] for one in some] == ["n1", "n2"]
    assert done["files"] == 3


def test_a_tail_goes_on_with_what_comes_and_with_nodes_that_come(
    logs: Collected, follower: Follower
) -> None:
    assert [follower.next()["node"] for _ in range(3)] == ["n2"] * 3
    assert follower.next("alive")

    logs.keep("n1", f"{stamp(time.time())} n1 new: half of")
    logs.keep("n2", f"{stamp(time.time())} n2 new: whole\n")
    assert follower.next()["text"].endswith("new: whole")
    logs.keep("n1", " a line\n")
    assert follower.next()["text"].endswith("new: half of a line")
    logs.keep("n3", f"{stamp(time.time())} n3 new: of a new node\n")
    assert follower.next()["node"] == "n3"

    assert follower.end() == 0


def test_a_tail_goes_on_when_the_collector_was_killed_and_cut_its_files_back(
    logs: Collected, follower: Follower
) -> None:
    path = logs.keep("n2", "more\n")
    while follower.next()["text"] != "more":
        pass
    follower.next("alive")
    os.truncate(path, path.stat().st_size - len("more\n"))
    for _ in range(2):  # the first may have been said before
        follower.next("alive")
    with path.open("a") as file:
        file.write("more again\n")

    assert follower.next()["text"] == "more again"


def test_a_tail_that_falls_far_behind_says_what_it_passed_over(
    logs: Collected, follower: Follower
) -> None:
    follower.next("alive")
    follower.process.send_signal(signal.SIGSTOP)
    line = f"{stamp(time.time())} n1 flood: {'x' * 1_000}\n"
    for _ in range(10):
        logs.keep("n1", line * 1_000)
    logs.keep("n1", f"{stamp(time.time())} n1 flood: last\n")
    follower.process.send_signal(signal.SIGCONT)

    told = follower.next("skipped")
    assert (told["node"], told["source"]) == ("n1", "mail")
    assert told["bytes"] > 8 << 20
    while not follower.next()["text"].endswith("last"):
        pass


def test_logs_that_say_no_zone_are_in_that_of_the_host(
    logs: Collected, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = search(logs, source="web")
    monkeypatch.setenv("TZ", "EAST-9")

    there, _ = search(logs, source="web")

    assert here["moment"] - there["moment"] == 9 * 3_600 + time.localtime().tm_gmtoff
