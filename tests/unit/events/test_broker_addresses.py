"""Which brokers' addresses a listener is started with, and what is said of others."""

import pytest

from cluster_admin.events.broker_addresses import check
from workers.bus.errors import BusError

HERE = "amqp://manager:secret@127.0.0.1:5672/"
THERE = "amqp://manager:secret@192.0.2.1:5672/"


def refused(addresses: list[str], *, elsewhere: bool, listens: bool = False) -> str:
    """The sentence; empty when they are taken."""
    try:
        check(addresses, lambda: elsewhere, lambda _host, _port: listens)
    except BusError as error:
        return str(error)
    return ""


def test_a_broker_that_is_merely_down_is_waited_for() -> None:
    assert refused([HERE], elsewhere=False) == ""
    assert refused([THERE], elsewhere=True) == ""
    assert refused([HERE, THERE], elsewhere=True) == ""


def test_a_broker_in_the_same_namespace_is_taken() -> None:
    assert refused([HERE], elsewhere=True, listens=True) == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "[::1]", "localhost"])
def test_the_loopback_of_another_namespace_is_refused(host: str) -> None:
    sentence = refused([f"amqp://manager:secret@{host}:5672/"], elsewhere=True)

    assert f"names {host.strip('[]')}:5672" in sentence
    assert "secret" not in sentence


@pytest.mark.parametrize(
    "address", ["", "http://x", "amqp://host:5672/", "amqp://a:b@host:x/", "amqp://a:b@[::1/"]
)
def test_addresses_that_are_none_are_refused_without_showing_a_password(address: str) -> None:
    sentence = refused([address], elsewhere=False)

    assert sentence.startswith("MUSTER_BROKER_URL: ")
    assert "secret" not in sentence


def test_no_address_is_refused_with_an_example() -> None:
    assert "amqp://manager:PASSWORD@HOST:5672/" in refused([], elsewhere=False)
