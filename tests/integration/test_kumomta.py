"""The Lua of fixtures/kumomta, run by Debian's Lua against a stand-in for KumoMTA's functions.

No KumoMTA is run here: what its functions do is taken from its reference.
"""

import os
import subprocess
from pathlib import Path

import pytest

HERE, FIXTURES = Path(__file__).parent, Path(__file__).parents[2] / "fixtures" / "kumomta"
CLIENT = "client timeout=500ms"


def played(scene: str) -> list[str]:
    """What happens in a scene of the stand-in, but for the making of the client."""
    done = subprocess.run(
        ["lua5.4", HERE / "kumo_stub.lua", scene],
        env={**os.environ, "LUA_PATH": f"{FIXTURES}/?.lua"},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.splitlines()
    assert first == CLIENT
    return lines


def test_a_message_counts_when_it_becomes_ready() -> None:
    asked, due = played("granted")
    question = "binding=,count=1,domain=example.org,kind=message"
    assert asked == f"asked http://127.0.0.1:7413/v1/acquire {question}"
    assert due == "due 0"


def test_a_message_over_its_limit_waits_until_there_is_room() -> None:
    first, second, due = played("refused")
    assert "binding=bulk,count=1,domain=route.test" in first
    assert "binding=,count=1,domain=example.org" in second
    assert due == "due 8 8"


@pytest.mark.parametrize("scene", ["silent", "rubbish"])
def test_mail_goes_on_when_nobody_answers_as_agreed(scene: str) -> None:
    _, warned, due = played(scene)
    assert "mail goes on without limits" in warned
    assert due == "due 0"


def test_a_path_has_the_smallest_share_of_what_counts_open_connections() -> None:
    asked, path = played("path")
    assert asked.endswith("/v1/check binding=bulk,count=1,domain=example.org,kind=connection")
    assert path == "path connection_limit=6,refresh_interval=15s"


def test_a_share_is_one_connection_at_least() -> None:
    assert played("little")[1] == "path connection_limit=1,refresh_interval=15s"


def test_a_path_is_as_given_when_nobody_answers() -> None:
    assert played("path_without_answer")[-1] == "path connection_limit=20,refresh_interval=15s"
