"""Lines of several files come out in the order of time, and none is held for long."""

from workers.logs.core.lines import Line
from workers.logs.core.merging import Merge


def line(moment: float | None, node: str = "n1") -> Line:
    return Line("east", node, "mail", moment, f"at {moment}", f"/logs/{node}", int(moment or 0))


def moments(lines: list[Line]) -> list[float | None]:
    return [one.moment for one in lines]


def test_an_earlier_line_that_comes_a_little_later_stands_in_front() -> None:
    merge = Merge(1.0)
    merge.add([line(10), line(12)], now=100.0)
    merge.add([line(11, "n2"), line(13, "n2")], now=100.5)

    assert merge.take(100.9) == []
    assert moments(merge.take(101.0)) == [10, 11, 12]
    assert moments(merge.take(101.5)) == [13]
    assert merge.take(200.0) == []


def test_a_line_that_is_too_late_comes_all_the_same() -> None:
    merge = Merge(1.0)
    merge.add([line(50)], now=1.0)
    assert moments(merge.take(2.0)) == [50]

    merge.add([line(20)], now=3.0)
    assert moments(merge.take(4.0)) == [20]


def test_a_clock_that_is_ahead_holds_up_nothing() -> None:
    merge = Merge(1.0)
    merge.add([line(9_999, "n2")], now=1.0)
    merge.add([line(10)], now=2.0)

    assert moments(merge.take(2.0)) == [10, 9_999]


def test_lines_without_a_time_come_too() -> None:
    merge = Merge(1.0)
    merge.add([line(None), line(5)], now=0.0)

    assert moments(merge.take(1.0)) == [None, 5]
