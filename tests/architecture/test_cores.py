"""Cores are pure: values in, values out; time is an argument."""

from tests.architecture.tree import calls, core_modules, imports, parse

IMPURE = {
    *("time", "random", "secrets", "uuid", "datetime"),
    *("socket", "select", "selectors", "ssl", "asyncio"),
    *("threading", "multiprocessing", "concurrent", "subprocess", "signal"),
    *("logging", "os", "sys", "io", "pathlib", "shutil", "tempfile"),
    *("celery", "kombu", "pika", "pyroute2", "django", "rest_framework", "typer", "rich"),
}
CALLS = {"open", "print", "input", "exec", "eval", "__import__"}
CLOCKS = (".now", ".today", ".monotonic", ".time", ".perf_counter")


def test_there_are_cores() -> None:
    assert core_modules()


def test_cores_import_nothing_impure() -> None:
    found = {
        str(path): sorted({name.split(".")[0] for name in imports(parse(path))} & IMPURE)
        for path in core_modules()
    }

    assert {path: names for path, names in found.items() if names} == {}


def test_cores_read_no_clock_and_no_file() -> None:
    found = {
        str(path): [n for n in calls(parse(path)) if n in CALLS or n.endswith(CLOCKS)]
        for path in core_modules()
    }

    assert {path: names for path, names in found.items() if names} == {}


def test_cores_know_only_cores() -> None:
    found = {
        str(path): [
            name
            for name in imports(parse(path))
            if name.startswith(("workers.", "cluster_admin")) and name.split(".")[2:3] != ["core"]
        ]
        for path in core_modules()
    }

    assert {path: names for path, names in found.items() if names} == {}
