"""What stands where, and who may know whom, beyond what import-linter can say."""

from pathlib import Path

import pytest

from tests.architecture.tree import ROOT, core_modules, imports, modules, parse

TOP = {
    *(
        ".ci",
        ".dockerignore",
        ".gitignore",
        ".importlinter",
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "README.md",
    ),
    *("bench", "cluster_admin", "compose", "docs", "fixtures", "manage.py", "pyproject.toml"),
    *("requirements.in", "requirements.txt", "requirements-dev.in", "requirements-dev.txt"),
    *("script", "tests", "workers"),
}
MADE = {
    *(".git", ".venv", ".setup.lock", "build", "__pycache__", "muster.egg-info"),
    *(".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis"),
    *("muster.sqlite3", ".idea", ".vscode"),
}
STAGES = {"unit", "properties", "architecture", "simulation", "integration", "lab"}


def test_the_top_holds_the_known_rooms_and_no_others() -> None:
    assert {path.name for path in ROOT.iterdir()} - MADE == TOP


def test_every_stage_of_script_test_has_tests() -> None:
    rooms = {path.parent.relative_to(ROOT / "tests").parts[0] for path in _test_modules()}

    assert rooms == STAGES


def _test_modules() -> list[Path]:
    return list((ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("path", modules("cluster_admin"), ids=str)
def test_the_manager_reaches_workers_only_where_it_may(path: Path) -> None:
    cli = path.parts[:2] == ("cluster_admin", "cli")
    for name in imports(parse(path)):
        parts = name.split(".")
        if parts[0] == "workers" and len(parts) > 1:
            core = len(parts) > 2 and parts[2] == "core"
            assert core or parts[1] in ("bus", "exit_codes") or (cli and parts[2:] == ["cli"]), name


@pytest.mark.parametrize("path", core_modules(), ids=str)
def test_a_core_knows_only_cores(path: Path) -> None:
    known = {name for name in imports(parse(path)) if name.split(".")[0] == "workers"}

    assert all(name.split(".")[2:3] == ["core"] for name in known)
