"""Three sides of a file as one text: lines of both, with marks only where both differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_admin.dashboard.config_conflicts import (
    MIDDLE,
    MINE,
    THEIRS,
    file_of,
    merged,
    resolved,
    unresolved,
)
from workers.repository.core.changes import Entry
from workers.repository.errors import Sides

BASE = "a\nb\nc\nd\ne\n"
TEXTS = st.lists(st.sampled_from("abcd"), max_size=12).map(
    lambda lines: "".join(f"{one}\n" for one in lines)
)


def together(base: str, theirs: str, mine: str) -> str:
    return "".join(merged(base, theirs, mine))


@given(TEXTS, TEXTS)
def test_a_side_that_changed_nothing_gives_way(base: str, other: str) -> None:
    assert together(base, base, other) == other
    assert together(base, other, base) == other
    assert together(base, other, other) == other


@given(TEXTS, TEXTS, TEXTS)
def test_no_line_of_either_side_is_lost_unseen(base: str, theirs: str, mine: str) -> None:
    result = together(base, theirs, mine).splitlines()

    for side in (theirs, mine):
        for line in set(side.splitlines()) - set(base.splitlines()):
            assert line in result


def test_changes_of_different_lines_stand_together_without_marks() -> None:
    assert together(BASE, BASE.replace("a", "A"), BASE.replace("e", "E")) == "A\nb\nc\nd\nE\n"


def test_changes_of_the_same_line_are_marked_and_the_rest_is_not() -> None:
    result = together(BASE, BASE.replace("c", "theirs"), BASE.replace("c", "mine") + "f\n")

    assert result == f"a\nb\n{MINE}\nmine\n{MIDDLE}\ntheirs\n{THEIRS}\nd\ne\nf\n"
    assert unresolved(result.encode())
    assert not unresolved(BASE.encode())


def test_a_last_line_without_an_end_does_not_swallow_a_mark() -> None:
    assert together("", "x", "y") == f"{MINE}\ny\n{MIDDLE}\nx\n{THEIRS}\n"


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("mine", Entry(b"m\r\n", True)),
        ("theirs", Entry(b"t\n")),
        ("result", Entry(b"r\r\n", True)),
    ],
)
def test_each_choice_gives_its_file(how: str, expected: Entry) -> None:
    assert resolved(how, "r\r\n", Entry(b"m\r\n", True), Entry(b"t\n")) == expected


def test_a_deletion_is_a_choice_too() -> None:
    assert resolved("mine", "", None, Entry(b"t")) is None
    assert resolved("theirs", "", Entry(b"m"), None) is None
    assert resolved("result", "r", None, None) == Entry(b"r")


def test_binary_files_are_taken_whole_from_a_side() -> None:
    one = file_of("p", Sides(b"\0", b"\1\0", None), 1, 2)

    assert not one.editable
    assert one.panes[1].absent
    assert one.theirs_absent
    assert one.note == "you change it, others deleted it"


def test_large_files_begin_with_mine() -> None:
    base = "x\n" * 6_000
    one = file_of("p", Sides(base.encode(), b"m\n", base.encode() + b"t\n"), 1, 2)

    assert one.result == "m\n"
