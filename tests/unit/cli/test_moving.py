"""`muster vip move`: what is sent, what is waited for, and what is said when it does not come."""

import json

import pytest

from tests.unit.cli.manager import Manager
from tests.unit.cli.operator import Operator

VIP = "198.18.0.101"
MOVE = f"vips/{VIP}/move/"


def _sent(manager: Manager) -> object:
    [request] = manager.sent("POST")
    assert request.url.path == f"/api/v1/{MOVE}"
    return json.loads(request.content)


def test_a_node_is_put_first_as_the_vip_was_seen(operator: Operator, manager: Manager) -> None:
    done = operator.types(f"vip move {VIP} mta2 --reason nearer -o json")

    assert done.exit_code == 0
    assert _sent(manager) == {"node": "mta2"}
    [request] = manager.sent("POST")
    assert request.headers["if-match"]
    assert request.headers["x-muster-reason"] == "nearer"
    assert json.loads(done.stdout)[0]["outcome"] == "done"


def test_a_vip_may_be_left_to_balance_again(operator: Operator, manager: Manager) -> None:
    assert operator.types(f"vip move {VIP} --free").exit_code == 0
    assert _sent(manager) == {"free": True}


def test_force_is_said_to_the_manager(operator: Operator, manager: Manager) -> None:
    assert operator.types(f"vip move {VIP} mta4 --force").exit_code == 0
    assert _sent(manager) == {"node": "mta4", "force": True}


def test_who_waits_is_told_when_it_is_there(operator: Operator) -> None:
    done = operator.types(f"vip move {VIP} mta2 --wait")

    assert done.exit_code == 0
    assert f"{VIP} is on mta2" in done.stderr


def test_who_waits_too_long_is_told_what_is_known(operator: Operator, manager: Manager) -> None:
    manager.obedient = False

    done = operator.types(f"vip move {VIP} mta2 --wait --timeout 1")

    assert done.exit_code == 1
    assert "not on mta2 within 1 s" in done.stderr
    assert f"{VIP} is owned, with mta1: balance" in done.stderr
    assert "mta2 is alive, acts on r7" in done.stderr


def test_what_is_there_already_is_said(operator: Operator) -> None:
    done = operator.types(f"vip move {VIP} mta1")

    assert done.exit_code == 0
    assert f"{VIP} is on mta1 already" in done.stderr


def test_a_dry_run_shows_the_difference_and_waits_for_nothing(
    operator: Operator, manager: Manager
) -> None:
    manager.obedient = False

    done = operator.types(f"vip move {VIP} mta2 --wait --dry-run")

    assert done.exit_code == 10
    assert "+new" in done.stdout


@pytest.mark.parametrize("line", ["", "mta2 --free", "--free --wait"])
def test_what_contradicts_itself_is_not_sent(
    operator: Operator, manager: Manager, line: str
) -> None:
    assert operator.types(f"vip move {VIP} {line}").exit_code == 2
    assert not manager.sent("POST")
