"""The definitions that workers' steps follow: the newest good file, whatever else lies there."""

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.node_parts import Home, text
from workers.defined import LAST_GOOD, Defined
from workers.failover.core.definitions_text import parse, render
from workers.failover.settings import read_settings
from workers.failover.store import DEFINITIONS


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path, ["amqp://a:b@127.0.0.1:1/"])
    made.lay_down()
    return made


def defined(home: Home) -> Defined:
    return Defined(read_settings(home.config), "what is shipped", logging.getLogger("muster.test"))


def revision(found: Defined) -> int:
    newest = found()
    return 0 if newest is None else newest.revision


def test_there_are_none_then_some_then_newer_ones(home: Home) -> None:
    found = defined(home)
    assert revision(found) == 0

    for number, expected in ((1, 1), (3, 3), (2, 3)):
        (home.state / DEFINITIONS).write_text(text(number))
        assert revision(found) == expected


def test_a_file_that_is_no_good_changes_nothing_and_is_told_once(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    found = defined(home)
    (home.state / DEFINITIONS).write_text(text(1))
    assert revision(found) == 1

    foreign = render(replace(parse(text(2)), cluster="other"))
    for content in (b"nonsense", b"nonsense", b"\xff", foreign.encode()):
        (home.state / DEFINITIONS).write_bytes(content)
        assert revision(found) == 1
        assert revision(found) == 1

    assert len(caplog.messages) == 3
    assert all("what is shipped stays as it is" in line for line in caplog.messages)


def test_a_start_beside_a_bad_file_takes_what_the_agent_acts_on(home: Home) -> None:
    (home.state / DEFINITIONS).write_text("nonsense")
    (home.state / LAST_GOOD).write_text(text(4))

    assert revision(defined(home)) == 4
