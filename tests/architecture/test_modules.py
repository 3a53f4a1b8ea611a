"""House style that no linter knows: sizes, docstrings, empty packages, nothing left undone."""

import ast
import re
from statistics import median

from tests.architecture.tree import ROOMS, ROOT, functions, lines, modules, parse

MODULE_LINES, MEDIAN_LINES, FUNCTION_LINES = 500, 100, 60
EVERY = modules(*ROOMS)
WRITTEN = tuple(path for path in EVERY if path.name != "__init__.py")
SHIPPED = tuple(path for path in WRITTEN if path.parts[0] != "tests")
UNDONE = re.compile(r"#\s*(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError")


def test_every_init_is_empty() -> None:
    inits = set(EVERY) - set(WRITTEN)

    assert [str(path) for path in inits if (ROOT / path).stat().st_size] == []


def test_every_module_says_what_it_is() -> None:
    assert [str(path) for path in WRITTEN if not ast.get_docstring(parse(path))] == []


def test_no_module_is_long_and_most_are_short() -> None:
    assert {str(p): lines(p) for p in WRITTEN if lines(p) > MODULE_LINES} == {}
    assert median(map(lines, SHIPPED)) < MEDIAN_LINES


def test_no_function_is_long() -> None:
    sizes = {
        f"{path}:{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for path in WRITTEN
        for function in functions(parse(path))
    }

    assert {name: size for name, size in sizes.items() if size > FUNCTION_LINES} == {}


def test_nothing_shipped_is_left_undone() -> None:
    assert [str(path) for path in SHIPPED if UNDONE.search((ROOT / path).read_text())] == []
