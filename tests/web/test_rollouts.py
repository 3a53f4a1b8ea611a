"""Rollouts in the database: what starts one, what steers it, what nodes have in the end."""

import threading
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.db import connections, transaction

from cluster_admin.audit.models import AuditRecord
from cluster_admin.configs import deploying, deployments, rollout_driver, rollouts
from cluster_admin.configs.models import Deployment, Replica
from cluster_admin.configs.rollout_models import Rollout, RolloutFact
from cluster_admin.inventory.models import Node
from cluster_admin.inventory.refusals import Refused
from cluster_admin.inventory.services import set_admin_state
from tests.web import config_seeding
from tests.web.conftest import ON_POSTGRESQL
from tests.web.rollout_stage import OLGA, QUICK, Stage
from tests.web.seeding import judge
from workers.config.core.rollout_values import Stops

pytestmark = pytest.mark.django_db


@pytest.fixture
def stage() -> Stage:
    return Stage()


def _with(**values: Any) -> Any:
    return msgspec.structs.replace(QUICK, **values)


def test_all_get_it_and_the_pointer_moves(stage: Stage) -> None:
    stage.start()
    stage.until("mta1", "ordered")
    assert deployments.pointer("default").revision == stage.old

    row = stage.run()

    assert row.phase == "done"
    assert row.ended_at is not None
    assert set(stage.live().values()) == {stage.new}
    assert deployments.pointer("default").revision == stage.new
    assert set(Replica.objects.values_list("wanted", flat=True)) == {stage.new}


def test_what_happened_is_kept_in_turn(stage: Stage) -> None:
    row = stage.start()
    stage.run()

    told = list(RolloutFact.objects.filter(rollout=row).values_list("node", "what"))
    one = [("ordered",), ("applied",), ("passed",)]
    turns = [(f"mta{n}", *what) for n in (1, 2, 3) for what in one]
    assert told == [("", "running"), *turns, ("", "done")]
    trail = AuditRecord.objects.filter(kind="rollout").order_by("id")
    assert list(trail.values_list("action", "actor")) == [("start", "olga"), ("done", "rollout")]


@pytest.mark.parametrize("outcome", ["turned_back", "stranded", "kept", "refused"])
def test_when_the_canary_fails_nobody_else_ever_has_it(stage: Stage, outcome: str) -> None:
    stage.outcomes["mta1"] = outcome
    stage.start(batch=2)

    row = stage.run()

    assert row.phase == "turned_back"
    assert row.value().reason == f"mta1: it {outcome}"
    assert stage.had == {"mta1": [stage.new, stage.old], "mta2": [], "mta3": []}
    assert set(stage.live().values()) == {stage.old}
    assert deployments.pointer("default").revision == stage.old


def test_when_a_later_one_fails_all_go_back(stage: Stage) -> None:
    stage.outcomes["mta3"] = "turned_back"
    stage.start()

    assert stage.run().phase == "turned_back"
    assert set(stage.live().values()) == {stage.old}
    assert stage.had["mta1"] == [stage.new, stage.old]


def test_a_node_that_says_nothing_ends_it(stage: Stage) -> None:
    stage.start()
    stage.until("mta2", "ordered")
    stage.silent.add("mta3")
    stage.until("mta3", "ordered")

    assert stage.run().phase == "turned_back"
    assert stage.stages() == {"mta1": "returned", "mta2": "returned", "mta3": "lost"}


def test_a_node_whose_agent_dies_ends_it(stage: Stage) -> None:
    stage.start()
    stage.until("mta2", "ordered")
    judge("mta1", "dead")

    row = stage.run()

    assert row.value().reason == f"mta1 with r{stage.new}: mta1 is dead"
    assert stage.live()["mta2"] == stage.old


def test_a_health_check_that_fails_since_ends_it(stage: Stage) -> None:
    stage.start()
    stage.until("mta2", "ordered")
    judge("mta1", "alive", unhealthy={"tcp:25": "refused"})

    assert "the health check tcp:25 fails on mta1" in stage.run().value().reason


