"""Health and metrics: what watches the manager, made from the database of now."""

from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import DjangoAssertNumQueries, Settings

from tests.web import seeding
from tests.web.api_client import Api, administrator

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

    with django_assert_num_queries(7):
        assert api.get("/metrics").status == 200
