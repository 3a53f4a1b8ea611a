"""A manager's environment file: secrets stay, the operator's lines stay, passwords stay unshown."""

import shlex
from pathlib import Path

import pytest

from cluster_admin.cli.errors import Refused, Usage
from cluster_admin.cli.manager_file import merged, parsed
from cluster_admin.cli.manager_plan import BROKER, Secrets, Wish, account, planned, virtual_host

FRESH = Secrets("fresh-signing", "fresh-broker")
WISH = Wish(
    "example",
    ("amqp://mq1.example.net/", "amqp://mq2.example.net:5673/%2F"),
    ("http://admin:hidden@127.0.0.1:15672",),
    "https://muster.example.net/",
)
KEY, DATA = Path("/etc/muster/manager.key"), Path("/var/lib/muster/manager")


def plan(wish: Wish = WISH, known: dict[str, str] | None = None) -> dict[str, str]:
    return planned(wish, known or {}, FRESH, KEY, DATA)


def test_a_new_manager_gets_every_variable() -> None:
    assert plan() == {
        "DJANGO_SETTINGS_MODULE": "cluster_admin.settings.production",
        "MUSTER_CLUSTER": "example",
        "MUSTER_SECRET_KEY": "fresh-signing",
        "MUSTER_KEY_FILE": str(KEY),
        "MUSTER_DATA_DIRECTORY": str(DATA),
        "MUSTER_BROKER_MANAGEMENT_URL": "http://admin:hidden@127.0.0.1:15672",
        "MUSTER_BROKER_URL": "amqp://manager:fresh-broker@mq1.example.net/,"
        "amqp://manager:fresh-broker@mq2.example.net:5673/%2F",
        "MUSTER_ALLOWED_HOSTS": "muster.example.net,localhost,127.0.0.1",
        "MUSTER_PUBLIC_URL": "https://muster.example.net",
        "MUSTER_PLAIN_HTTP": "0",
    }


def test_a_second_time_nothing_has_to_be_said_and_nothing_changes() -> None:
    known = plan()

    assert (
        known | planned(Wish(), known, Secrets("other", "other"), Path("/x"), Path("/y")) == known
    )
    assert known | planned(WISH, known, Secrets("other", "other"), KEY, DATA) == known


def test_another_broker_gets_the_password_that_is_known() -> None:
    known = plan()
    moved = plan(Wish(brokers=("amqp://mq3.example.net/",)), known)

    assert moved["MUSTER_BROKER_URL"] == "amqp://manager:fresh-broker@mq3.example.net/"


def test_a_password_stays_the_same_however_it_has_to_be_written() -> None:
    known = plan() | {BROKER: "amqp://manager:a%2Fb%2541@mq1/"}

    moved = plan(Wish(brokers=("amqp://mq2/",)), known)

    assert account(moved[BROKER]) == account(known[BROKER]) == ("manager", "a/b%41")


def test_an_account_that_is_named_is_used_as_it_is_and_needs_no_management() -> None:
    address = "amqp://manager:p%40ss@mq1/prod%2Fmail"
    found = plan(Wish("example", (address,), (), "https://m"))

    assert found["MUSTER_BROKER_URL"] == address
    assert "MUSTER_BROKER_MANAGEMENT_URL" not in found
    assert account(address) == ("manager", "p@ss")
    assert virtual_host(address) == "prod/mail"
    assert {virtual_host(f"amqp://a:b@mq1{end}") for end in ("", "/", "/%2F")} == {"/"}


def test_plain_http_is_for_this_machine_alone() -> None:
    found = plan(Wish("example", WISH.brokers, WISH.management, "http://127.0.0.1:8025"))

    assert found["MUSTER_PLAIN_HTTP"] == "1"
    with pytest.raises(Usage, match="TLS"):
        plan(Wish("example", WISH.brokers, WISH.management, "http://muster.example.net"))


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        (Wish("", WISH.brokers, WISH.management, WISH.url), "--cluster"),
        (Wish("Two words", WISH.brokers, WISH.management, WISH.url), "hostname label"),
        (Wish("example", (), WISH.management, WISH.url), "--broker amqp"),
        (Wish("example", WISH.brokers, WISH.management, ""), "--url https"),
        (Wish("example", ("mq1.example.net",), WISH.management, WISH.url), "write amqp://HOST"),
        (Wish("example", ("amqp://mq1:x/",), WISH.management, WISH.url), "write amqp://HOST"),
        (Wish("example", ("amqps://a:hidden@mq1/",), (), WISH.url), "write amqp://HOST"),
        (Wish("example", ("amqp://mq1/",), (), WISH.url), "--broker-management"),
        (Wish("example", WISH.brokers, ("127.0.0.1:15672",), WISH.url), "administrator"),
        (Wish("example", WISH.brokers, ("ftp://a:hidden@mq1",), WISH.url), "administrator"),
        (Wish("example", WISH.brokers, WISH.management, "muster.example.net"), "https://"),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out(wish: Wish, sentence: str) -> None:
    with pytest.raises(Usage) as refusal:
        plan(wish)

    assert sentence in str(refusal.value)
    assert "hidden" not in str(refusal.value)


def test_a_manager_stays_with_its_cluster() -> None:
    with pytest.raises(Refused, match="manager of cluster example"):
        plan(Wish("other"), plan())


def test_the_operators_lines_stay_to_the_letter() -> None:
    text = "# mine\nMUSTER_METRICS_OPEN=1\n\n; also mine\nMUSTER_CLUSTER='old'\nEXTRA=\"a b\"\n"
    values = {"MUSTER_CLUSTER": "new", "MUSTER_PUBLIC_URL": "https://m $HOME"}
    made = merged(text, values, "manager.env")

    assert made == (
        '# mine\nMUSTER_METRICS_OPEN=1\n\n; also mine\nMUSTER_CLUSTER=new\nEXTRA="a b"\n'
        "MUSTER_PUBLIC_URL='https://m $HOME'\n"
    )
    assert parsed(made, "manager.env") == {
        "MUSTER_METRICS_OPEN": "1",
        "MUSTER_CLUSTER": "new",
        "EXTRA": "a b",
        "MUSTER_PUBLIC_URL": "https://m $HOME",
    }
    assert merged(made, values, "manager.env") == made
    assert shlex.split(made.splitlines()[-1]) == ["MUSTER_PUBLIC_URL=https://m $HOME"]


@pytest.mark.parametrize("line", ["nonsense", "1A=b", "A='b", "export A=b"])
def test_a_line_that_is_none_is_named(line: str) -> None:
    with pytest.raises(Refused, match=r"manager\.env, line 2"):
        parsed(f"A=b\n{line}\n", "manager.env")


@pytest.mark.parametrize("value", ["a\nB=c", "it's"])
def test_a_value_that_would_read_differently_is_refused(value: str) -> None:
    with pytest.raises(Refused, match="A cannot be") as refused:
        merged("", {"A": value}, "manager.env")
    assert value not in str(refused.value)