def test_nodes_that_were_never_heard_of_are_skipped(stage: Stage) -> None:
    Replica.objects.filter(node="mta2").delete()
    stage.silent.add("mta2")
    judge("mta2", "dead")
    stage.start()

    assert stage.run().phase == "done"
    assert stage.stages()["mta2"] == "skipped"


def test_a_node_that_came_back_late_gets_it_by_the_pointer(stage: Stage) -> None:
    stage.silent.add("mta3")
    judge("mta3", "dead")
    stage.start()
    stage.run()
    stage.silent.clear()
    stage.work()

    assert stage.live()["mta3"] == stage.new


class TestSteering:
    def test_paused_resumed_aborted(self, stage: Stage) -> None:
        row = stage.start()
        stage.until("mta1", "ordered")
        rollouts.pause(OLGA, row, "lunch")
        for _ in range(30):
            stage.turn()
        assert stage.stages() == {"mta1": "passed", "mta2": "waiting", "mta3": "waiting"}
        assert Rollout.objects.get().value().reason == "paused by olga: lunch"

        rollouts.resume(OLGA, row)
        stage.until("mta2", "ordered")
        rollouts.abort(OLGA, row, "the wrong one")

        assert stage.run().phase == "aborted"
        assert set(stage.live().values()) == {stage.old}
        trail = AuditRecord.objects.filter(kind="rollout").order_by("id")
        assert list(trail.values_list("action", flat=True)) == [
            *("start", "pause", "resume", "abort", "turning_back", "aborted")
        ]

    def test_it_stops_after_the_canary(self, stage: Stage) -> None:
        row = stage.start(settings=_with(stops=Stops.CANARY))

        assert stage.run().phase == "paused"
        assert stage.stages()["mta2"] == "waiting"
        rollouts.resume(OLGA, row)
        assert stage.run().phase == "done"

    def test_what_changes_nothing_is_refused(self, stage: Stage) -> None:
        row = stage.start()
        with pytest.raises(Refused, match="it is not paused"):
            rollouts.resume(OLGA, row)
        stage.run()
        with pytest.raises(Refused, match="it is over; start another one"):
            rollouts.abort(OLGA, row)


