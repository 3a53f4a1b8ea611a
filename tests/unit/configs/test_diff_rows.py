"""Side by side: what went stands beside what came in its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_admin.configs.diff_lines import Hunk, Line, Mark
from cluster_admin.configs.diff_rows import Row, parts, rows


def _hunk(*texts: str) -> Hunk:
    return Hunk(1, 9, 1, 9, tuple(Line(Mark(one[0]), one[1:]) for one in texts))


def _told(found: list[Row]) -> list[tuple[str, str]]:
    return [(row.old.text if row.old else "", row.new.text if row.new else "") for row in found]


def test_lines_that_changed_are_paired_in_their_order() -> None:
    found = list(rows(_hunk(" a", "-b", "-c", "+B", " d", "+e", "-f")))

    assert _told(found) == [("a", "a"), ("b", "B"), ("c", ""), ("d", "d"), ("", "e"), ("f", "")]
    assert [row.changed for row in found] == [False, True, True, False, True, True]


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("size = 10", "size = 20", ((7, 8), (7, 8))),
        ("a", "abc", ((1, 1), (1, 3))),
        ("aa", "a", ((1, 2), (1, 1))),
        ("", "x", ((0, 0), (0, 1))),
        ("same", "same", ((4, 4), (4, 4))),
    ],
)
def test_the_part_that_differs_is_named(old: str, new: str, found: object) -> None:
    assert parts(old, new) == found


@given(st.text(max_size=30), st.text(max_size=30))
def test_putting_the_new_part_in_the_place_of_the_old_gives_the_new_text(
    old: str, new: str
) -> None:
    (start, end), (first, last) = parts(old, new)

    assert old[:start] + new[first:last] + old[end:] == new


@given(st.lists(st.sampled_from(" -+").map(lambda mark: f"{mark}x"), max_size=30))
def test_no_line_is_lost_nor_shown_twice(texts: list[str]) -> None:
    hunk = _hunk(*texts)

    found = list(rows(hunk))

    assert [r.old for r in found if r.old] == [one for one in hunk.lines if one.mark != Mark.NEW]
    assert [r.new for r in found if r.new] == [one for one in hunk.lines if one.mark != Mark.OLD]
