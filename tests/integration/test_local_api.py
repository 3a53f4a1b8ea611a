"""The local API on real sockets: what it grants, what it says, and who cannot disturb it."""

import contextlib
import json
import random
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.policy_parts import Node, all_is_taken, node, until
from tests.unit.replication.asking import asked
from workers.replication.core.definitions import (
    Exempt,
    Limit,
    Per,
    Replication,
    Subject,
    Table,
    TableType,
)
from workers.replication.core.tables import Tables
from workers.replication.http_server import BODY_BYTES, HEAD_BYTES

REPLICATION = Replication(
    limits=(
        Limit("in", Subject.INBOUND_MESSAGES, Per.ADDRESS, 1, 3_600.0),
        Limit("open", Subject.OUTBOUND_CONNECTIONS, Per.DOMAIN, 2),
        Limit("rate", Subject.OUTBOUND_MESSAGES, Per.DOMAIN, 3, 3_600.0),
    ),
    exempts=(Exempt("e", "rate", "free.example"),),
)
TO = {"kind": "connection", "domain": "x.example", "address": "192.0.2.9"}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Node]:
    with node(tmp_path, REPLICATION) as found:
        yield found
        assert found.complaints == []


@pytest.fixture
def api(running: Node) -> Iterator[httpx.Client]:
    transport = httpx.HTTPTransport(uds=str(running.http_path))
    with httpx.Client(transport=transport, base_url="http://node") as client:
        yield client


def shown(api: httpx.Client, table: str, **query: Any) -> list[list[Any]]:
    found: list[list[Any]] = api.get(f"/v1/tables/{table}", params=query).json()["rows"]
    return found


def test_connections_are_granted_and_given_back(api: httpx.Client) -> None:
    first = api.post("/v1/acquire", json=TO)
    assert first.status_code == 200
    assert first.json()["granted"]
    assert first.json()["limits"] == [
        {
            "name": "open",
            "key": "x.example",
            "value": 1,
            "most": 2,
            "remaining": 1,
            "share": 2,
            "window": 0,
        }
    ]
    assert api.post("/v1/acquire", json=TO).status_code == 200
    assert shown(api, "domain-connections") == [["x.example", 2]]
    refused = api.post("/v1/acquire", json=TO)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["limit"] == "open"
    assert "2 of 2" in refused.json()["sentence"]

    lease = {"lease": first.json()["lease"]}
    assert api.post("/v1/renew", json={**lease, "ttl": 30}).json()["ttl"] == 30
    assert api.post("/v1/release", json=lease).json() == {"released": True}
    assert api.post("/v1/release", json=lease).json() == {"released": False}
    assert api.post("/v1/renew", json=lease).status_code == 404
    assert shown(api, "domain-connections") == [["x.example", 1]]


def test_it_is_told_whose_connections_they_are(running: Node, api: httpx.Client) -> None:
    other = Tables("n2", REPLICATION.every_table, incarnation=1, now=time.time())
    other.gauge("domain-connections", "x.example").add(1)
    batch = other.batch(time.time())
    assert batch
    running.do(lambda: running.tables.take(batch, time.time()))
    assert api.post("/v1/acquire", json=TO).status_code == 200
    assert api.post("/v1/acquire", json=TO).status_code == 429

    (found,) = api.get("/v1/explain", params={"key": "x.example"}).json()["limits"][:1]
    assert (found["name"], found["value"], found["own"]) == ("open", 2, 1)
    assert found["nodes"] == {"n1": 1, "n2": 1}


def test_to_check_changes_nothing(api: httpx.Client) -> None:
    for _ in range(5):
        assert api.post("/v1/check", json=TO).json()["granted"]
    assert shown(api, "domain-connections") == []


def test_messages_are_throttled_but_for_who_is_exempt(api: httpx.Client) -> None:
    mail = {"kind": "message", "domain": "x.example"}
    assert [api.post("/v1/acquire", json=mail).status_code for _ in range(4)] == [200] * 3 + [429]
    free = {**mail, "domain": "free.example"}
    assert all(api.post("/v1/acquire", json=free).json()["granted"] for _ in range(5))


