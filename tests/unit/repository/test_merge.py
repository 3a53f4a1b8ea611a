"""Three-way merge by file: whose version goes into the result."""

import pytest

from workers.repository.core.merge import Version, merged_flag, sort_out

A, B, C = Version("a"), Version("b"), Version("c")


@pytest.mark.parametrize(
    ("base", "theirs", "ours", "said"),
    [
        (A, A, B, "take"),
        (A, A, None, "take"),
        (None, None, A, "take"),
        (A, B, B, "done"),
        (A, None, None, "done"),
        (None, A, A, "done"),
        (A, A, A, "done"),
        (A, B, A, "merge"),
        (A, B, C, "merge"),
        (A, A, Version("a", True), "take"),
        (A, Version("a", True), B, "merge"),
        (None, A, B, "conflicts"),
        (A, None, B, "conflicts"),
        (A, B, None, "conflicts"),
    ],
)
def test_each_case(
    base: Version | None, theirs: Version | None, ours: Version | None, said: str
) -> None:
    present = [{} if side is None else {"p": side} for side in (base, theirs)]
    outcome = sort_out(present[0], present[1], {"p": ours})
    found = {name: getattr(outcome, name) for name in ("take", "done", "merge", "conflicts")}
    assert {name: paths for name, paths in found.items() if paths} == {said: ["p"]}


def test_paths_the_change_does_not_name_are_left_alone() -> None:
    outcome = sort_out({"q": A}, {"q": B}, {"p": A})
    assert (outcome.take, outcome.merge, outcome.conflicts) == (["p"], [], [])


@pytest.mark.parametrize(
    ("base", "theirs", "ours", "result"),
    [
        (False, False, True, True),
        (False, True, False, True),
        (True, False, True, False),
        (True, True, False, False),
        (True, False, False, False),
        (False, False, False, False),
    ],
)
def test_a_flag_goes_to_who_changed_it(base: bool, theirs: bool, ours: bool, result: bool) -> None:
    assert merged_flag(base, theirs, ours) is result
