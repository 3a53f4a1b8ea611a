"""Tests of what is pure neither sleep nor patch: time is an argument, fakes mirror contracts."""

from pathlib import Path

import pytest

from tests.architecture.tree import calls, imports, modules, parse

PURE = modules("tests/unit", "tests/properties", "tests/simulation")


@pytest.mark.parametrize("path", PURE, ids=str)
def test_pure_tests_do_not_sleep(path: Path) -> None:
    assert not [name for name in calls(parse(path)) if name.split(".")[-1] == "sleep"]


@pytest.mark.parametrize("path", PURE, ids=str)
def test_pure_tests_patch_nothing(path: Path) -> None:
    tree = parse(path)

    assert not [name for name in imports(tree) if name.startswith(("unittest.mock", "freezegun"))]
    assert not [name for name in calls(tree) if name.split(".")[0] in ("mock", "monkeypatch")]