def test_a_value_is_known_everywhere_until_its_time_or_nobody_is_to_know_it(
    running: Node, api: httpx.Client
) -> None:
    put = {"key": "greylist 192.0.2.1", "value": "pässed\0"}
    assert api.post("/v1/value", json=put).json()["ttl"] == 3_600
    told = api.get("/v1/value", params={"key": put["key"]}).json()
    assert told == {"table": "cache", **put}
    other = Tables("n2", REPLICATION.every_table, incarnation=1, now=time.time())
    running.do(lambda: other.take(running.tables.batch(time.time() + 60), time.time()))
    assert other.get("cache", put["key"], time.time()) == put["value"].encode()

    assert api.post("/v1/value", json={**put, "value": None}).status_code == 200
    gone = api.get("/v1/value", params={"key": put["key"]})
    assert (gone.status_code, "no value of" in gone.json()["error"]) == (404, True)
    running.do(lambda: other.take(running.tables.batch(time.time() + 60), time.time()))
    assert other.get("cache", put["key"], time.time()) is None


def test_a_value_that_cannot_be_is_refused(api: httpx.Client) -> None:
    put = {"key": "k", "value": "v"}
    assert api.post("/v1/value", json={**put, "table": "named-throttles"}).status_code == 404
    assert api.get("/v1/value", params={"table": "x", "key": "k"}).status_code == 404
    assert api.post("/v1/value", json={**put, "value": "v" * 20_000}).status_code == 413
    assert api.post("/v1/value", json={**put, "ttl": 0}).status_code == 400
    assert api.get("/v1/value", params={"key": "k"}).status_code == 404


def test_a_named_series_counts_in_its_own_table(tmp_path: Path) -> None:
    tables = (
        Table("audit-series", TableType.AUDIT_SERIES),
        Table("logins", TableType.AUDIT_SERIES, parameters=(("window", "600"),)),
    )
    with node(tmp_path, Replication(tables=tables)) as running:
        transport = httpx.HTTPTransport(uds=str(running.http_path))
        with httpx.Client(transport=transport, base_url="http://node") as api:
            event = {"key": "192.0.2.7", "count": 3}
            for number, series in enumerate(("logins", "audit-series", "logins"), 1):
                body = {"source": "x", "offset": number, "events": [{**event, "series": series}]}
                assert api.post("/v1/report", json=body).status_code == 200
            assert shown(api, "logins") == [["192.0.2.7", 6]]
            assert shown(api, "audit-series") == [["192.0.2.7", 3]]


def test_what_is_reported_twice_counts_once(api: httpx.Client) -> None:
    event = {"series": "delivery", "key": "192.0.2.1", "count": 2}
    report = {"source": "mail.log", "offset": 10, "events": [event]}
    for _ in range(3):
        assert api.post("/v1/report", json=report).json() == {"offset": 10}
    assert api.post("/v1/report", json={**report, "offset": 9}).json() == {"offset": 10}
    assert shown(api, "series-delivery") == [["192.0.2.1", 2]]
    assert api.post("/v1/report", json={**report, "offset": 11}).json() == {"offset": 11}
    assert shown(api, "series-delivery", node="n1") == [["192.0.2.1", 4]]
    assert shown(api, "series-delivery", node="n2") == []


def test_an_event_that_is_too_old_to_count_does_not_hold_up_the_rest(api: httpx.Client) -> None:
    old = {"series": "delivery", "key": "192.0.2.1", "at": 1_000_000}
    events = [old, {"series": "connect", "key": "::1"}]
    report = {"source": "a", "offset": 1, "events": events}

    assert api.post("/v1/report", json=report).json() == {"offset": 1}
    assert shown(api, "series-delivery") == []
    assert shown(api, "series-connect") == [["::1", 1]]


