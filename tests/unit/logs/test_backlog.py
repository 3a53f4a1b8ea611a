"""When a backlog alarms, and that it does so once."""

import pytest

from workers.logs.core.backlog import GROWN_SECONDS, alarm

LIMIT = 1000


@pytest.mark.parametrize(
    ("waiting", "seconds", "raised", "sentence"),
    [
        (0, 0.0, False, ""),
        (500, GROWN_SECONDS, False, ""),
        (501, 0.0, False, "50 % of what the node keeps for it waits"),
        (450, 0.0, True, "45 % of what"),
        (400, 300.0, True, ""),
        (1, 660.0, False, "its oldest line has waited for 11 minutes"),
        (1, 301.0, True, "has waited for 5 minutes"),
        (1 << 40, 0.0, False, "999 % of"),
    ],
)
def test_what_is_wrong(waiting: int, seconds: float, raised: bool, sentence: str) -> None:
    """Given a backlog, then it alarms past its bounds, and is over below lower ones."""
    told = alarm(waiting, seconds, LIMIT, raised=raised)
    assert told.startswith(sentence) or sentence in told
    assert bool(told) is bool(sentence)


def test_around_a_bound_it_alarms_once() -> None:
    """Given a backlog that goes up and down around half of the limit, then one alarm begins."""
    raised, began = False, 0
    for waiting in (490, 510, 495, 505, 450, 520, 480):
        wrong = bool(alarm(waiting, 0.0, LIMIT, raised=raised))
        began += wrong and not raised
        raised = wrong
    assert began == 1
