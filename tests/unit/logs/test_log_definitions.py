"""Which logs and subscribers definitions may name."""

import pytest

from workers.logs.core.definitions import Logs, Source, Subscriber, logs_refusal

MAIL = Source("mail", "/var/log/mail*.log", ("n1",))


def test_nothing_is_wrong_with_usual_ones_and_a_node_ships_its_own() -> None:
    everywhere = Source("web", "/var/log/web.log")
    logs = Logs((MAIL, everywhere), (Subscriber("archive"),))
    assert logs_refusal(logs, ["n1", "n2"]) == ""
    assert logs.of_node("n1") == (MAIL, everywhere)
    assert logs.of_node("n2") == (everywhere,)


@pytest.mark.parametrize(
    ("logs", "part"),
    [
        (Logs((Source("Mail", "/a"),)), "not a name"),
        (Logs((Source("mail", "a"),)), "absolute path"),
        (Logs((Source("mail", "/a/../b"),)), "absolute path"),
        (Logs((Source("mail", "/a", ("n9",)),)), "no node 'n9'"),
        (Logs((Source("mail", "/a", ("n1", "n1")),)), "stands twice"),
        (Logs((MAIL, MAIL)), "stands twice"),
        (Logs((), (Subscriber("x.y"),)), "not a name"),
        (Logs((), (Subscriber("x", 1),)), "backlog_bytes is 1"),
        (Logs((), (Subscriber("x"), Subscriber("x"))), "stands twice"),
    ],
)
def test_what_no_node_can_act_on_is_refused(logs: Logs, part: str) -> None:
    assert part in logs_refusal(logs, ["n1"])
