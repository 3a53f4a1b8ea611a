"""Brokers' addresses: what pika is told, and sentences for what cannot be meant."""

import pytest

from workers.bus.connection import broker_parameters
from workers.bus.errors import BusError


def test_an_address_says_where_and_as_whom() -> None:
    told = broker_parameters("amqp://mta1:secret@[2001:db8::5]:5673/")

    assert (told.host, told.port, told.virtual_host) == ("2001:db8::5", 5673, "/")


@pytest.mark.parametrize(
    "address",
    [
        "amqp://mta1:secret@h:5672/?heartbeat=abc",
        "amqp://mta1:secret@h:5672/?frame_max=1",
        "amqp://mta1:secret@h:5672/?tcp_options=1",
        "amqp://mta1:secret@h:99999/",
        "amqp://mta1@h/",
        "http://mta1:secret@h/",
    ],
)
def test_what_is_no_address_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(BusError, match="address") as refused:
        broker_parameters(address)

    assert "secret" not in str(refused.value)
