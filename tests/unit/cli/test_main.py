"""The command line finds its groups by name, and loads only the one that is typed."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cluster_admin.cli.main import COMMANDS, GROUPS, build, named_group

HEAVY = {"django", "kombu", "pika", "pyroute2", "celery", "supervisor", "httpx", "yaml"}


@pytest.mark.parametrize(
    ("arguments", "environment", "group"),
    [
        ([], {}, None),
        (["--help"], {}, None),
        (["lab", "up"], {}, "lab"),
        (["--help", "node"], {}, "node"),
        ([], {"COMP_WORDS": "muster lab fau"}, "lab"),
        ([], {"_TYPER_COMPLETE_ARGS": "muster no"}, "no"),
        ([], {"COMP_WORDS": "muster "}, None),
    ],
)
def test_the_group_is_the_first_word(
    arguments: list[str], environment: dict[str, str], group: str | None
) -> None:
    assert named_group(arguments, environment) == group


def test_help_lists_every_group_with_its_line() -> None:
    shown = CliRunner().invoke(build(None), ["--help"])

    assert shown.exit_code == 0
    for name, (_, summary) in {**GROUPS, **COMMANDS}.items():
        assert name in shown.stdout
        assert summary.split(":")[0] in shown.stdout


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_that_is_typed_has_its_commands(group: str) -> None:
    shown = CliRunner().invoke(build(group), [group, "--help"])

    assert shown.exit_code == 0
    assert any(word in shown.stdout for word in ("status", "list", "search"))


def test_a_word_that_is_not_known_is_a_usage_error() -> None:
    assert CliRunner().invoke(build("nonsense"), ["nonsense"]).exit_code == 2


def test_the_version_is_data_on_stdout() -> None:
    shown = CliRunner().invoke(build(None), ["version"])

    assert shown.exit_code == 0
    assert shown.stdout.strip().count(".") == 2


@pytest.mark.parametrize("word", [None, *(name for name in (*GROUPS, *COMMANDS) if name != "lab")])
def test_help_and_completion_load_nothing_heavy(word: str | None) -> None:
    code = (
        f"import sys; from cluster_admin.cli.main import build; build({word!r});"
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert HEAVY.isdisjoint(done.stdout.split())
