"""Health and metrics: what watches the manager, made from the database of now."""

from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries, Settings

from cluster_admin.configs.models import Application, Replica
from tests.web import seeding
from tests.web.api_client import Api, administrator
from tests.web.config_stage import subcluster

pytestmark = pytest.mark.django_db


def _metrics(api: Any) -> dict[tuple[str, tuple[str, ...]], float]:
    text = api.get("/metrics").text
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_process_answers_and_tells_how_fresh_it_is() -> None:
    seeding.cluster()

    assert Client().get("/healthz").json() == {"status": "ok"}
    ready = Client().get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["listener"]["stale"] is False
    assert Client().post("/readyz").status_code == 405


def test_a_listener_that_hears_nothing_makes_nobody_unready() -> None:
    ready = Client().get("/readyz")

    assert ready.status_code == 200
    assert ready.json()["listener"]["stale"] is True
    assert "manage.py listen" in ready.json()["listener"]["broker"]


def test_without_its_database_the_manager_is_not_ready() -> None:
    def gone(*_: Any) -> None:
        raise OperationalError("the server went away: secret address")

    with connection.execute_wrapper(gone):
        answer = Client().get("/readyz")

    assert answer.status_code == 503
    assert b"secret" not in answer.content


def test_a_repository_that_cannot_be_read_is_told_without_its_place(
    repository_directory: Path,
) -> None:
    repository_directory.write_text("no directory")

    ready = Client().get("/readyz")

    assert ready.status_code == 200
    assert ready.json()["configuration"]["status"].startswith("cannot be read")
    assert str(repository_directory) not in ready.content.decode()


def test_a_repository_that_lost_revisions_is_told(repository_directory: Path) -> None:
    subcluster()
    assert Client().get("/readyz").json()["configuration"] == {"status": "ok", "revision": 1}
    repository_directory.rename(repository_directory.with_suffix(".gone"))

    told = Client().get("/readyz").json()["configuration"]

    assert told["status"].startswith("lost revisions")


def test_metrics_say_what_configuration_each_node_has_and_runs() -> None:
    seeding.cluster(2)
    now = timezone.now()
    home = {"node": "mta1", "subcluster": "default"}
    Replica.objects.create(**home, number=7, live=6, drift_count=2, heard_at=now)
    Replica.objects.create(node="gone", subcluster="default", number=7, heard_at=now)
    for outcome in ("applied", "turned_back"):
        Application.objects.create(**home, at=now, revision=7, outcome=outcome)

    told = _metrics(administrator())

    assert told["muster_config_revision", ()] == 0
    assert told["muster_config_replica_revision", ("mta1", "default")] == 7
    assert told["muster_config_live_revision", ("mta1", "default")] == 6
    assert told["muster_config_drift_files", ("mta1", "default")] == 2
    assert told["muster_config_outcome", ("mta1", "turned_back", "default")] == 1
    assert ("muster_config_outcome", ("mta1", "applied", "default")) not in told
    assert not [labels for _, labels in told if "gone" in labels]


def test_metrics_need_a_token_that_reads_unless_the_settings_open_them(
    settings: Settings,
) -> None:
    seeding.cluster()
    one = Api(seeding.user("vera", "viewer", "default"))

    assert Api().get("/metrics").problem == (401, "unauthenticated")
    assert one.get("/metrics").problem == (403, "forbidden")
    assert Api(seeding.user("sam", "viewer"), read_only=True).get("/metrics").status == 200
    settings.MUSTER_METRICS_OPEN = True
    assert Api().get("/metrics").status == 200


def test_metrics_say_who_owns_what_and_vanish_with_their_rows() -> None:
    made = seeding.cluster(2, 4)
    seeding.set_vip("198.18.0.2", state="UNSAFE", owner="mta1")
    seeding.tell("taken")
    api = administrator()

    told = _metrics(api)

    assert told["muster_vip_owner_info", ("mta1", "owned", "default", "198.18.0.1")] == 1
    assert told["muster_vips", ("UNSAFE", "default")] == 1
    assert told["muster_vips", ("stuck", "default")] == 0
    assert told["muster_node_alive", ("mta2", "default")] == 1
    assert told["muster_node_revision", ("mta2", "default")] == 1
    assert told["muster_revision", ("default",)] == 1
    assert told["muster_events_total", ()] >= 1
    assert told["muster_listener_stale", ()] == 0
    seeding.judge("mta1", "dead")
    made.nodes[1].delete()
    told = _metrics(api)
    assert told["muster_node_alive", ("mta1", "default")] == 0
    assert [labels for _, labels in told if "mta2" in labels and "198.18.0.2" not in labels] == [
        ("mta2", "owned", "default", "198.18.0.4")
    ]


def test_a_scrape_takes_so_many_queries_however_many_rows(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    seeding.cluster(50, 500)
    api = administrator()
    api.get("whoami/")

    with django_assert_num_queries(12):
        assert api.get("/metrics").status == 200
