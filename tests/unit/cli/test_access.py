"""Logging in and out: a token in the file, no password anywhere."""

import json
from pathlib import Path

import httpx
import pytest

from cluster_admin.cli import profiles
from tests.unit.cli.manager import TOKEN, URL, Manager, problem
from tests.unit.cli.operator import Operator


@pytest.fixture
def newcomer(operator: Operator) -> Operator:
    operator.environment = {"MUSTER_CONFIG": operator.environment["MUSTER_CONFIG"]}
    return operator


def _stored(operator: Operator) -> dict[str, dict[str, str]]:
    return profiles.read(Path(operator.environment["MUSTER_CONFIG"]))


def test_login_keeps_a_token_and_later_commands_use_it(
    newcomer: Operator, manager: Manager
) -> None:
    done = newcomer.types(f"login {URL} --user admin --password-stdin", "right\n")

    assert done.exit_code == 0, done.stderr
    assert _stored(newcomer) == {"default": {"url": URL, "token": TOKEN, "user": "admin"}}
    assert TOKEN not in done.stdout + done.stderr
    assert newcomer.types("whoami").exit_code == 0
    assert "authorization" not in manager.requests[0].headers


def test_login_asks_on_a_terminal(newcomer: Operator) -> None:
    newcomer.around["asks"] = True

    done = newcomer.types(f"login {URL} -o json", "admin\n")

    assert done.exit_code == 0
    assert json.loads(done.stdout)["user"] == "admin"


@pytest.mark.parametrize(
    ("command", "stdin", "exit_code", "says"),
    [
        (f"login {URL} --user admin", None, 2, "--password-stdin"),
        (f"login {URL} --password-stdin", "right\n", 2, "--user NAME"),
        (f"login {URL} --user admin --password-stdin", "", 2, "characters"),
        (f"login {URL} --user admin --password-stdin", "x" * 2000, 2, "characters"),
        (f"login {URL} --user admin --password-stdin", "wrong\n", 3, "password is wrong"),
        ("login --user admin --password-stdin", "right\n", 2, "no manager is known"),
    ],
)
def test_a_login_that_fails_keeps_nothing(
    command: str, stdin: str | None, exit_code: int, says: str, newcomer: Operator
) -> None:
    done = newcomer.types(command, stdin)

    assert done.exit_code == exit_code
    assert says in done.stderr
    assert _stored(newcomer) == {}


def test_an_open_wire_and_an_overruled_profile_are_told(operator: Operator) -> None:
    done = operator.types(f"login {URL} --user admin --password-stdin", "right\n")

    assert "is not encrypted" in done.stderr
    assert "MUSTER_URL and MUSTER_TOKEN stand above" in done.stderr


def test_logout_revokes_and_forgets(newcomer: Operator, manager: Manager) -> None:
    newcomer.types(f"login {URL} --user admin --password-stdin", "right\n")

    assert newcomer.types("logout").exit_code == 0
    assert manager.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"
    assert _stored(newcomer) == {"default": {"url": URL, "user": "admin"}}
    assert newcomer.types("whoami").exit_code == 3


@pytest.mark.parametrize(
    ("answer", "option", "exit_code", "kept"),
    [
        (problem(401, "token_expired", "Ended."), "", 0, False),
        (httpx.ConnectError("Connection refused"), "", 4, True),
        (httpx.ConnectError("Connection refused"), "--forget", 0, False),
    ],
)
def test_a_token_is_forgotten_once_it_is_worthless(
    answer: httpx.Response | Exception,
    option: str,
    exit_code: int,
    kept: bool,
    newcomer: Operator,
    manager: Manager,
) -> None:
    newcomer.types(f"login {URL} --user admin --password-stdin", "right\n")
    manager.refusals["POST logout/"] = answer

    done = newcomer.types(f"logout {option}")

    assert done.exit_code == exit_code
    assert ("token" in _stored(newcomer)["default"]) is kept


def test_a_token_without_a_manager_is_only_forgotten(newcomer: Operator) -> None:
    Path(newcomer.environment["MUSTER_CONFIG"]).write_text(f'[default]\ntoken = "{TOKEN}"\n')

    done = newcomer.types("logout")

    assert (done.exit_code, "--forget" in done.stderr) == (2, True)
    assert newcomer.types("logout --forget").exit_code == 0
    assert _stored(newcomer) == {"default": {}}


def test_a_file_open_to_others_is_told(newcomer: Operator) -> None:
    newcomer.types(f"login {URL} --user admin --password-stdin", "right\n")
    path = Path(newcomer.environment["MUSTER_CONFIG"])
    path.chmod(0o644)

    assert f"chmod 600 {path}" in newcomer.types("whoami").stderr
