"""The reference of commands is made from the parsers, and is what they are now; so are walks."""

import re
import shlex

import pytest

from cluster_admin.cli.reference import tree, updated
from tests.architecture.tree import ROOT

PAGE = "docs/reference/cli.md"
THREE_SERVERS = (ROOT / "docs" / "three-servers.md").read_text()
LINES = re.findall(r"^ {4}(?:sudo )?(?:--\S+ )?(muster .+)$", THREE_SERVERS, re.MULTILINE)


def test_the_reference_of_commands_is_current() -> None:
    page = (ROOT / PAGE).read_text()

    assert updated(page) == page, f"run: python -m cluster_admin.cli.reference {PAGE}"


def test_the_walk_has_the_commands_that_make_a_cluster() -> None:
    told = {" ".join(line.split()[1:3]) for line in LINES}

    assert {"manager init", "node add", "node join", "vip add", "topology add"} <= told


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_the_walk_is_a_command_that_there_is(line: str) -> None:
    words, commands = shlex.split(line), tree()
    length = max(size for size in (2, 3) if " ".join(words[:size]) in commands)
    command = commands[" ".join(words[:length])]

    assert command.make_context(" ".join(words[:length]), words[length:])


def test_what_the_walk_names_in_the_project_is_there() -> None:
    for path in re.findall(r"\bmuster/((?:script|fixtures)/\S+)", THREE_SERVERS):
        assert (ROOT / path).exists(), path
