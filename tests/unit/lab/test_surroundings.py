"""Brokers that a lab cannot use are refused, with the reason and the way out."""

import pytest

from workers.lab.errors import LabRefused
from workers.lab.surroundings import choose_port, refuse_broker_url


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("amqp://muster:secret@127.0.0.1:5672/", "'127.0.0.1'.*a loopback of its own"),
        ("amqp://muster:secret@localhost/", "'localhost'.*a loopback of its own"),
        ("amqp://[::1]:5672/", "'::1'.*a loopback of its own"),
        ("127.1.2.3:5672", "'127.1.2.3'.*a loopback of its own"),
        ("amqp://", "'localhost'.*a loopback of its own"),
        ("amqp://muster:secret@10.1.2.3/", "'10.1.2.3'.*no route|'10.1.2.3'.*without a route"),
        ("amqps://mq.example.org, amqp://localhost", "'mq.example.org'.*without a route"),
        ("amqp://[", "'no address'"),
    ],
)
def test_an_existing_broker_is_refused(url: str, reason: str) -> None:
    with pytest.raises(LabRefused, match=reason) as refused:
        refuse_broker_url(url)
    assert "unset MUSTER_BROKER_URL" in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("nothing", ["", " ", ",", " , "])
def test_no_broker_named_is_none_refused(nothing: str) -> None:
    refuse_broker_url(nothing)


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_a_port_out_of_range_is_refused(port: int) -> None:
    with pytest.raises(LabRefused, match="1 to 65535"):
        choose_port(port, ())


def test_a_port_of_another_lab_is_refused() -> None:
    with pytest.raises(LabRefused, match=r"port 8025 of 127\.0\.0\.1 is taken"):
        choose_port(8025, (8025,))
