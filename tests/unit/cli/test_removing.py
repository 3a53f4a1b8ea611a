"""`muster node remove`: what the manager refuses is told with the way out; force is passed on."""

import json

import pytest

from tests.unit.cli.manager import Manager, problem
from tests.unit.cli.operator import Operator

SERVES = "mta1 is alive and not drained: drain it first (muster node drain mta1), or force it"


@pytest.fixture
def refusing(manager: Manager) -> Manager:
    manager.refusals["DELETE nodes/mta1/"] = problem(409, "refused", SERVES)
    return manager


@pytest.mark.parametrize("how", ["--yes", "--dry-run"])
@pytest.mark.usefixtures("refusing")
def test_a_node_that_serves_is_refused_with_the_way_out(operator: Operator, how: str) -> None:
    done = operator.types(f"node remove mta1 {how}")

    assert done.exit_code == 3
    assert SERVES in done.stderr
    assert done.stdout == ""


@pytest.mark.usefixtures("refusing")
def test_on_a_terminal_it_is_refused_before_anybody_is_asked(operator: Operator) -> None:
    operator.around["asks"] = True

    done = operator.types("node remove mta1", "y\n")

    assert done.exit_code == 3
    assert "[y/N]" not in done.stderr


def test_of_several_those_that_serve_stay(operator: Operator, refusing: Manager) -> None:
    done = operator.types("node remove mta1 mta4 --yes -o json")

    assert done.exit_code == 5
    assert [row["outcome"] for row in json.loads(done.stdout)] == ["refused", "done"]
    assert [row["name"] for row in refusing.rows["nodes"]] == ["mta1", "mta2"]


@pytest.mark.parametrize(
    ("how", "query"),
    [
        ("--yes", {}),
        ("--yes --force", {"force": "1"}),
        ("--dry-run", {"dry_run": "1"}),
        ("--dry-run --force", {"dry_run": "1", "force": "1"}),
    ],
)
def test_force_is_said_to_the_manager_only_when_it_was_said(
    operator: Operator, manager: Manager, how: str, query: dict[str, str]
) -> None:
    operator.types(f"node remove mta1 {how}")

    [request] = manager.sent("DELETE")
    assert dict(request.url.params) == query
    assert request.headers["if-match"]


def test_what_is_asked_on_a_terminal_is_asked_with_force(
    operator: Operator, manager: Manager
) -> None:
    operator.around["asks"] = True

    done = operator.types("node remove mta1 --force", "y\n")

    assert done.exit_code == 0
    assert [dict(one.url.params) for one in manager.sent("DELETE")] == [
        {"dry_run": "1", "force": "1"},
        {"force": "1"},
    ]
