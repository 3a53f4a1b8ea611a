"""Every command in every format: data alone on stdout, in that format, and the right exit code.

The table is made from the command tree and the examples in its help, so that a new command is in
it from the start and an example that does not work is found.
"""

import csv
import io
import json
from typing import Any

import pytest
import yaml

from cluster_admin.cli.reference import examples, tree
from tests.unit.cli.manager import Manager
from tests.unit.cli.operator import Operator

OF_A_NODE = ("run", "status", "restart", "vips", "events", "join")
LOCAL = {"muster version"} | {f"muster node {it}" for it in OF_A_NODE}
"""Commands that talk to no manager, or change the host they run on."""
APART = (
    *("muster lab ", "muster config ", "muster manager "),
    *("muster logs tail", "muster logs search", "muster logs trace", "muster logs show"),
)
"""Groups and commands that have tests of their own."""
COMMANDS = {
    words: command
    for words, command in tree().items()
    if words not in LOCAL and not words.startswith(APART)
}
FORMATS = ("table", "wide", "json", "yaml", "csv")
SILENT = {"muster logout"}
STDIN = "right\n"
LINES = [(words, line) for words, command in COMMANDS.items() for line in examples(command)]


def _operator(words: str, operator: Operator, manager: Manager) -> Operator:
    """Someone for whom the example makes sense."""
    if words.endswith((" add", " create")):
        kinds = ("nodes", "vips", "segments", "topologies", "subclusters")
        for kind in (*kinds, "logs/sources", "logs/subscribers", "limits", "limits/exemptions"):
            names = ("mta4", "198.18.0.107", "rack-7", "outbound", "mail", "manager", "archive")
            names += ("per-client", "nets", "bulk", "office", "partner")
            manager.rows[kind] = [r for r in manager.rows[kind] if not set(names) & _names(r)]
    if words in ("muster subcluster edit", "muster subcluster remove"):
        manager.rows["subclusters"].append({"name": "outbound", "description": ""})
    operator.around["asks"] = words == "muster login"
    return operator


def _names(row: dict[str, Any]) -> set[Any]:
    return {row.get("name"), row.get("address")}


def _read(text: str, shape: str, *, stream: bool) -> Any:
    """The data in the text; raises when it is not in that format."""
    if shape == "json":
        return [json.loads(line) for line in text.splitlines()] if stream else json.loads(text)
    if shape == "yaml":
        return list(yaml.safe_load_all(text)) if stream else yaml.safe_load(text)
    if shape == "csv":
        heading, *rows = csv.reader(io.StringIO(text))
        assert {len(row) for row in rows} <= {len(heading)}
        return rows
    return [line for line in text.splitlines() if line.strip()]


def test_every_command_has_an_example_and_a_help() -> None:
    assert [words for words, command in COMMANDS.items() if not examples(command)] == []
    assert [words for words, command in tree().items() if not command.help] == []


@pytest.mark.parametrize("shape", FORMATS)
@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_in_a_format(
    words: str, shape: str, operator: Operator, manager: Manager
) -> None:
    [line, *_] = examples(COMMANDS[words])
    line = line.removesuffix(" <password.txt")
    if words in SILENT:
        done = operator.types(line)
        assert (done.exit_code, done.stdout) == (0, "")
        return
    if " -o " in line or " --columns " in line:
        line = line.split(" -o ")[0].split(" --columns ")[0]

    done = _operator(words, operator, manager).types(f"{line} -o {shape}", STDIN)

    pending = "--dry-run" in line
    assert done.exit_code == (10 if pending else 0), done.stderr
    assert _read(done.stdout, shape, stream="--follow" in line)


@pytest.mark.parametrize(("words", "line"), LINES, ids=[line for _, line in LINES])
def test_an_example_works(words: str, line: str, operator: Operator, manager: Manager) -> None:
    operator.clock.patience_seconds = 10
    someone = _operator(words, operator, manager)
    if "definitions.toml" in line:
        line = line.replace("definitions.toml", "-")

    done = someone.types(line.removesuffix(" <password.txt"), STDIN)

    endless = "--watch" in line or line.startswith("muster events --follow")
    expected = 130 if endless else 10 if "--dry-run" in line else 0
    assert done.exit_code == expected, done.stderr
