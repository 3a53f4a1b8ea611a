"""Scripts are plain POSIX sh, since nothing but Debian's base is there when they start."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

SCRIPTS = sorted([*(ROOT / "script").iterdir(), ROOT / ".ci" / "run"])
TARGETS = ("run", "test", "setup", "install", "lint", "bench", "simulate", "chaos", "lock")
BASHISMS = {
    "[[ ]]": r"(^|\s)\[\[\s",
    "function keyword": r"^\s*function\s",
    "arrays": r"\w+=\(|\$\{\w+\[",
    "here-string": r"<<<",
    "&> redirection": r"&>",
    "== in test": r"\[ [^]]*\s==\s",
    "source": r"^\s*source\s",
    "process substitution": r"[<>]\(",
    "echo -e": r"\becho -[en]",
    "pipefail": r"pipefail",
    "local": r"^\s*local\s",
    "case conversion or replacement": r"\$\{\w+(,,|\^\^|/)",
}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_parses_as_posix_sh(script: Path) -> None:
    for shell in ("sh", "dash"):
        checked = subprocess.run([shell, "-n", script], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_uses_no_bashism(script: Path) -> None:
    code = "\n".join(
        line for line in script.read_text().splitlines() if not line.lstrip().startswith("#")
    )

    assert [name for name, look in BASHISMS.items() if re.search(look, code, re.MULTILINE)] == []


@pytest.mark.parametrize("target", TARGETS)
def test_every_script_can_be_run_and_is_a_target_of_make(target: str) -> None:
    script = ROOT / "script" / target

    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/bin/sh\n")
    assert re.search(rf"^{target}: ## ", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_continuous_integration_calls_exactly_the_test_command() -> None:
    code = [
        line
        for line in (ROOT / ".ci" / "run").read_text().splitlines()
        if line and not line.startswith("#")
    ]

    assert code == ['exec sh "$(dirname "$0")/../script/test" "$@"']


@pytest.mark.parametrize("command", ["setup", "install", "test"])
def test_a_word_that_is_not_known_is_a_usage_error(command: str) -> None:
    done = subprocess.run(
        [ROOT / "script" / command, "nonsense"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert done.stderr
