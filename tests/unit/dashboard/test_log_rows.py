"""Lines of logs as pages draw them: rows, bars, and the way of a message."""

from cluster_admin.dashboard import log_rows
from workers.logs.core.questions import Found

START = 1_796_000_000.0


def found(node: str, after: float | None, text: str) -> Found:
    moment = None if after is None else START + after
    return Found(moment, "default", node, "mail", text, False, f"/logs/{node}", int(after or 0))


STORY = [
    found("n1", 0.0, "Nov 29 00:00:00 n1 postfix/smtpd[1]: 4BEEF00A1: client=c[198.18.0.1]"),
    found(
        "n1",
        0.25,
        "Nov 29 00:00:00 n1 postfix/smtp[1]: 4BEEF00A1: to=<u@example.org>, "
        "relay=n2[198.18.0.2]:25, delay=1, delays=0/0/0/1, dsn=2.0.0, status=sent (ok)",
    ),
    found("n2", 1.0, "Nov 29 00:00:01 n2 postfix/qmgr[1]: 5AAAAAAAAA: removed"),
]


def test_a_row_says_what_happened_and_which_message_it_is_about() -> None:
    first, second, third = map(log_rows.row_of, STORY)

    assert [one.badge.word for one in (first, second, third) if one.badge] == [
        "accepted",
        "delivered",
        "removed",
    ]
    assert [one.queue for one in (first, second, third)] == ["4BEEF00A1", "4BEEF00A1", "5AAAAAAAAA"]
    plain = log_rows.row_of(found("n1", 0.0, "kernel: up"))
    assert (plain.badge, plain.queue) == (None, "")


def test_what_would_not_show_or_turn_a_line_around_is_written_out() -> None:
    row = log_rows.row_of(found("n1", 0.0, "a\x00b\N{RIGHT-TO-LEFT OVERRIDE}c"))

    assert row.text == r"a\x00b\u202ec"


def test_a_long_line_is_cut() -> None:
    assert log_rows.row_of(found("n1", 0.0, "x" * 5_000)).text == "x" * 2_000 + " …"


def test_a_way_has_a_lane_for_each_node_in_the_order_in_which_it_came_there() -> None:
    rows = log_rows.traced(STORY)
    way = log_rows.way_of(rows)

    assert [(row.after, row.moved) for row in rows] == [
        ("+0 s", False),
        ("+0.250 s", False),
        ("+1 s", True),
    ]
    assert way is not None
    assert [(lane.node, len(lane.dots)) for lane in way.lanes] == [("n1", 2), ("n2", 1)]
    assert (way.lanes[0].left, way.lanes[0].width) == ("1.923%", "24.039%")
    assert way.lanes[1].left == "98.077%"
    assert way.ticks


def test_lines_of_one_instant_stand_beside_one_another() -> None:
    way = log_rows.way_of(log_rows.traced([STORY[0], STORY[0], STORY[2]]))

    assert way is not None
    assert [dot.shift for dot in way.lanes[0].dots] == [0, 11]


def test_a_way_of_one_instant_or_of_none_can_be_drawn_or_not() -> None:
    assert log_rows.way_of(log_rows.traced(STORY[:1])) is not None
    assert log_rows.way_of(log_rows.traced([found("n1", None, "no time")])) is None
    assert log_rows.way_of([]) is None


def test_bars_are_as_high_as_their_share_of_the_highest() -> None:
    chart = log_rows.chart_of([0, 5, 10], START, START + 90)

    assert (chart.most, chart.total) == (10, 15)
    assert [(bar.left, bar.top, bar.height) for bar in chart.bars] == [
        ("0.000%", "100.000%", "0.000%"),
        ("33.333%", "50.000%", "50.000%"),
        ("66.667%", "0.000%", "100.000%"),
    ]
    assert chart.bars[1].since.timestamp() == START + 30
    assert log_rows.chart_of([0, 0], START, START + 1).total == 0


def test_a_range_of_thousands_of_years_has_a_few_ticks() -> None:
    assert 3 <= len(log_rows.chart_of([1], 0.0, 200_000_000_000.0).ticks) <= 8


def test_more_lines_begin_at_the_last_one_unless_that_leads_nowhere() -> None:
    assert log_rows.later(STORY, START) == "2026-11-30T00:53:21.000"
    assert log_rows.later(STORY[:1], START) == ""
    assert log_rows.later([found("n1", None, "no time")], START) == ""
    assert log_rows.later([], START) == ""
