"""What a request says is read in one look as it is attribute by attribute."""

from tests.unit.replication.asking import asked
from workers.replication.core.attributes import NAMES, Reader, Values, read


def test_a_request_is_read() -> None:
    values = Values(*read(asked(sender="a=b")))

    assert values.sender == b"a=b"
    assert values.client_address == b"192.0.2.1"
    assert values.protocol_state == b"RCPT"


def test_a_known_order_is_read_alike() -> None:
    reader = Reader()
    for number in range(20):
        request = asked(sender=f"{number}@\xff", instance=str(number))
        assert reader.read(request) == read(request)
    assert len(reader._order) == len(NAMES)


def test_another_order_is_read_alike_and_learned() -> None:
    reader = Reader()
    lines = asked().split(b"\n")[:-2]
    turned = b"\n".join(reversed(lines)) + b"\n\n"
    for request in (asked(), turned, turned, turned, asked()):
        assert reader.read(request) == read(request)


def test_of_two_of_one_name_the_first_counts() -> None:
    reader = Reader()
    request = b"sender=first\n" + asked()
    for _ in range(4):
        assert Values(*reader.read(request)).sender == b"first"
        assert Values(*reader.read(asked())).sender == b"a@example.org"


def test_an_attribute_that_is_missing_is_empty() -> None:
    request = b"request=smtpd_access_policy\nsender=a\n\n"
    reader = Reader()
    for _ in range(4):
        assert reader.read(request) == (b"", b"", b"a", b"", b"", b"", b"")