def test_why_somebody_was_refused_is_explained(running: Node, api: httpx.Client) -> None:
    with running.talker() as talker:
        for number in range(2):
            talker.sendall(asked(instance=str(number)))
            talker.recv(1_000)
    (found,) = api.get("/v1/explain", params={"key": "192.0.2.1"}).json()["limits"]
    assert (found["name"], found["value"], found["own"], found["remaining"]) == ("in", 1, 1, 0)
    assert found["nodes"] == {"n1": 1}
    (refusal,) = api.get("/v1/refusals").json()["refusals"]
    assert (refusal["limit"], refusal["key"], refusal["test"]) == ("in", "192.0.2.1", False)
    metrics = api.get("/metrics").text
    assert 'muster_limit_refusals_total{limit="in",test="false"} 1.0' in metrics
    assert "muster_policy_requests_total 2.0" in metrics


def test_limits_and_tables_are_listed(api: httpx.Client) -> None:
    told = api.get("/v1/limits").json()
    assert [one["rate"] for one in told["limits"]] == ["1/3600s", "2", "3/3600s"]
    assert told["exempts"][0]["key"] == "free.example"
    names = {one["name"] for one in api.get("/v1/tables").json()["tables"]}
    assert {"domain-connections", "named-throttles", "series-connect"} <= names
    assert api.get("/v1/health").json() == {"healthy": True}
    assert api.head("/v1/limits").content == b""


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "word"),
    [
        ("GET", "/", None, 404, "/v1/acquire"),
        ("GET", "/v1/acquire", None, 405, "takes POST"),
        ("POST", "/v1/limits", "{}", 405, "takes GET"),
        ("POST", "/v1/acquire", "", 400, "JSON"),
        ("POST", "/v1/acquire", "[" * 100_000, 400, "JSON"),
        ("POST", "/v1/acquire", '{"kind": "fish"}', 400, "kind"),
        ("POST", "/v1/acquire", '{"kind": "message", "count": 0}', 400, "count"),
        ("POST", "/v1/acquire", '{"kind": "message", "ttl": 1e99}', 400, "ttl"),
        ("POST", "/v1/acquire", '{"kind": "message", "doman": "x"}', 400, "doman"),
        ("POST", "/v1/acquire", b"\xff\0", 400, "JSON"),
        ("POST", "/v1/report", '{"source": "a", "offset": -1, "events": []}', 400, "offset"),
        (
            "POST",
            "/v1/report",
            '{"source": "a", "offset": 1, "events": [{"series": "x", "key": "k"}]}',
            400,
            "series",
        ),
        ("GET", "/v1/explain", None, 400, "key"),
        ("GET", "/v1/tables/fish", None, 404, "fish"),
        ("GET", "/v1/tables/series-connect?top=0", None, 400, "top"),
        ("GET", "/v1/tables/named-throttles?tree=1", None, 400, "tree"),
    ],
)
def test_what_is_wrong_is_said(
    api: httpx.Client, method: str, path: str, body: str | bytes | None, status: int, word: str
) -> None:
    answer = api.request(method, path, content=body)

    assert answer.status_code == status
    assert word in answer.json()["error"]


def test_addresses_are_shown_as_a_tree(api: httpx.Client) -> None:
    keys = ("192.0.2.1", "192.0.2.2", "2001:db8::1")
    events = [{"series": "connect", "key": key, "count": 2} for key in keys]
    api.post("/v1/report", json={"source": "a", "offset": 1, "events": events})
    tree = api.get("/v1/tables/series-connect?tree=1").json()["tree"]

    assert ["192.0.2.0/30", 4] in [[one[1], one[3]] for one in tree]
    assert ["2001:db8::1", 2] in [[one[1], one[3]] for one in tree]


def test_values_of_a_cache_are_shown(running: Node, api: httpx.Client) -> None:
    running.do(lambda: running.tables.put("cache", "k", b"v", time.time(), 60.0))

    assert api.get("/v1/tables/cache").json()["rows"] == [["k", "v", "n1"]]


