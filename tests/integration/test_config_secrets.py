"""What a server's own commands print of a secret stays on the node."""

import logging
from pathlib import Path

import pytest

from tests.integration.configuring import Manager
from tests.integration.test_config_desk import VALUE, desk, put_secret
from workers.config.core.reports import Outcome
from workers.config.profiles import Command
from workers.config.secret_files import SecretFiles

SHOUT = ("/bin/sh", "-c", "cat {tree}/relay; tail -n 1 {tree}/relay >&2; exit 1")


@pytest.mark.parametrize("before", [0, 190], ids="{} characters before".format)
@pytest.mark.parametrize("step", ["validate_words", "reload_words", "check_words", "build_words"])
def test_a_command_that_prints_a_secret_tells_its_name_alone(
    tmp_path: Path, step: str, before: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "muster")
    manager = Manager(tmp_path / "manager.git")
    password = "password".ljust(before, "-")
    manager.commit(relay_j2=f"user relay\n{password} {{{{ secret('relay') }}}}\n")
    node = tmp_path / "node"
    put_secret(node, VALUE)

    with desk(node, profile=Command(**{step: SHOUT})) as (one, heard):
        one.order(manager.order())
        outcome = Outcome.KEPT if step in ("validate_words", "build_words") else Outcome.TURNED_BACK
        report = heard.applied(1, outcome).report

    assert f"user relay\n{password} <secret relay>" in report.output
    assert f"{password} <secret relay>" in report.sentence
    assert VALUE[:4] not in repr(heard.messages) + caplog.text


def test_lines_of_a_long_secret_are_concealed_and_short_words_are_not(tmp_path: Path) -> None:
    for name, value in (
        ("key", "-----BEGIN-----\nMIIEvQIBADANBg\nab\n-----END-----\n"),
        ("pin", "12"),
    ):
        place = tmp_path / name
        place.touch(mode=0o600)
        place.write_text(value)
    secrets = SecretFiles(tmp_path)

    assert secrets.concealed("bad line: MIIEvQIBADANBg, 12 times ab") == (
        "bad line: <secret key>, 12 times ab"
    )
    assert secrets.concealed((tmp_path / "key").read_text()) == "<secret key>\n"
    assert SecretFiles(tmp_path / "none").concealed("as it is") == "as it is"
