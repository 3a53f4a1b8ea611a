"""Rollouts that are paused, resumed, aborted, watched with gaps, and drain their nodes."""

import pytest

from tests.unit.config.rollout_world import NEW, OLD, SILENT, FakeNode, World, world
from workers.config.core.reports import Outcome
from workers.config.core.rollout_values import (
    Abort,
    Drain,
    Order,
    Pause,
    Phase,
    Refusal,
    Resume,
    Settings,
    Stage,
    Stops,
    Undrain,
    counts,
    wanted,
)
from workers.config.core.rollouts import refusal


class TestOperators:
    def test_paused_nobody_has_its_turn_and_those_on_their_way_go_on(self) -> None:
        cluster = world("ab")
        cluster.until("a", Stage.ORDERED)
        cluster.say(Pause("lunch"))

        rollout = cluster.run(60)

        assert rollout.phase is Phase.PAUSED
        assert cluster.stages() == {"a": "passed", "b": "waiting"}
        cluster.say(Resume())
        assert cluster.run().phase is Phase.DONE

    def test_paused_a_failure_turns_back_all_the_same(self) -> None:
        cluster = world("ab")
        cluster.nodes["a"].manners = Outcome.TURNED_BACK.value
        cluster.until("a", Stage.ORDERED)
        cluster.say(Pause("lunch"))

        assert cluster.run().phase is Phase.TURNED_BACK

    def test_paused_it_does_not_end(self) -> None:
        cluster = world("a")
        cluster.until("a", Stage.APPLIED)
        cluster.say(Pause("lunch"))

        assert cluster.run(60).phase is Phase.PAUSED
        assert cluster.pointer == OLD

    def test_it_stops_after_the_canary_where_that_is_wanted(self) -> None:
        cluster = world(batch=2, settings=Settings(pause_seconds=1, stops=Stops.CANARY))

        assert cluster.run(60).phase is Phase.PAUSED
        assert cluster.rollout.reason == "the canary has passed; resume to go on, or abort"
        assert counts(cluster.rollout) == {Stage.PASSED: 1, Stage.WAITING: 4}
        cluster.say(Resume())
        assert cluster.run().phase is Phase.DONE

    def test_it_stops_after_every_batch_where_that_is_wanted(self) -> None:
        cluster = world(batch=2, settings=Settings(pause_seconds=1, stops=Stops.BATCHES))
        stops = 0
        while cluster.run(60).phase is Phase.PAUSED:
            stops += 1
            cluster.say(Resume())

        assert (stops, cluster.rollout.phase) == (2, Phase.DONE)

    def test_aborted_all_go_back(self) -> None:
        cluster = world(batch=2)
        cluster.until("b", Stage.ORDERED)
        cluster.say(Abort("wrong one"))

        rollout = cluster.run()

        assert (rollout.phase, rollout.reason) == (Phase.ABORTED, "wrong one")
        assert {node.live for node in cluster.nodes.values()} == {OLD}
        assert {wanted(rollout, name) for name in "abcde"} == {OLD}

    def test_a_node_that_had_not_heard_of_it_yet_is_waited_for(self) -> None:
        cluster = world("ab")
        actions = ()
        while Order("a", NEW) not in actions:
            actions = cluster.look()
        cluster.say(Abort("wrong one"))
        cluster.look()

        assert cluster.stage("a") is Stage.RETURNING

    @pytest.mark.parametrize(
        ("before", "event", "why"),
        [
            ((), Resume(), Refusal.RUNNING),
            ((Pause(""),), Pause(""), Refusal.PAUSED),
            ((Abort(""),), Pause(""), Refusal.TURNING_BACK),
            ((Abort(""),), Resume(), Refusal.TURNING_BACK),
            ((Abort(""),), Abort(""), Refusal.TURNING_BACK),
        ],
    )
    def test_wishes_that_change_nothing_are_refused(
        self, before: tuple[Pause | Abort, ...], event: Pause | Resume | Abort, why: Refusal
    ) -> None:
        cluster = world("ab")
        for one in before:
            cluster.say(one)

        assert refusal(cluster.rollout, event) is why
        assert cluster.say(event) == ()

    def test_after_the_end_nothing_changes(self) -> None:
        cluster = world("ab")
        cluster.run()

        assert refusal(cluster.rollout, Abort("")) is Refusal.OVER
        assert cluster.look() == ()