def test_keys_of_any_kind_are_taken(api: httpx.Client) -> None:
    for key in (
        "\0",
        "☃" * 500,
        "a b",
        "%",
        "1.2.3.4/33",
        "\ud800".encode("utf-8", "replace").decode(),
    ):
        asked_for = {"kind": "message", "domain": key}
        assert api.post("/v1/acquire", json=asked_for).status_code == 200
        assert api.get("/v1/explain", params={"key": key}).status_code == 200
        event = {"series": "connect", "key": key}
        report = {"source": key, "offset": 1, "events": [event]}
        assert api.post("/v1/report", json=report).status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        b"\0\0\0\0\r\n\r\n",
        b"GET /" + b"x" * (2 * HEAD_BYTES) + b" HTTP/1.1\r\n\r\n",
        b"POST /v1/check HTTP/1.1\r\nhost: x\r\ncontent-length: nine\r\n\r\n",
        b"POST /v1/check HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /v1/limits HTTP/1.1\r\n\r\n",
        b"GET //[ HTTP/1.0\r\n\r\n",
    ],
)
def test_what_is_no_http_is_refused_and_closed(running: Node, text: bytes) -> None:
    with socket.create_connection(("127.0.0.1", running.http_port), 20) as talker:
        talker.sendall(text)
        heard = b""
        while piece := talker.recv(65_536):
            heard += piece

    assert heard.startswith(b"HTTP/1.1 4")
    assert json.loads(heard.partition(b"\r\n\r\n")[2])["error"]


def test_mangled_requests_leave_the_server_well(running: Node, api: httpx.Client) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    body = json.dumps({**TO, "count": 2}).encode()
    head = b"POST /v1/acquire HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
    for _ in range(200):
        text = bytearray((head + body) * dice.randrange(1, 4))
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(len(text))
            text[at : at + dice.randrange(3)] = dice.randbytes(dice.randrange(4))
        with socket.create_connection(("127.0.0.1", running.http_port), 20) as talker:
            talker.sendall(text)
            talker.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while talker.recv(65_536):
                    pass

    assert api.get("/v1/health").status_code == 200
    until(lambda: len(running.http.clients) <= 1, "clients stay")


def test_a_body_without_end_is_cut_off(running: Node, api: httpx.Client) -> None:
    with socket.create_connection(("127.0.0.1", running.http_port), 20) as talker:
        head = b"POST /v1/report HTTP/1.1\r\nhost: x\r\ncontent-length: 999999999\r\n\r\n"
        talker.sendall(head)
        assert not all_is_taken(talker, b" " * 65_536, 64 * BODY_BYTES)
    assert running.http.closed["malformed"] == 1
    assert api.get("/v1/health").status_code == 200


def test_who_asks_and_does_not_read_costs_little(running: Node, api: httpx.Client) -> None:
    with socket.create_connection(("127.0.0.1", running.http_port), 20) as talker:
        talker.settimeout(0.5)
        question = b"GET /v1/tables HTTP/1.1\r\nhost: x\r\n\r\n"
        assert not all_is_taken(talker, question * 100, 256 << 20)
        until(lambda: any(one.held_up_at for one in running.http.clients), "it was not held up")
        assert api.get("/v1/health").status_code == 200


def test_many_idle_clients_leave_room(tmp_path: Path) -> None:
    with node(tmp_path, REPLICATION, clients_max=128) as running:
        talkers = []
        for _ in range(500):
            made = socket.socket(socket.AF_UNIX)
            made.connect(str(running.http_path))
            talkers.append(made)
        transport = httpx.HTTPTransport(uds=str(running.http_path))
        with httpx.Client(transport=transport, base_url="http://node") as client:
            assert client.get("/v1/health").status_code == 200
        assert len(running.http.clients) <= 128
        for made in talkers:
            made.close()
        assert running.complaints == []
