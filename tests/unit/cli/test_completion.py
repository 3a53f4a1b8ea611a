"""Completion offers what lives in the cluster, and says nothing when the manager is away."""

import httpx
import pytest
import typer
from typer.core import TyperCommand

from cluster_admin.cli import completing, profiles
from cluster_admin.cli.completing import Completer
from tests.unit.cli.manager import Manager, problem
from tests.unit.cli.operator import Operator

OFFERS: list[tuple[Completer, str, list[str]]] = [
    (completing.nodes, "", ["mta1", "mta2", "mta4"]),
    (completing.nodes, "mta1", ["mta1"]),
    (completing.vips, "198.18.0.10", ["198.18.0.101", "198.18.0.107"]),
    (completing.subclusters, "d", ["default"]),
    (completing.segments, "", ["rack-7"]),
    (completing.topologies, "", ["198.18.0.0/24"]),
    (completing.tokens, "", ["monitoring"]),
    (completing.knobs, "dead", ["dead_after"]),
    (completing.nodes, "x", []),
]


def _context(operator: Operator, **chosen: str) -> typer.Context:
    context = typer.Context(TyperCommand("x"), obj=operator.surroundings())
    context.params = chosen
    return context


@pytest.mark.parametrize(("completer", "begun", "names"), OFFERS)
def test_names_that_live(
    completer: Completer, begun: str, names: list[str], operator: Operator
) -> None:
    assert completer(_context(operator), begun) == names


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("Connection refused"),
        httpx.ReadTimeout(""),
        problem(401, "unauthenticated", "Who?"),
        httpx.Response(200, headers={"content-type": "text/html"}, text="<h1>router</h1>"),
        httpx.Response(200, json={"results": [{"other": 1}], "count": 1, "next": None}),
        httpx.Response(200, json={"results": 5, "count": 1, "next": None}),
        httpx.Response(200, json="text"),
    ],
)
def test_silence_when_the_manager_is_no_help(
    answer: httpx.Response | Exception,
    operator: Operator,
    manager: Manager,
    capfd: pytest.CaptureFixture[str],
) -> None:
    manager.refusals["GET nodes/"] = answer

    assert completing.nodes(_context(operator), "") == []
    assert capfd.readouterr() == ("", "")


def test_silence_without_a_manager(operator: Operator) -> None:
    operator.environment = {"HOME": "/nonexistent"}

    assert completing.nodes(_context(operator), "") == []
    assert completing.profiles(_context(operator), "") == []


def test_options_already_typed_are_heeded(operator: Operator, manager: Manager) -> None:
    completing.nodes(_context(operator, url="http://other.test", profile=""), "")

    assert manager.requests[0].url.host == "other.test"


def test_profiles_are_offered(operator: Operator) -> None:
    path = profiles.config_path(operator.environment)
    profiles.store(path, "lab", {"url": "http://lab.test"})

    assert completing.profiles(_context(operator), "l") == ["lab"]
