"""Accounts over the management API: what is asked of which broker, and what nobody ever sees."""

import json
from collections.abc import Callable

import httpx
import pytest

from workers.bus.accounts import (
    SESSION_SECONDS,
    BrokerAwayError,
    ForeignAccountError,
    Management,
    Standing,
    password_hash,
)
from workers.bus.errors import BusError
from workers.bus.permissions import Permissions, is_of_cluster, node_permissions

FIRST, SECOND = "http://admin:s%2Fcret@mq1:15672", "https://admin:s%2Fcret@mq2/base"
RIGHTS = node_permissions("demo", "default", "mta1")
Answer = Callable[[httpx.Request], httpx.Response]


class Api:
    """A management API that knows some accounts, and writes down what it was asked."""

    def __init__(self, answer: Answer = lambda _: httpx.Response(404), away: str = "") -> None:
        self.answer, self.away = answer, away
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[bytes] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.method, request.url.raw_path.decode()))
        self.bodies.append(request.content)
        if request.url.host == self.away:
            raise httpx.ConnectTimeout("no answer", request=request)
        return self.answer(request)

    def management(self, *addresses: str, clock: Callable[[], float] = lambda: 0.0) -> Management:
        return Management(addresses or (FIRST,), "/", httpx.MockTransport(self), clock)


def test_an_account_is_made_with_a_hash_and_its_rights() -> None:
    api = Api(lambda request: httpx.Response(404 if request.method == "GET" else 201))

    with api.management() as broker:
        broker.put_account("mta1", "s3cret-w0rd", RIGHTS)

    assert api.asked == [
        ("GET", "/api/users/mta1"),
        ("PUT", "/api/users/mta1"),
        ("PUT", "/api/permissions/%2F/mta1"),
    ]
    told = json.loads(api.bodies[1])
    assert told["tags"] == ""
    assert b"s3cret-w0rd" not in b"".join(api.bodies)
    assert json.loads(api.bodies[2])["configure"] == RIGHTS.configure


def test_rooms_are_durable_fanout_exchanges() -> None:
    api = Api(lambda _: httpx.Response(204))

    with api.management() as broker:
        broker.put_rooms(["muster.demo.default.events"])

    assert api.asked == [("PUT", "/api/exchanges/%2F/muster.demo.default.events")]
    told = json.loads(api.bodies[0])
    assert (told["type"], told["durable"], told["auto_delete"]) == ("fanout", True, False)


@pytest.mark.parametrize("tags", [["administrator"], "administrator", "monitoring,management"])
def test_an_operators_account_is_neither_changed_nor_deleted(tags: object) -> None:
    api = Api(lambda _: httpx.Response(200, json={"name": "mta1", "tags": tags}))

    with api.management() as broker:
        with pytest.raises(ForeignAccountError, match="give the node another name"):
            broker.put_account("mta1", "word", RIGHTS)
        with pytest.raises(ForeignAccountError, match="give the node another name"):
            broker.delete_account("mta1")

    assert {method for method, _ in api.asked} == {"GET"}


@pytest.mark.parametrize("tags", [[], "", None])
def test_an_account_without_tags_is_told_with_its_rights(tags: object) -> None:
    rights = {"configure": "a", "write": "b", "read": "c"}
    told = {
        "/api/users/mta1": {"tags": tags},
        "/api/users/mta1/permissions": [{"vhost": "/", **rights}, {"vhost": "other", **rights}],
    }
    api = Api(lambda request: httpx.Response(200, json=told[request.url.path]))

    with api.management() as broker:
        found = broker.standing("mta1")

    assert found == Standing((), Permissions("a", "b", "c"), ("other",))


def test_what_is_gone_is_gone() -> None:
    with Api().management() as broker:
        broker.delete_account("mta1")
        broker.delete_queue("node.mta1")
        assert broker.standing("mta1") is None


def test_a_broker_that_does_not_answer_is_left_for_the_next_and_not_asked_again() -> None:
    api = Api(lambda _: httpx.Response(204), away="mq1")

    with api.management(FIRST, SECOND) as broker:
        broker.delete_queue("a")
        broker.delete_queue("b")

    assert [path for _, path in api.asked] == [
        "/api/queues/%2F/a",
        "/base/api/queues/%2F/a",
        "/base/api/queues/%2F/b",
    ]


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_no_broker_that_serves_us_is_told_by_host_without_the_password(status: int) -> None:
    api = Api(lambda _: httpx.Response(status))

    with api.management() as broker, pytest.raises(BrokerAwayError) as refused:
        broker.delete_account("mta1")

    assert str(refused.value) == (
        f"the broker's management API cannot be used: mq1:15672 answers {status} to GET users/mta1"
    )


def test_silence_is_told_by_host() -> None:
    with Api(away="mq1").management() as broker, pytest.raises(BrokerAwayError, match="mq1:15672"):
        broker.standing("mta1")


def test_what_the_broker_refuses_is_shown() -> None:
    api = Api(lambda _: httpx.Response(400, text='{"reason": "inequivalent arg"}'))

    with api.management() as broker, pytest.raises(ForeignAccountError, match="inequivalent"):
        broker.put_rooms(["room"])


def test_a_virtual_host_that_is_not_there_takes_no_rights() -> None:
    with Api().management() as broker, pytest.raises(ForeignAccountError, match="404"):
        broker.put_rooms(["room"])


@pytest.mark.parametrize("content", [b"<html>", b"[1]", b"\xff"])
def test_an_answer_that_is_no_brokers_counts_as_away(content: bytes) -> None:
    api = Api(lambda _: httpx.Response(200, content=content))

    with api.management() as broker, pytest.raises(BrokerAwayError, match="no management API"):
        broker.standing("mta1")


def test_a_slow_broker_is_not_asked_for_ever() -> None:
    now = iter([0.0, 1.0, SESSION_SECONDS + 1.0])

    with Api().management(clock=lambda: next(now)) as broker:
        broker.delete_queue("a")
        with pytest.raises(BrokerAwayError, match="within 20 s"):
            broker.delete_queue("b")


@pytest.mark.parametrize("address", ["http://mq1:15672", "amqp://a:b@mq1", "http://a:b@mq1:x", ""])
def test_an_address_of_another_form_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(BusError) as refused:
        Management((address,))

    assert "a:b" not in str(refused.value)


def test_without_an_address_nobody_is_asked() -> None:
    with Management(()) as broker, pytest.raises(BrokerAwayError, match="no address"):
        broker.standing("mta1")


def test_a_hash_is_what_rabbitmq_makes_of_it() -> None:
    expected = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    assert password_hash("test12", bytes.fromhex("908dc60a")) == expected


@pytest.mark.parametrize(
    ("rights", "ours"),
    [
        (RIGHTS, True),
        (node_permissions("demo", "staging", "mta1"), True),
        (node_permissions("demo", "default", "mta11"), False),
        (node_permissions("demo2", "default", "mta1"), False),
        (Permissions(".*", ".*", ".*"), False),
        (Permissions("", "", ""), False),
    ],
)
def test_rights_of_a_node_of_the_cluster_are_told_from_others(
    rights: Permissions, ours: bool
) -> None:
    assert is_of_cluster(rights, "demo", "mta1") is ours
