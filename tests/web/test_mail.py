"""What happened to mail: in the API, on its page, and as a gate of rollouts."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from cluster_admin.configs import rollouts
from cluster_admin.inventory.refusals import Refused
from tests.web import seeding
from tests.web.api_client import Api, administrator
from tests.web.mail_numbers import HOSTILE, MailNumbers
from tests.web.rollout_stage import Stage
from workers.config.core.rollout_values import Settings
from workers.maillog.core.happenings import Kind

pytestmark = pytest.mark.django_db
GATE = Settings(pause_seconds=120, apply_seconds=20, mail_limit=5)


@pytest.fixture(autouse=True)
def numbers(tmp_path: Path, settings: Any) -> Iterator[MailNumbers]:
    """An hour ago: deliveries and failures of two nodes in two subclusters."""
    made = MailNumbers(tmp_path)
    settings.MUSTER_MAIL_COUNTS = str(made.path)
    at = time.time() - 3_600
    made.keep(at, Kind.DELIVERED, 90)
    made.keep(at, Kind.DEFERRED, 8, domain=HOSTILE)
    made.keep(at + 60, Kind.BOUNCED, 2)
    made.keep(at, Kind.CONNECTED, 5, client="2001:db8::1")
    made.keep(at, Kind.DELIVERED, 7, node="stg1", subcluster="staging", domain="secret.test")
    made.fresh(time.time())
    yield made
    made.close()


def viewer(subcluster: str = "") -> Api:
    return Api(seeding.user("vera", "viewer", subcluster))


def test_over_time() -> None:
    told = viewer().get("mail/counts/").body

    assert (told["by"], told["step_seconds"], told["more"]) == ("time", 60, 0)
    assert [one["delivered"] for one in told["rows"]] == [97, 0]
    assert told["rows"][0]["time"] < told["rows"][1]["time"]
    assert told["total"] == {
        "delivered": 97,
        "deferred": 8,
        "bounced": 2,
        "rejected": 0,
        "connected": 5,
        "failed_percent": 9.35,
    }
    assert told["counted_at"] is not None


def test_by_name_the_largest_first() -> None:
    api = viewer()
    told = api.get("mail/counts/?by=domain&limit=2&since=3h").body

    assert [one["name"] for one in told["rows"]] == ["example.org", HOSTILE]
    assert told["more"] == 1
    clients = api.get("mail/counts/?by=client").body["rows"]
    assert [(one["name"], one["connected"]) for one in clients] == [("2001:db8::1", 5)]
    nodes = api.get("mail/counts/?by=node&node=mta1&subcluster=default").body["rows"]
    assert [(one["name"], one["deferred"]) for one in nodes] == [("mta1", 8)]


def test_only_subclusters_with_a_role_are_counted() -> None:
    api = viewer("staging")

    assert api.get("mail/counts/").body["total"]["delivered"] == 7
    assert api.get("mail/counts/?by=domain").body["rows"][0]["name"] == "secret.test"
    assert api.get("mail/counts/?subcluster=default").body["rows"] == []
    assert Api(seeding.user("nobody", "")).get("mail/counts/").problem == (403, "forbidden")
    assert Api().get("mail/counts/").status == 401


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("by=colour", "by"),
        ("since=yesterday", "since"),
        ("since=1h&until=2h", "since"),
        ("limit=0", "limit"),
        ("limit=9999", "limit"),
        ("by=domain&node=mta1", "node"),
        ("who=me", "who"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(query: str, field: str) -> None:
    answer = viewer().get(f"mail/counts/?{query}")

    assert answer.problem == (400, "invalid")
    assert list(answer.body["errors"]) == [field]


def test_where_nobody_counts_it_says_so(settings: Any, client: Client) -> None:
    settings.MUSTER_MAIL_COUNTS = "/nowhere/mail.sqlite3"

    answer = administrator().get("mail/counts/")

    assert answer.problem == (503, "unavailable")
    assert "start its collector of logs" in answer.body["detail"]
    client.force_login(seeding.user("paul"))
    page = client.get("/mail/").content.decode()
    assert "start its collector of logs" in page


def test_the_page_has_charts_and_tables(client: Client) -> None:
    client.force_login(seeding.user("vera", "viewer", "default"))

    page = client.get("/mail/").content.decode()

    assert page.count('<figure class="chart') == 2
    assert "90 delivered" in page
    assert "8 deferred" in page
    assert "10.0 %" in page
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert "secret.test" not in page
    for since in ("1h", "7d", "30d", "nonsense"):
        assert client.get(f"/mail/?since={since}&node=mta1").status_code == 200


def test_old_numbers_are_said_to_be_old(client: Client, numbers: MailNumbers) -> None:
    numbers.fresh(time.time() - 1_000)
    client.force_login(seeding.user("vera"))

    assert "Nothing was counted since" in client.get("/mail/").content.decode()


class GatedStage(Stage):
    """A rollout with a limit; mail goes on, and is counted, while time is turned."""

    def __init__(self, numbers: MailNumbers) -> None:
        super().__init__()
        self.numbers = numbers
        self.failing: set[str] = set()
        self.counting = True
        start = self.now.timestamp()
        for ago in range(60, 3_600, 600):
            for node in self.seeded.nodes:
                numbers.keep(start - ago, Kind.DELIVERED, 30, node=node.name)
        numbers.fresh(start)

    def work(self) -> None:
        """Each node delivers, or does not; once in a while."""
        super().work()
        at = self.now.timestamp()
        if self.counting and int(at) % 20 == 0:
            for node in self.seeded.nodes:
                bad = node.name in self.failing and self.live()[node.name] == self.new
                kind = Kind.DEFERRED if bad else Kind.DELIVERED
                self.numbers.keep(at, kind, 20, node=node.name)
            self.numbers.fresh(at)


def test_a_rollout_goes_on_while_mail_fares_well(numbers: MailNumbers) -> None:
    stage = GatedStage(numbers)
    stage.start(settings=GATE, batch=5)

    assert stage.run(400).phase == "done"


def test_a_rollout_turns_back_where_mail_fares_worse(numbers: MailNumbers) -> None:
    stage = GatedStage(numbers)
    stage.failing = {"mta1"}
    row = stage.start(settings=GATE, batch=5)

    row = stage.run(400)

    assert row.phase == "turned_back"
    assert "mail: 5 % more of its attempts than before" in row.value().reason
    assert set(stage.live().values()) == {stage.old}


def test_a_rollout_without_a_limit_does_not_look_at_mail(numbers: MailNumbers) -> None:
    stage = GatedStage(numbers)
    stage.failing = {"mta1", "mta2", "mta3"}
    stage.start(settings=Settings(pause_seconds=3), batch=5)

    assert stage.run(400).phase == "done"


def test_it_waits_for_somebody_when_mail_is_no_longer_counted(numbers: MailNumbers) -> None:
    stage = GatedStage(numbers)
    stage.start(settings=GATE)
    stage.until("mta1", "applied")
    stage.counting = False

    row = stage.run(400)

    assert row.phase == "paused"
    assert "see the collector of logs" in row.value().reason


@pytest.mark.parametrize(
    ("how", "stale", "sentence"),
    [
        (Settings(pause_seconds=30, mail_limit=5), False, "write 120 or more"),
        (GATE, True, "mail is not counted now"),
    ],
)
def test_a_limit_that_nothing_could_be_said_about_is_refused(
    numbers: MailNumbers, how: Settings, stale: bool, sentence: str
) -> None:
    stage = GatedStage(numbers)
    if stale:
        stage.now += timedelta(hours=1)

    with pytest.raises(Refused, match=sentence):
        stage.start(settings=how)
    assert not rollouts.Rollout.objects.exists()
