"""Tests of what is pure neither sleep nor patch: time is an argument, fakes mirror contracts."""

from tests.architecture.tree import calls, imports, modules, parse

PURE = modules("tests/unit", "tests/properties", "tests/simulation")


def test_pure_tests_do_not_sleep() -> None:
    sleeps = {"sleep", "time.sleep", "asyncio.sleep"}

    assert [str(path) for path in PURE if sleeps & set(calls(parse(path)))] == []


def test_pure_tests_patch_nothing() -> None:
    patches = ("mock", "monkeypatch", "mocker")
    found = {
        str(path): [
            *(
                name
                for name in imports(parse(path))
                if name.startswith(("unittest.mock", "freezegun"))
            ),
            *(name for name in calls(parse(path)) if name.split(".")[0] in patches),
        ]
        for path in PURE
    }

    assert {path: names for path, names in found.items() if names} == {}
