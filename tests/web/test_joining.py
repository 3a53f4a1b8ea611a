"""Hosts that become nodes: tokens work once, for one attempt, and leave no trace of secrets."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory.models import Node
from cluster_admin.joining import accounts, leaving, tokens
from cluster_admin.joining.models import BrokerAccount, JoinToken
from cluster_admin.joining.tokens import MARK
from tests.web import seeding
from tests.web.api_client import Answer, Api, newest
from tests.web.fake_management import FakeManagement
from tests.web.joining_parts import ATTEMPT, KEY, OTHER, administrator, join, managed, new_token
from workers.bus.permissions import node_permissions, rooms_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def broker(settings: Any, tmp_path: Path) -> Iterator[FakeManagement]:
    with managed(settings, tmp_path) as fake:
        yield fake


@pytest.fixture
def api(broker: FakeManagement) -> Api:
    return administrator()


def refusal(answer: Answer) -> str:
    assert answer.problem == (403, "forbidden")
    return str(answer.body["detail"])


def test_a_token_is_shown_once_with_the_command_and_only_its_digest_stays(api: Api) -> None:
    answer = api.post("nodes/mta1/join-token/", {})

    token = answer.body["token"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.body["command"] == (
        f"muster node join https://manager.example.net --token {token}"
    )
    row = JoinToken.objects.get()
    assert (row.node.name, row.created_by) == ("mta1", "anna")
    assert token not in str(list(JoinToken.objects.values()))
    record = newest(kind="join token")
    assert (record.action, record.object, record.subcluster) == ("create", "mta1", "default")
    assert token not in str(list(AuditRecord.objects.values()))
    life = row.expires_at - row.created_at
    assert life == timedelta(hours=1)


def test_addresses_that_lead_nowhere_from_other_hosts_are_warned_of(
    api: Api, settings: Any
) -> None:
    assert api.post("nodes/mta1/join-token/", {}).body["warning"] == ""

    settings.MUSTER_PUBLIC_URL = "http://127.0.0.1:8025"
    settings.MUSTER_BROKERS = ("amqp://manager:pw@localhost/",)
    warning = api.post("nodes/mta1/join-token/", {}).body["warning"]
    assert "set MUSTER_PUBLIC_URL and MUSTER_NODE_BROKERS" in warning

    settings.MUSTER_NODE_BROKERS = ("amqp://mq1.example.net/",)
    warning = api.post("nodes/mta1/join-token/", {}).body["warning"]
    assert warning.endswith("set MUSTER_PUBLIC_URL")


def test_the_answer_is_the_whole_identity(api: Api, broker: FakeManagement) -> None:
    answer = join(new_token(api))

    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.body
    assert (told["cluster"], told["subcluster"], told["node"]) == ("demo", "default", "mta1")
    assert told["cluster_key"].split() == [KEY]
    assert told["manager"] == "https://manager.example.net"
    assert "[node.mta1]" in told["definitions"]
    assert sorted(url.partition("@")[2] for url in told["brokers"]) == ["mq1:5672/%2F", "mq2/%2F"]
    assert all(url.startswith("amqp://mta1:") for url in told["brokers"])
    assert 'node = "mta1"' in told["node_toml"]
    assert broker.names("exchanges") == sorted(rooms_of("demo", "default"))
    rights = node_permissions("demo", "default", "mta1")
    assert broker.rights("mta1") == {
        "configure": rights.configure,
        "write": rights.write,
        "read": rights.read,
    }
    row = JoinToken.objects.get()
    assert row.redeemed_at is not None
    assert row.redeemed_from == "127.0.0.1"
    record = newest(action="join", outcome="done")
    assert (record.actor, record.object, record.source) == ("mta1", "mta1", "127.0.0.1")


def test_the_same_attempt_gets_the_same_answer_again_and_another_none(
    api: Api, broker: FakeManagement
) -> None:
    token = new_token(api)
    first = join(token)
    broker.objects.clear()

    assert join(token).body == first.body
    assert broker.account("mta1") is not None
    asked = len(broker.asked)
    assert "was used by another host or attempt" in refusal(join(token, OTHER))
    assert len(broker.asked) == asked
    record = newest(action="join", outcome="denied")
    assert (record.kind, record.source) == ("join token", "127.0.0.1")


def test_a_node_that_joins_anew_has_another_password(api: Api) -> None:
    first = join(new_token(api)).body
    second = join(new_token(api), OTHER).body

    assert first["brokers"] != second["brokers"]


def test_a_newer_token_ends_the_older_ones(api: Api) -> None:
    older, used = new_token(api, "mta2"), new_token(api)
    join(used)

    newer = new_token(api)

    assert "a newer token of node mta1" in refusal(join(used))
    assert join(older).body["node"] == "mta2"
    assert join(newer).status == 200


def test_an_expired_token_is_refused_for_the_same_attempt_too(api: Api) -> None:
    token = new_token(api, expires_in_seconds=60)
    join(token)
    JoinToken.objects.update(expires_at=timezone.now())

    assert "has expired" in refusal(join(token))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: MARK + "0" * 16 + token[len(MARK) + 16 :],
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token[:-1],
        lambda token: "x",
        lambda token: MARK,
    ],
)
def test_a_token_that_is_none_of_this_manager_is_refused_without_saying_more(
    api: Api, broker: FakeManagement, spoil: Any
) -> None:
    token = new_token(api)

    assert "this manager knows no such token" in refusal(join(spoil(token)))
    assert broker.asked == []
    assert join(token).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"token": "x"},
        {"attempt": ATTEMPT},
        {"token": "x", "attempt": "f" * 31},
        {"token": "x", "attempt": "F" * 32},
        {"token": "x", "attempt": "f" * 33},
        {"token": "x" * 101, "attempt": ATTEMPT},
        {"token": 5, "attempt": ATTEMPT},
        {"token": "x", "attempt": ATTEMPT, "node": "mta1"},
        [],
        "x",
    ],
)
def test_bad_input_is_refused_and_never_repeated(broker: FakeManagement, body: Any) -> None:
    answer = Api().post("join/", body)

    assert answer.problem == (400, "invalid")
    assert "xxxx" not in answer.text
    assert "ffff" not in answer.text


def test_who_guesses_has_to_wait_and_who_knows_does_not_get_in_either(api: Api) -> None:
    token = new_token(api)
    for number in range(20):
        assert join(f"{MARK}{number}").status == 403

    answer = join(token)

    assert answer.problem == (429, "throttled")
    assert answer.headers["Retry-After"] == "300"
    AuditRecord.objects.filter(outcome="denied").update(at=timezone.now() - timedelta(minutes=5))
    assert join(token).status == 200


@pytest.mark.parametrize("status", [500, 401])
def test_a_broker_that_is_away_uses_nothing_up(
    api: Api, broker: FakeManagement, status: int
) -> None:
    token = new_token(api)
    broker.status = status

    answer = join(token)
    assert answer.problem == (503, "unavailable")
    assert "the token still works" in answer.body["detail"]
    assert "s3cret" not in answer.text
    assert "Retry-After" in answer.headers
    assert JoinToken.objects.get().attempt == ""

    broker.status = 0
    assert join(token, OTHER).status == 200


def test_a_broker_that_dies_half_way_is_made_good_by_the_next_try(
    api: Api, broker: FakeManagement
) -> None:
    token = new_token(api)

    def die(method: str, key: tuple[str, ...]) -> None:
        broker.status = 500 if key[0] == "permissions" and method == "PUT" else broker.status

    broker.before = die
    assert join(token).status == 503
    assert broker.account("mta1") is not None
    assert broker.rights("mta1") is None

    broker.before, broker.status = lambda *_: None, 0
    assert join(token).status == 200
    assert broker.rights("mta1") is not None


def test_a_transaction_that_is_lost_after_the_account_was_made_is_made_good(
    api: Api, broker: FakeManagement
) -> None:
    token = new_token(api)
    first = join(token).body
    JoinToken.objects.update(redeemed_at=None, redeemed_from="")
    BrokerAccount.objects.update(held_at=timezone.now())

    assert join(token).problem == (503, "unavailable")
    BrokerAccount.objects.update(held_at=timezone.now() - timedelta(seconds=61))

    assert join(token).body == first


def test_two_managers_with_one_token_at_once_make_one_node(
    api: Api, broker: FakeManagement
) -> None:
    token = new_token(api)
    held = timezone.now()
    accounts.hold("mta1", "default", held)

    for attempt in (ATTEMPT, OTHER):
        answer = join(token, attempt)
        assert answer.problem == (503, "unavailable")
        assert "try again in a minute" in answer.body["detail"]
    assert broker.asked == []

    accounts.free("mta1", held)
    assert join(token, OTHER).status == 200
    assert join(token).status == 403


def meanwhile(broker: FakeManagement, change: Callable[[], object]) -> None:
    """Somebody else does that while the broker is asked."""

    def before(_method: str, _key: tuple[str, ...]) -> None:
        change()
        connections.close_all()

    broker.before = before


@pytest.mark.django_db(transaction=True)
def test_a_node_that_is_removed_while_it_joins_does_not_join(
    api: Api, broker: FakeManagement
) -> None:
    token = new_token(api)
    meanwhile(broker, lambda: Node.objects.filter(name="mta1").delete())

    assert "its node was removed" in refusal(join(token))
    broker.before = lambda *_: None
    assert broker.account("mta1") is not None
    now = timezone.now()
    assert leaving.look(now) == 0
    assert leaving.look(now + leaving.GRACE) == 1
    assert broker.account("mta1") is None
    assert not AuditRecord.objects.filter(action="join", outcome="done").exists()


@pytest.mark.django_db(transaction=True)
def test_a_token_that_is_ended_while_it_is_redeemed_does_not_join(
    api: Api, broker: FakeManagement
) -> None:
    token = new_token(api)
    meanwhile(broker, lambda: JoinToken.objects.update(ended_at=timezone.now()))

    assert "a newer token" in refusal(join(token))


@pytest.mark.parametrize("name", ["manager", "guest", "admin"])
def test_a_node_is_not_given_an_account_of_the_managers(
    api: Api, broker: FakeManagement, name: str
) -> None:
    Node.objects.filter(name="mta3").update(name=name)

    answer = api.post(f"nodes/{name}/join-token/", {})

    assert answer.problem == (409, "refused")
    assert f"the broker account {name} is not a node's" in answer.body["detail"]


@pytest.mark.parametrize(
    "there",
    [
        {"users": {"tags": "administrator"}},
        {"users": {"tags": ""}, "/": {"configure": "", "write": ".*", "read": ".*"}},
        {"users": {"tags": ""}, "/other": {"configure": "", "write": ".*", "read": ".*"}},
    ],
)
def test_an_account_that_is_somebody_elses_is_not_taken(
    api: Api, broker: FakeManagement, there: dict[str, Any]
) -> None:
    token = new_token(api)
    broker.objects[("users", "mta1")] = there["users"]
    for host in there.keys() - {"users"}:
        broker.objects[("permissions", host, "mta1")] = there[host]
    before = dict(broker.objects)

    assert join(token).status == 503
    assert {key: broker.objects[key] for key in before} == before


@pytest.mark.parametrize("variable", ["MUSTER_BROKER_MANAGEMENT", "MUSTER_KEY_FILE"])
def test_a_manager_that_cannot_make_accounts_says_what_it_lacks(
    api: Api, settings: Any, variable: str
) -> None:
    token = new_token(api)
    setattr(settings, variable, "")

    for answer in (api.post("nodes/mta1/join-token/", {}), join(token)):
        assert answer.problem == (503, "unavailable")
        assert variable in answer.body["detail"]


@pytest.mark.parametrize("address", ["mq1:5672", "http://mq1/", "amqp://", "amqp://mq1:x/"])
def test_an_address_that_no_node_could_use_is_not_told_to_one(
    api: Api, settings: Any, address: str
) -> None:
    settings.MUSTER_NODE_BROKERS = (address,)

    answer = api.post("nodes/mta1/join-token/", {})

    assert answer.problem == (503, "unavailable")
    assert "MUSTER_NODE_BROKERS" in answer.body["detail"]


def test_only_an_administrator_of_the_subcluster_makes_tokens(broker: FakeManagement) -> None:
    seeding.cluster(1, 1, "staging", prefix="stg", block=2)
    for name, role, place in (
        ("otto", "operator", "default"),
        ("anna", "admin", "staging"),
        ("vera", "viewer", ""),
    ):
        answer = Api(seeding.user(name, role, place)).post("nodes/mta1/join-token/", {})
        assert answer.problem == (403, "forbidden")
    assert Api().post("nodes/mta1/join-token/", {}).status == 401
    assert not JoinToken.objects.exists()


@pytest.mark.parametrize("seconds", [0, -1, 604_801, "1h", 1.5])
def test_a_life_that_is_none_is_refused(api: Api, seconds: Any) -> None:
    answer = api.post("nodes/mta1/join-token/", {"expires_in_seconds": seconds})

    assert answer.problem == (400, "invalid")
    assert not JoinToken.objects.exists()


def test_a_dry_run_makes_no_token_and_ends_none(api: Api) -> None:
    token = new_token(api)

    answer = api.post("nodes/mta1/join-token/?dry_run=1", {})

    assert answer.body["dry_run"] is True
    assert MARK not in answer.text
    assert join(token).status == 200


def test_nothing_secret_is_logged(
    api: Api, broker: FakeManagement, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = new_token(api)
    told = join(token).body
    join(token, OTHER)
    broker.status = 500
    second = new_token(api)
    join(second)

    assert "cannot join" in caplog.text
    said = caplog.text + str(list(AuditRecord.objects.values()))
    password = told["brokers"][0].split(":")[2].partition("@")[0]
    for secret in (token, second, password, KEY, ATTEMPT, OTHER, "s3cret"):
        assert secret not in said


def test_what_is_kept_of_tokens_is_bounded(api: Api) -> None:
    node, now = Node.objects.get(name="mta1"), timezone.now()
    for _ in range(15):
        tokens.make(node, "anna", timedelta(hours=1), now)

    assert JoinToken.objects.count() == 10
    assert JoinToken.objects.filter(ended_at=None).count() == 1
    assert tokens.prune(now + timedelta(days=7)) == 0
    assert tokens.prune(now + timedelta(days=8)) == 10


def test_a_token_goes_with_its_node(api: Api) -> None:
    new_token(api)

    Node.objects.all().delete()

    assert not JoinToken.objects.exists()
