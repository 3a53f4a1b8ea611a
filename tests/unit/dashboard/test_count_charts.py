"""What nodes count over time, as bars; and limits in badges and sentences."""

from typing import Any

import pytest

from cluster_admin.dashboard.count_charts import BARS_MAX, growth, level
from cluster_admin.dashboard.limit_rows import bar, limit_row, why

LIMIT: dict[str, Any] = {
    **{"key": "a", "value": 5, "most": 10, "share": 0.5, "enabled": True, "test": False},
    "near": [],
}
REFUSAL: dict[str, Any] = {
    **{"limit": "l", "key": "a", "value": 10, "most": 10, "action": "defer", "test": False},
}


def test_a_level_is_the_greatest_of_its_bar() -> None:
    drawn = level("x", [(0.0, 1), (0.5, 4), (45.0, 2)], 0.0, float(BARS_MAX))

    assert [(one.value, one.height) for one in drawn.bars] == [(4, "100.000%"), (2, "50.000%")]
    assert (drawn.most, drawn.last) == (4, 2)


def test_growth_is_what_came_and_a_new_life_is_no_loss() -> None:
    first = [(0.0, 10), (1.5, 12), (2.5, 1), (3.5, 4)]
    drawn = growth("x", [first, [(1.5, 0), (1.6, 5)]], 0.0, float(BARS_MAX))

    assert [(one.value, one.left) for one in drawn.bars] == [(7, "1.111%"), (3, "3.333%")]
    assert drawn.last == 10


def test_nothing_draws_nothing() -> None:
    assert level("x", [], 0.0, 60.0).bars == []
    assert growth("x", [[(0.0, 5)]], 0.0, 60.0).bars == []


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({}, "room"),
        ({"share": 0.8}, "near"),
        ({"share": 1.0}, "reached"),
        ({"share": 1.0, "test": True}, "tried"),
        ({"share": 1.0, "enabled": False}, "off"),
    ],
)
def test_a_limit_has_one_word(more: dict[str, Any], word: str) -> None:
    assert limit_row(LIMIT | more).badge.word == word


def test_a_bar_never_leaves_its_cell() -> None:
    assert bar(LIMIT | {"share": 7.5}).width == "100.00%"
    assert bar(LIMIT | {"share": 7.5}).percent == "750 %"


def test_a_refusal_is_a_sentence() -> None:
    assert why(REFUSAL).endswith("limit l was reached, so it was told to come again")
    assert why(REFUSAL | {"test": True}).endswith("only tried: nobody was refused")
