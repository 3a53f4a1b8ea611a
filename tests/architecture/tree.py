"""The project's own files, as the architecture tests read them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("workers", "cluster_admin", "bench", "chaos", "tests")


@cache
def modules(*rooms: str) -> tuple[Path, ...]:
    """Every Python file of the rooms, paths relative to the project."""
    found = (path for room in rooms for path in (ROOT / room).rglob("*.py"))
    return tuple(sorted(path.relative_to(ROOT) for path in found))


def core_modules() -> tuple[Path, ...]:
    """Every module of a pure core."""
    return tuple(path for path in modules("workers", "chaos") if "core" in path.parent.parts)


@cache
def parse(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse((ROOT / path).read_text(), filename=str(path))


def lines(path: Path) -> int:
    """How many lines a module has."""
    return (ROOT / path).read_text().count("\n")


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imports(tree: ast.Module) -> Iterator[str]:
    """Dotted names of everything imported; `from a import b` gives both a and a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(tree: ast.Module) -> Iterator[str]:
    """Dotted names of everything called by a plain name, such as `time.sleep`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name.replace(".", "").replace("_", "").isalnum():
                yield name
