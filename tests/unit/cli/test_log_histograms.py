"""Bars of a terminal, and where spans of time begin and end."""

import pytest

from cluster_admin.cli.log_histograms import BAR_CHARACTERS, bar, buckets


@pytest.mark.parametrize(
    ("count", "most", "drawn"),
    [
        (0, 0, ""),
        (0, 9, ""),
        (9, 9, "█" * BAR_CHARACTERS),
        (1, 2, "█" * (BAR_CHARACTERS // 2)),
        (1, 1_000_000, "▏"),
        (3, 320, "▍"),
    ],
)
def test_a_bar_is_as_long_as_its_share(count: int, most: int, drawn: str) -> None:
    assert bar(count, most) == drawn


def test_spans_follow_one_another() -> None:
    told = {"since": "2026-01-02T03:00:00+00:00", "until": "2026-01-02T04:00:00+00:00"}

    assert buckets({**told, "counts": [5, 0]}) == [
        {
            "since": "2026-01-02T03:00:00+00:00",
            "until": "2026-01-02T03:30:00+00:00",
            "count": 5,
        },
        {
            "since": "2026-01-02T03:30:00+00:00",
            "until": "2026-01-02T04:00:00+00:00",
            "count": 0,
        },
    ]
