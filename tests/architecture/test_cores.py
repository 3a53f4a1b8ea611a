"""Cores are pure: values in, values out; time is an argument."""

from pathlib import Path

import pytest

from tests.architecture.tree import calls, core_modules, imports, parse

IMPURE = {
    *("time", "random", "secrets", "uuid", "datetime"),
    *("socket", "select", "selectors", "ssl", "asyncio"),
    *("threading", "multiprocessing", "concurrent", "subprocess", "signal"),
    *("logging", "os", "sys", "io", "pathlib", "shutil", "tempfile"),
    *("celery", "kombu", "pika", "pyroute2", "django", "rest_framework", "typer", "rich"),
}
CALLS = {"open", "print", "input", "exec", "eval", "__import__"}


def test_there_are_cores() -> None:
    assert core_modules()


@pytest.mark.parametrize("path", core_modules(), ids=str)
def test_a_core_imports_nothing_impure(path: Path) -> None:
    assert {name.split(".")[0] for name in imports(parse(path))}.isdisjoint(IMPURE)


@pytest.mark.parametrize("path", core_modules(), ids=str)
def test_a_core_reads_no_clock_and_no_file(path: Path) -> None:
    called = set(calls(parse(path)))

    assert called.isdisjoint(CALLS)
    assert not [name for name in called if name.endswith((".now", ".today", ".monotonic"))]
