"""Notifications: written with their events, gathered, delivered once, tried again for a day."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from pytest_django import Settings

from cluster_admin.events import delivery
from cluster_admin.events.models import Notification, NotificationTarget
from cluster_admin.events.tasks import deliver
from cluster_admin.inventory.models import Node
from tests.web.listening import Bus, make_subcluster, vip

pytestmark = pytest.mark.django_db
HOOK = "https://hooks.example/muster"


@pytest.fixture
def bus() -> Bus:
    make_subcluster(vips=40)
    bus = Bus()
    bus.all_well()
    return bus


class Receiver:
    """A webhook that answers as it is told."""

    def __init__(self, status: int = 204) -> None:
        self.status = status
        self.got: list[tuple[str, bytes, dict[str, str]]] = []

    def __call__(self, url: str, data: bytes, headers: dict[str, str]) -> int:
        self.got.append((url, data, headers))
        if self.status == 0:
            raise OSError("connection refused")
        return self.status

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(data) for _, data, _ in self.got]


def hook(**values: Any) -> NotificationTarget:
    target = NotificationTarget(kind="webhook", **{"address": HOOK, **values})
    target.full_clean()
    target.save()
    return target


def deliver_at(now: datetime, receiver: Receiver) -> int:
    return delivery.deliver(lambda: now, receiver)


def move(bus: Bus, number: int, teller: str = "mta2", previous: str = "mta1") -> None:
    bus.work(
        bus.happen(
            teller, "taken", vip=vip(number), node=previous, reason="its owner died", epoch=9
        )
    )


def test_a_storm_is_one_message(bus: Bus) -> None:
    hook()
    for number in range(30):
        move(bus, number)
    receiver = Receiver()

    assert deliver_at(bus.now.time, receiver) == 0
    assert deliver_at(bus.now.time + timedelta(seconds=3), receiver) == 1
    assert deliver_at(bus.now.time + timedelta(seconds=9), receiver) == 0

    (told,) = receiver.told
    assert (told["topic"], told["node"], told["cause"]) == ("moved", "mta2", "its owner died")
    assert told["subjects"] == [vip(number) for number in range(30)]
    assert told["count"] == 30
    assert told["text"] == "[Muster default] 30 VIPs moved to mta2: its owner died"


def test_what_happens_while_a_message_is_on_its_way_is_told_in_the_next(bus: Bus) -> None:
    hook()
    move(bus, 3)

    class Slow(Receiver):
        def __call__(self, url: str, data: bytes, headers: dict[str, str]) -> int:
            if not self.got:
                move(bus, 4)
            return super().__call__(url, data, headers)

    receiver = Slow()
    deliver_at(bus.now.time + timedelta(seconds=3), receiver)
    deliver_at(bus.now.time + timedelta(seconds=6), receiver)

    assert [told["subjects"] for told in receiver.told] == [[vip(3)], [vip(4)]]


def test_a_claim_lasts_as_long_after_a_slow_target(bus: Bus) -> None:
    for name in ("first", "second"):
        hook(address=f"{HOOK}/{name}")
    move(bus, 3)
    now = bus.now.time + timedelta(seconds=3)
    claims = []

    class Slow(Receiver):
        def __call__(self, url: str, data: bytes, headers: dict[str, str]) -> int:
            nonlocal now
            claims.append(Notification.objects.get(target__address=url).next_at - now)
            now += timedelta(seconds=50)
            return super().__call__(url, data, headers)

    assert delivery.deliver(lambda: now, Slow()) == 2
    assert claims == [delivery.CLAIM] * 2


def test_events_that_come_again_are_not_told_again(bus: Bus) -> None:
    hook()
    events = bus.happen("mta2", "taken", vip=vip(3), node="mta1", reason="its owner died", epoch=9)
    bus.work(events)
    deliver_at(bus.now.time + timedelta(seconds=3), Receiver())
    bus.seconds += 10
    bus.work(events)
    Bus(seconds=bus.seconds).work(events)

    assert Notification.objects.count() == 1


def test_each_target_gets_what_it_asked_for(bus: Bus) -> None:
    hook(address=f"{HOOK}/all")
    hook(address=f"{HOOK}/unsafe", kinds=["unsafe"])
    hook(address=f"{HOOK}/other", subcluster="other")
    hook(address=f"{HOOK}/off", enabled=False)
    move(bus, 3)

    assert [row.target.address for row in Notification.objects.all()] == [f"{HOOK}/all"]


def test_nodes_in_maintenance_are_silent(bus: Bus) -> None:
    hook()
    Node.objects.filter(name="mta1").update(admin_state="maintenance")
    move(bus, 3)

    assert not Notification.objects.exists()


def test_the_same_trouble_is_told_again_only_after_a_while(bus: Bus) -> None:
    hook()
    for pause in (0, 60, 120, 400):
        bus.seconds += pause
        bus.work(bus.happen("mta2", "conflict", vip=vip(3), node="mta1"))
        deliver_at(bus.now.time + timedelta(seconds=3), Receiver())

    assert Notification.objects.count() == 2


def test_what_is_posted_is_signed(bus: Bus) -> None:
    hook(secret="abc")  # noqa: S106 - of no real hook
    move(bus, 3)
    receiver = Receiver()
    deliver_at(bus.now.time + timedelta(seconds=3), receiver)

    (url, data, headers), *_ = receiver.got
    assert url == HOOK
    digest = hmac.new(b"abc", data, hashlib.sha256).hexdigest()
    assert headers["X-Muster-Signature"] == f"sha256={digest}"


@pytest.mark.parametrize(("status", "why"), [(500, "answered 500"), (302, "302"), (0, "refused")])
def test_what_fails_is_tried_again_for_a_day(bus: Bus, status: int, why: str) -> None:
    hook()
    move(bus, 3)
    receiver = Receiver(status)
    now = bus.now.time
    for _ in range(400):
        now += timedelta(minutes=10)
        deliver_at(now, receiver)

    row = Notification.objects.get()
    assert (row.state, row.attempts) == ("failed", len(receiver.got))
    assert 20 < row.attempts < 100
    assert why in row.last_error


def test_a_target_that_does_not_answer_is_asked_once_a_round(bus: Bus) -> None:
    hook()
    for teller in ("mta1", "mta2", "mta3"):
        move(bus, 3, teller, previous="mta9")
    receiver = Receiver(0)
    deliver_at(bus.now.time + timedelta(seconds=3), receiver)

    assert len(receiver.got) == 1
    assert Notification.objects.filter(attempts=1).count() == 3


def test_it_is_delivered_when_the_receiver_is_back(bus: Bus) -> None:
    hook()
    move(bus, 3)
    receiver = Receiver(503)
    deliver_at(bus.now.time + timedelta(seconds=3), receiver)
    receiver.status = 200
    deliver_at(bus.now.time + timedelta(seconds=20), receiver)

    row = Notification.objects.get()
    assert (row.state, row.attempts) == ("sent", 1)
    assert row.sent_at == bus.now.time + timedelta(seconds=20)


def test_a_death_that_was_none_is_withdrawn(bus: Bus) -> None:
    hook()
    for teller in ("mta2", "mta3"):
        bus.work(bus.happen(teller, "dead", node="mta1"))
    bus.work(bus.report("mta1"), after=1.0)
    receiver = Receiver()
    deliver_at(bus.now.time + timedelta(seconds=3), receiver)

    assert receiver.got == []
    assert Notification.objects.get().state == "withdrawn"


def test_a_death_is_told(bus: Bus) -> None:
    hook()
    for teller in ("mta2", "mta3"):
        bus.work(bus.happen(teller, "dead", node="mta1"))
    receiver = Receiver()
    deliver_at(bus.now.time + timedelta(seconds=3), receiver)

    assert receiver.told[0]["text"] == "[Muster default] node mta1 dead"


def test_mail_is_sent(bus: Bus, settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example"
    NotificationTarget.objects.create(kind="mail", address="postmaster@example.org")
    move(bus, 3)
    deliver_at(bus.now.time + timedelta(seconds=3), Receiver())

    (message,) = mail.outbox
    assert message.to == ["postmaster@example.org"]
    assert message.subject == f"[Muster default] VIP {vip(3)} moved to mta2: its owner died"
    assert vip(3) in message.body


def test_without_a_mail_server_it_is_said_why_nothing_comes(bus: Bus) -> None:
    NotificationTarget.objects.create(kind="mail", address="postmaster@example.org")
    move(bus, 3)
    deliver_at(bus.now.time + timedelta(seconds=3), Receiver())

    assert Notification.objects.get().last_error == (
        "no mail can be sent: MUSTER_EMAIL_URL is not set"
    )


def test_the_task_delivers_what_is_due(bus: Bus, settings: Settings) -> None:
    settings.EMAIL_HOST = "mail.example"
    NotificationTarget.objects.create(kind="mail", address="postmaster@example.org")
    move(bus, 3)
    deliver()

    assert len(mail.outbox) == 1
    assert Notification.objects.get().state == "sent"


@pytest.mark.parametrize(
    "values",
    [
        {"address": "ftp://hooks.example/"},
        {"address": "https://"},
        {"address": "https://user:secret@hooks.example/"},
        {"address": "https://hooks.example:99999/"},
        {"address": "https://hooks.example/\nX: y"},
        {"address": "x" * 600},
        {"kind": "mail", "address": "no mail address"},
        {"kind": "pigeon"},
        {"kinds": []},
        {"kinds": ["everything"]},
        {"kinds": {"moved": 1}},
        {"kinds": [["moved"]]},
    ],
)
def test_targets_that_cannot_be_used_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        hook(**values) if "kind" not in values else NotificationTarget(
            **{"address": HOOK, **values}
        ).full_clean()
