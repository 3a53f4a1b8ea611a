"""A whole change, against the tree it is made to: every reason to refuse it is told."""

import pytest

from workers.repository.core.changes import (
    FILE_BYTES,
    TREE_BYTES,
    TREE_FILES,
    ChangeRefusal,
    Changes,
    Entry,
    Problem,
    problems,
)
from workers.repository.core.paths import PathRefusal

X = Entry(b"x")


def refusals(changes: Changes, tree: dict[str, int] | None = None) -> list[tuple[str, object]]:
    return [(p.path, p.refusal) for p in problems(changes, tree or {})]


def test_a_change_of_nothing_is_refused() -> None:
    assert refusals({}) == [("", ChangeRefusal.EMPTY)]


def test_adding_changing_and_deleting_pass() -> None:
    tree = {"global/a": 1, "global/b": 1}
    assert refusals({"global/a": X, "global/b": None, "global/c": X}, tree) == []


def test_what_is_not_there_cannot_be_deleted() -> None:
    assert refusals({"global/a": None}) == [("global/a", ChangeRefusal.ABSENT)]


def test_what_an_older_rule_let_in_can_be_deleted() -> None:
    assert refusals({"global/.git": None, "x": None}, {"global/.git": 1, "x": 1}) == []


def test_every_problem_is_told() -> None:
    found = refusals({"global/../x": X, "global/b": None, "/c": X})
    assert found == [
        ("/c", PathRefusal.ABSOLUTE),
        ("global/../x", PathRefusal.DOTS),
        ("global/b", ChangeRefusal.ABSENT),
    ]


def test_names_of_unknown_nodes_are_refused() -> None:
    found = problems({"default/mx1/a": X, "default/mx2/a": X}, {}, {"default": {"mx1"}})
    assert [(p.path, p.refusal) for p in found] == [("default/mx2/a", PathRefusal.UNKNOWN_NODE)]


@pytest.mark.parametrize(
    ("new", "there"),
    [
        ("global/A", "global/a"),
        ("global/D/x", "global/d/y"),
        ("global/caf\u00e9", "global/cafe\u0301"),
    ],
)
def test_names_that_differ_only_in_case_are_refused(new: str, there: str) -> None:
    assert refusals({new: X}, {there: 1}) == [(new, PathRefusal.CASE)]
    assert refusals({new: X, there: None}, {there: 1}) == []
    assert {r for _, r in refusals({new: X, there: X})} == {PathRefusal.CASE}


def test_a_clash_that_was_there_before_does_not_stop_other_changes() -> None:
    tree = {"global/a": 1, "global/A": 1}
    assert refusals({"global/b": X}, tree) == []
    assert refusals({"global/a": X}, tree) == []


def test_no_path_is_a_file_and_a_directory() -> None:
    clash = PathRefusal.FILE_AND_DIRECTORY
    assert refusals({"global/a/b": X}, {"global/a": 1}) == [("global/a/b", clash)]
    assert refusals({"global/a": X}, {"global/a/b": 1}) == [("global/a", clash)]
    assert refusals({"global/a/b": X, "global/a": None}, {"global/a": 1}) == []
    assert refusals({"global/a": X, "global/a/b": None}, {"global/a/b": 1}) == []


def test_the_size_of_a_file_is_bounded() -> None:
    assert refusals({"global/a": Entry(bytes(FILE_BYTES))}) == []
    found = refusals({"global/a": Entry(bytes(FILE_BYTES + 1))})
    assert found == [("global/a", ChangeRefusal.FILE_TOO_LARGE)]


def test_the_size_of_a_tree_is_bounded_and_can_always_be_made_less() -> None:
    tree = {"global/a": TREE_BYTES - 1, "global/b": 1}
    assert refusals({"global/c": X}, tree) == [("", ChangeRefusal.TREE_TOO_LARGE)]
    assert refusals({"global/c": X, "global/b": None}, tree) == []
    over = {**tree, "global/d": 5}
    assert refusals({"global/d": X}, over) == []


def test_the_number_of_files_is_bounded_and_can_always_be_made_less() -> None:
    tree = {f"global/{number}": 0 for number in range(TREE_FILES)}
    assert refusals({"global/one": X}, tree) == [("", ChangeRefusal.TOO_MANY_FILES)]
    assert refusals({"global/one": X, "global/0": None}, tree) == []


def test_a_problem_is_one_printable_sentence() -> None:
    sentence = Problem("global/a\n\udcff", PathRefusal.UNSEEN).sentence()
    assert sentence.startswith("global/a\\x0a\\udcff: has a control")
    assert Problem("", ChangeRefusal.EMPTY).sentence().startswith("the change names no file")
