"""What stands where, and who may know whom, beyond what import-linter can say."""

from pathlib import Path

from tests.architecture.tree import ROOT, imports, modules, parse

TOP = {
    *(".ci", ".dockerignore", ".gitignore", ".importlinter"),
    *("CHANGELOG.md", "LICENSE", "Makefile", "README.md"),
    *("bench", "chaos", "cluster_admin", "compose", "docs", "fixtures", "manage.py"),
    "pyproject.toml",
    *("requirements.in", "requirements.txt", "requirements-dev.in", "requirements-dev.txt"),
    *("script", "tests", "workers"),
}
MADE = {
    *(".git", ".venv", ".setup.lock", "build", "__pycache__", "muster.egg-info"),
    *(".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis"),
    *("muster.sqlite3", "configuration.git", ".idea", ".vscode"),
}
STAGES = {"unit", "properties", "architecture", "simulation", "web", "integration", "lab"}


def test_the_top_holds_the_known_rooms_and_no_others() -> None:
    assert {path.name for path in ROOT.iterdir()} - MADE == TOP


def test_every_stage_of_script_test_has_tests() -> None:
    tests = ROOT / "tests"
    assert {path.relative_to(tests).parts[0] for path in tests.rglob("test_*.py")} == STAGES


def test_the_manager_reaches_workers_only_where_it_may() -> None:
    found = {
        str(path): [name for name in imports(parse(path)) if not _may(path, name)]
        for path in modules("cluster_admin")
    }

    assert {path: names for path, names in found.items() if names} == {}


def _may(path: Path, name: str) -> bool:
    parts = name.split(".")
    if parts[0] != "workers" or len(parts) == 1 or parts[1] in ("bus", "files", "exit_codes"):
        return True
    rooms = (
        ["config", "errors"],
        ["config", "rendering"],
        ["logs", "reading"],
        ["maillog", "reading"],
    )
    if parts[1] == "repository" or parts[1:3] in rooms:
        return True
    cli = path.parts[:2] == ("cluster_admin", "cli")
    return parts[2:3] == ["core"] or (cli and parts[2:] == ["cli"])
