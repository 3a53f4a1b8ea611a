"""House style that no linter knows: sizes, docstrings, empty packages, nothing left undone."""

import ast
import re
from pathlib import Path
from statistics import median

import pytest

from tests.architecture.tree import ROOMS, ROOT, functions, lines, modules, parse

MODULE_LINES, MEDIAN_LINES, FUNCTION_LINES = 500, 100, 60
EVERY = modules(*ROOMS)
INITS = tuple(path for path in EVERY if path.name == "__init__.py")
WRITTEN = tuple(path for path in EVERY if path.name != "__init__.py")
SHIPPED = tuple(path for path in WRITTEN if path.parts[0] != "tests")
UNDONE = re.compile(r"#\s*(TODO|FIXME|XXX|HACK)\b")


@pytest.mark.parametrize("path", INITS, ids=str)
def test_an_init_is_empty(path: Path) -> None:
    assert (ROOT / path).read_text() == ""


@pytest.mark.parametrize("path", WRITTEN, ids=str)
def test_a_module_is_short_and_says_what_it_is(path: Path) -> None:
    assert lines(path) <= MODULE_LINES
    assert ast.get_docstring(parse(path))


def test_most_modules_are_much_shorter() -> None:
    assert median(lines(path) for path in SHIPPED) < MEDIAN_LINES


@pytest.mark.parametrize("path", WRITTEN, ids=str)
def test_functions_are_short(path: Path) -> None:
    sizes = {
        function.name: (function.end_lineno or 0) - function.lineno + 1
        for function in functions(parse(path))
    }

    assert {name: size for name, size in sizes.items() if size > FUNCTION_LINES} == {}


@pytest.mark.parametrize("path", SHIPPED, ids=str)
def test_nothing_shipped_is_left_undone(path: Path) -> None:
    text = (ROOT / path).read_text()

    assert not UNDONE.search(text)
    assert not re.search(r"raise NotImplementedError", text)
