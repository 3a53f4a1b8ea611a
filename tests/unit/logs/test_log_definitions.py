"""Which logs and subscribers definitions may name."""

import pytest

from workers.logs.core.definitions import Logs, Source, Subscriber, logs_refusal

MAIL = Source("mail", "/var/log/mail*.log", ("n1",))


def test_nothing_is_wrong_with_usual_ones_and_a_node_ships_its_own() -> None:
    everywhere = Source("web", "/var/log/web.log")
    logs = Logs((MAIL, everywhere), (Subscriber("archive"),))
    assert logs_refusal(logs, ["n1", "n2"]) is None
    assert logs.of_node("n1") == (MAIL, everywhere)
    assert logs.of_node("n2") == (everywhere,)


@pytest.mark.parametrize(
    ("logs", "place", "part"),
    [
        (Logs((Source("Mail", "/a"),)), "log.Mail", "not a name"),
        (Logs((Source("mail", "a"),)), "log.mail.path", "absolute path"),
        (Logs((Source("mail", "/a/../b"),)), "log.mail.path", "absolute path"),
        (Logs((Source("mail", "/" + "a" * 500),)), "log.mail.path", "at most 500"),
        (Logs((Source("mail", "/a\n"),)), "log.mail.path", r"'/a\n'"),
        (Logs((Source("mail", "/a", ("n9",)),)), "log.mail.nodes", "node 'n9' is not defined"),
        (Logs((Source("mail", "/a", ("n1", "n1")),)), "log.mail.nodes", "stands twice"),
        (Logs((MAIL, MAIL)), "log.mail", "stands twice"),
        (Logs(tuple(Source(f"l{n}", "/a") for n in range(257))), "log", "at most 256"),
        (Logs((), (Subscriber("x" * 64),)), f"subscriber.{'x' * 64}", "not a name"),
        (Logs((), (Subscriber("x", 1),)), "subscriber.x.backlog_bytes", "backlog_bytes is 1"),
        (Logs((), (Subscriber("x"), Subscriber("x"))), "subscriber.x", "stands twice"),
        (Logs((), tuple(Subscriber(f"s{n}") for n in range(17))), "subscriber", "at most 16"),
    ],
)
def test_what_no_node_can_act_on_is_refused(logs: Logs, place: str, part: str) -> None:
    refusal = logs_refusal(logs, ["n1"])

    assert refusal is not None
    assert ".".join(refusal[0]) == place
    assert part in refusal[1]