class TestWatching:
    def test_while_nobody_watched_no_time_ran(self) -> None:
        cluster = world("ab")
        cluster.nodes["a"].seconds = 4_000
        cluster.until("a", Stage.ORDERED)
        cluster.look(3_600)

        assert cluster.stage("a") is Stage.ORDERED
        assert cluster.rollout.clock < 10

    def test_a_clock_that_goes_back_does_no_harm(self) -> None:
        cluster = world("ab")
        cluster.look()
        cluster.set_by = -1_000_000

        assert cluster.run().phase is Phase.DONE

    def test_what_is_not_heard_is_not_judged(self) -> None:
        cluster = world("ab")
        cluster.nodes["a"].manners = SILENT
        cluster.until("a", Stage.ORDERED)
        cluster.deaf = True
        for _ in range(100):
            cluster.look()

        assert cluster.stage("a") is Stage.ORDERED
        cluster.deaf = False
        assert cluster.run().phase is Phase.TURNED_BACK


class TestDraining:
    def drained(self, **options: object) -> World:
        settings = Settings(pause_seconds=5, apply_seconds=30, drain_seconds=20, drain=True)
        return World(
            {name: FakeNode(held=2) for name in "abc"},
            settings=settings,
            **options,  # type: ignore[arg-type]
        )

    def test_a_node_is_empty_when_it_is_ordered_and_serves_while_it_is_watched(self) -> None:
        cluster = self.drained()
        cluster.until("a", Stage.ORDERED)

        assert cluster.nodes["a"].held == 0
        cluster.until("a", Stage.APPLIED)
        cluster.look()
        assert not cluster.nodes["a"].draining
        assert cluster.run().phase is Phase.DONE
        assert not any(node.draining for node in cluster.nodes.values())
        assert [one.node for one in cluster.actions if isinstance(one, Drain)] == list("abc")

    def test_vips_that_cannot_go_end_it_and_the_node_was_never_ordered(self) -> None:
        cluster = self.drained()
        cluster.nodes["b"].sticky = True

        rollout = cluster.run()

        assert rollout.phase is Phase.TURNED_BACK
        assert rollout.reason == "b still holds 2 VIPs after 20 s of draining"
        assert cluster.nodes["b"].had == []
        assert not any(node.draining for node in cluster.nodes.values())
        assert cluster.nodes["a"].live == OLD

    def test_what_an_operator_drained_stays_drained(self) -> None:
        cluster = self.drained()
        cluster.nodes["a"].draining = True

        assert cluster.run().phase is Phase.DONE
        assert [name for name, node in cluster.nodes.items() if node.draining] == ["a"]

    def test_a_node_that_failed_serves_again_once_it_is_back(self) -> None:
        cluster = self.drained()
        cluster.nodes["a"].manners = Outcome.TURNED_BACK.value

        assert cluster.run().phase is Phase.TURNED_BACK
        assert not cluster.nodes["a"].draining

    def test_a_node_that_is_lost_stays_drained(self) -> None:
        cluster = self.drained()
        cluster.nodes["a"].manners = cluster.nodes["a"].returns = Outcome.STRANDED.value

        rollout = cluster.run()

        assert cluster.nodes["a"].draining
        assert rollout.nodes["a"].sentence.endswith("; it stays drained")

    def test_what_was_lost_of_a_turn_is_asked_again(self) -> None:
        cluster = self.drained()
        cluster.loses_actions = True
        cluster.until("a", Stage.DRAINING)
        cluster.loses_actions = False
        cluster.until("a", Stage.ORDERED)
        cluster.loses_actions = True
        cluster.until("a", Stage.APPLIED)
        assert Undrain("a") in cluster.look()
        cluster.loses_actions = False

        assert Undrain("a") in cluster.look()
        assert cluster.run().phase is Phase.DONE

    def test_paused_while_it_drains_its_time_does_not_run(self) -> None:
        cluster = self.drained()
        cluster.nodes["a"].sticky = True
        cluster.until("a", Stage.DRAINING)
        cluster.say(Pause("wait"))
        for _ in range(100):
            cluster.look()
        cluster.say(Resume())
        cluster.nodes["a"].sticky = False

        assert cluster.run().phase is Phase.DONE

    def test_aborted_while_it_drains_it_serves_again(self) -> None:
        cluster = self.drained()
        cluster.until("a", Stage.DRAINING)
        cluster.look()
        cluster.say(Abort("no"))

        assert cluster.run().phase is Phase.ABORTED
        assert not cluster.nodes["a"].draining
        assert cluster.nodes["a"].had == []
