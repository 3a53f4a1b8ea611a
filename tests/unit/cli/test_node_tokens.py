"""`muster node add` and `token`: what is printed of a token, and what stands without it."""

import json

import httpx
import pytest

from tests.unit.cli.manager import Manager, problem
from tests.unit.cli.operator import Operator

ADD = "node add mta9 --address 198.18.0.19"


def test_adding_a_node_tells_the_command_to_run_there(operator: Operator, manager: Manager) -> None:
    done = operator.types(f"{ADD} --expires 2h")

    assert done.exit_code == 0
    assert "muster node join http://manager.test --token made" in done.stderr
    asked = [request for request in manager.sent("POST") if "join-token" in request.url.path]
    assert [json.loads(request.content) for request in asked] == [{"expires_in_seconds": 7200}]


def test_for_programs_the_token_is_in_the_data_alone(operator: Operator) -> None:
    done = operator.types(f"{ADD} -o json")

    [row] = json.loads(done.stdout)
    assert row["object"]["join"]["command"].endswith("--token made")
    assert "made" not in done.stderr


@pytest.mark.parametrize("status", [403, 503])
def test_a_node_stands_without_its_token(operator: Operator, manager: Manager, status: int) -> None:
    manager.refusals["POST nodes/mta9/join-token/"] = problem(status, "unavailable", "no broker")

    done = operator.types(ADD)

    assert done.exit_code == 0
    assert "mta9 was added, without a token to join with: no broker" in done.stderr


def test_a_dry_run_makes_no_token(operator: Operator, manager: Manager) -> None:
    assert operator.types(f"{ADD} --dry-run").exit_code == 10
    assert not any("join-token" in request.url.path for request in manager.requests)

    done = operator.types("node token mta1 --dry-run")
    assert (done.exit_code, done.stdout) == (10, "")
    assert manager.sent("POST")[-1].url.params["dry_run"] == "1"


@pytest.mark.parametrize("life", ["soon", "-1h", "1y"])
def test_a_life_that_is_none_is_refused_before_anything_is_done(
    operator: Operator, manager: Manager, life: str
) -> None:
    for command in (f"{ADD} --expires={life}", f"node token mta1 --expires={life}"):
        assert operator.types(command).exit_code == 2
    assert manager.requests == []


def test_a_warning_of_the_managers_is_passed_on(operator: Operator, manager: Manager) -> None:
    told = {"node": "mta1", "token": "made", "expires_at": "", "command": "x", "warning": "no way"}
    manager.refusals["POST nodes/mta1/join-token/"] = httpx.Response(201, json=told)

    assert "warning: no way" in operator.types("node token mta1 -o json").stderr


def test_a_token_can_be_had_for_a_node_that_is_there(operator: Operator) -> None:
    done = operator.types("node token mta1 -o json")

    told = json.loads(done.stdout)
    assert (told["node"], told["token"]) == ("mta1", "made")
    assert told["command"].endswith("--token made")
    assert "works once" in done.stderr
