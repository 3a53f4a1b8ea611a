"""--watch: a terminal is drawn over, a pipe gets each change once; a manager away is no end."""

import json
from typing import Any

import httpx
import pytest

from cluster_admin.cli.watch_option import filled
from tests.unit.cli.manager import Manager, problem, vip
from tests.unit.cli.operator import Operator

LIST = "GET vips/"


class Script(httpx.MockTransport):
    """Does something to the manager before each further look at the list."""

    def __init__(self, manager: Manager, *steps: Any) -> None:
        self.steps = [lambda: None, *steps]
        self.manager = manager
        super().__init__(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/vips/" and self.steps:
            self.steps.pop(0)()
        return self.manager.answer(request)


def _watch(operator: Operator, manager: Manager, command: str, *steps: Any) -> Any:
    operator.transport = Script(manager, *steps)
    operator.clock.patience_seconds = 2 * (1 + len(steps))
    return operator.types(command)


def _move(manager: Manager) -> None:
    manager.rows["vips"][0]["status"]["owner"] = "mta2"


def _grow_old(manager: Manager) -> None:
    for row in manager.rows["vips"]:
        row["status"]["age_seconds"] += 1


@pytest.mark.parametrize("shape", ["json", "csv", "yaml", "table"])
def test_a_pipe_gets_each_change_once(shape: str, operator: Operator, manager: Manager) -> None:
    done = _watch(
        operator,
        manager,
        f"vip list --watch -o {shape}",
        lambda: _grow_old(manager),
        lambda: _move(manager),
        lambda: manager.rows["vips"].append(vip("198.18.0.120", "mta1")),
        lambda: manager.rows["vips"].pop(1),
    )

    assert done.exit_code == 130
    if shape == "json":
        told = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(row["change"], row["address"]) for row in told] == [
            ("is", "198.18.0.101"),
            ("is", "198.18.0.107"),
            ("changed", "198.18.0.101"),
            ("new", "198.18.0.120"),
            ("gone", "198.18.0.107"),
        ]
    elif shape in ("csv", "table"):
        first_words = [
            line.replace(",", " ").split()[0].lower() for line in done.stdout.split("\n") if line
        ]
        assert first_words == ["change", "is", "is", "changed", "new", "gone"]
    else:
        assert done.stdout.count("---\n") == 5


def test_a_terminal_is_drawn_over(operator: Operator, manager: Manager) -> None:
    operator.around |= {"shows": True, "size": (80, 5)}
    manager.rows["vips"] = [vip(f"198.18.0.{number}", "mta1") for number in range(100, 120)]

    done = _watch(operator, manager, "vip list --watch 2", lambda: _move(manager))

    assert done.exit_code == 130
    screens = done.stdout.split("\x1b[H")
    assert len(screens) == 3
    assert all(screen.count("\n") <= 4 for screen in screens)
    assert "19 more" in screens[-1]
    assert "mta2" in screens[-1]


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize(
    "answer",
    [httpx.ConnectError("Connection refused"), problem(503, "unavailable", "No database.")],
)
def test_a_manager_that_goes_away_is_told_and_waited_for(
    answer: httpx.Response | Exception, terminal: bool, operator: Operator, manager: Manager
) -> None:
    operator.around |= {"shows": terminal, "size": (200, 50)}

    def leave() -> None:
        manager.refusals[LIST] = answer

    done = _watch(
        operator,
        manager,
        "vip list --watch",
        leave,
        lambda: None,
        lambda: manager.refusals.clear(),
    )

    assert done.exit_code == 130
    told = done.stdout if terminal else done.stderr
    assert told.count("STALE since") == (2 if terminal else 1)
    assert terminal or "answers again" in done.stderr


def test_a_long_complaint_does_not_scroll_the_screen(operator: Operator, manager: Manager) -> None:
    operator.around |= {"shows": True, "size": (60, 5)}

    def leave() -> None:
        manager.refusals[LIST] = httpx.ConnectError("Connection refused")

    done = _watch(operator, manager, "vip list --watch", leave)

    head = done.stdout.split("\x1b[H")[-1].partition("\x1b[K")[0]
    assert head.startswith("STALE since")
    assert len(head) <= 60


def test_a_manager_that_was_never_there_is_unreachable(
    operator: Operator, manager: Manager
) -> None:
    manager.refusals[LIST] = httpx.ConnectError("Connection refused")

    assert operator.types("vip list --watch").exit_code == 4


@pytest.mark.parametrize(
    ("words", "parsed"),
    [
        (["--watch"], ["--watch", "2"]),
        (["--watch", "5"], ["--watch", "5"]),
        (["--watch", ".5", "x"], ["--watch", ".5", "x"]),
        (["--watch", "-o", "json"], ["--watch", "2", "-o", "json"]),
        (["mta1", "--", "--watch"], ["mta1", "--", "--watch"]),
        (["--watch=3"], ["--watch=3"]),
    ],
)
def test_the_seconds_may_be_left_out(words: list[str], parsed: list[str]) -> None:
    assert filled(words) == parsed