class TestRefusals:
    def test_one_at_a_time(self, stage: Stage) -> None:
        stage.start()

        with pytest.raises(Refused, match="is under way"):
            stage.start()

    def test_a_subcluster_that_follows_has_none(self, stage: Stage) -> None:
        deploying.deploy(OLGA, stage.subcluster, mode=Deployment.Mode.FOLLOW)

        with pytest.raises(Refused, match="follows each commit, so there is nothing"):
            stage.start()

    @pytest.mark.parametrize(
        ("options", "word"),
        [
            ({"revision": 99}, "r99"),
            ({"canary": 0}, "canary is 0"),
            ({"batch": 0}, "batch is 0"),
            ({"order": ("mta9",)}, "no node 'mta9'"),
            ({"settings": _with(drain=True), "canary": 3}, "leaves nobody to hold"),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, stage: Stage, options: dict[str, Any], word: str
    ) -> None:
        with pytest.raises(Refused, match=word):
            stage.start(**options)
        assert not Rollout.objects.exists()

    def test_what_is_deployed_already(self, stage: Stage) -> None:
        with pytest.raises(Refused, match=f"r{stage.old} is what default has"):
            stage.start(revision=stage.old)

    def test_edits_that_nodes_would_refuse_to_replace(self, stage: Stage) -> None:
        Replica.objects.filter(node="mta2").update(drift_count=1, autoupdate="ifunchanged")

        with pytest.raises(Refused, match="mta2: files were edited there"):
            stage.start()
        assert stage.start(settings=_with(over_edits=True)).pk

    def test_nobody_is_up(self, stage: Stage) -> None:
        Replica.objects.update(heard_at=stage.now - timedelta(hours=1))

        with pytest.raises(Refused, match="default: no node is up"):
            stage.start()


class TestDraining:
    def test_each_node_is_empty_at_its_turn_and_serves_again(self, stage: Stage) -> None:
        stage.start(settings=_with(drain=True))
        stage.until("mta1", "draining")
        assert Node.objects.get(name="mta1").admin_state == "draining"

        stage.until("mta1", "passed")
        assert Node.objects.get(name="mta1").admin_state == "enabled"
        assert stage.run().phase == "done"
        assert set(Node.objects.values_list("admin_state", flat=True)) == {"enabled"}
        drained = AuditRecord.objects.filter(action="drain").order_by("id")
        assert list(drained.values_list("object", "actor")) == [
            *(("mta1", "olga"), ("mta2", "olga"), ("mta3", "olga"))
        ]

    def test_what_an_operator_drained_stays_so(self, stage: Stage) -> None:
        set_admin_state(Node.objects.get(name="mta2"), Node.Admin.DRAINING, OLGA)
        stage.start(settings=_with(drain=True))

        assert stage.run().phase == "done"
        assert Node.objects.get(name="mta2").admin_state == "draining"


class TestDriver:
    def test_what_is_not_heard_is_not_judged(self, stage: Stage) -> None:
        stage.start()
        for _ in range(60):
            stage.now += timedelta(seconds=1)
            rollout_driver.drive(stage.now, deaf=True)

        assert stage.stages()["mta1"] == "waiting"

    def test_a_listener_that_hears_nothing_is_deaf(self, stage: Stage) -> None:
        stage.start()
        stage.now += timedelta(seconds=60)
        config_seeding.seeding.hear(stage.now - timedelta(hours=1))

        rollout_driver.drive(stage.now)

        assert stage.stages()["mta1"] == "waiting"

    def test_a_pin_that_somebody_changed_is_mended(self, stage: Stage) -> None:
        stage.start()
        stage.until("mta1", "ordered")
        Replica.objects.filter(node="mta3").update(wanted=stage.new)
        rollout_driver.drive(stage.now, deaf=False)

        assert Replica.objects.get(node="mta3").wanted == stage.old

    def test_killed_before_the_commit_it_begins_again_from_what_is_stored(
        self, stage: Stage
    ) -> None:
        stage.start()

        def killed(*args: Any, **named: Any) -> list[str]:
            with transaction.atomic():
                rollout_driver.drive(*args, **named)
                transaction.set_rollback(True)
            return []

        for number in range(400):
            if Rollout.objects.get().phase == "done":
                break
            stage.turn(killed if number % 2 else rollout_driver.drive)

        assert Rollout.objects.get().phase == "done"
        assert set(stage.live().values()) == {stage.new}

    def test_one_that_cannot_be_driven_is_told_of(self, stage: Stage) -> None:
        stage.start()
        Rollout.objects.update(state={"format": 2})

        (sentence,) = rollout_driver.drive(stage.now, deaf=False)

        assert sentence.startswith("rollout ")
        assert "cannot be driven" in sentence

    def test_a_drain_that_is_refused_is_told_of_and_tried_again(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any) -> None:
            raise Refused("the repository is busy; try again")

        stage.start(settings=_with(drain=True))
        with monkeypatch.context() as patch:
            patch.setattr(rollout_driver, "set_admin_state", refuse)
            stage.turn()
            assert "mta1 is not drained: the repository is busy" in stage.refused[0]

        assert stage.run().phase == "done"

    def test_a_node_that_was_removed_takes_no_further_part(self, stage: Stage) -> None:
        stage.start()
        stage.until("mta2", "applied")
        Replica.objects.filter(node="mta2").delete()
        Node.objects.get(name="mta2").delete()

        assert stage.run().phase == "done"


@pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite serves one manager")
@pytest.mark.django_db(transaction=True)
def test_two_drivers_at_once_do_no_harm() -> None:
    stage = Stage()
    stage.start()
    errors: list[Exception] = []

    def drive() -> None:
        try:
            for _ in range(5):
                rollout_driver.drive(stage.now, deaf=False)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    for _ in range(40):
        stage.now += timedelta(seconds=1)
        stage.work()
        threads = [threading.Thread(target=drive) for _ in range(2)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        if Rollout.objects.get().phase == "done":
            break

    assert errors == []
    assert Rollout.objects.get().phase == "done"
    ordered = RolloutFact.objects.filter(what="ordered").values_list("node", flat=True)
    assert sorted(ordered) == ["mta1", "mta2", "mta3"]
