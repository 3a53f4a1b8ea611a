"""Rollouts: who has its turn with whom, what lets the next begin, what turns all back."""

import pytest

from tests.unit.config.rollout_world import (
    DIES,
    FAILING,
    NEW,
    OLD,
    SILENT,
    FakeNode,
    World,
    world,
)
from workers.config.core.reports import Outcome
from workers.config.core.rollout_values import (
    Abort,
    Deploy,
    Drain,
    Look,
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
    progress,
    wanted,
)
from workers.config.core.rollouts import plan, refusal


class TestPlan:
    def test_the_canary_goes_first_then_batches(self) -> None:
        assert plan("edcba", 1, 2) == (("a",), ("b", "c"), ("d", "e"))

    def test_named_nodes_go_first_in_their_order(self) -> None:
        assert plan("abcde", 2, 3, order=["d", "b"]) == (("d", "b"), ("a", "c", "e"))

    def test_who_is_away_goes_last_and_is_in_no_canary(self) -> None:
        assert plan("abc", 2, 5, away="a") == (("b", "c"), ("a",))
        assert plan("abc", 3, 5, away="ab") == (("c",), ("a", "b"))

    def test_the_canary_may_be_all_there_are(self) -> None:
        assert plan("ab", 9, 1) == (("a", "b"),)

    @pytest.mark.parametrize(
        ("options", "word"),
        [
            ({"canary": 0, "batch": 1}, "canary is 0"),
            ({"canary": 1, "batch": -1}, "batch is -1"),
            ({"canary": 1, "batch": 1, "order": ["z"]}, "no node 'z'"),
            ({"canary": 1, "batch": 1, "away": "ab"}, "no node is up"),
        ],
    )
    def test_what_cannot_be_is_refused(self, options: dict[str, object], word: str) -> None:
        with pytest.raises(ValueError, match=word):
            plan("ab", **options)  # type: ignore[arg-type]


class TestForward:
    def test_all_get_it_canary_first_and_then_it_is_the_subclusters(self) -> None:
        cluster = world(batch=2)

        assert cluster.run().phase is Phase.DONE
        assert cluster.ordered() == [(name, NEW) for name in "abcde"]
        assert {node.live for node in cluster.nodes.values()} == {NEW}
        assert cluster.actions[-1] == Deploy(NEW)
        assert cluster.pointer == NEW

    def test_a_batch_begins_when_the_one_before_was_well_for_the_pause(self) -> None:
        cluster = world("abc", batch=2)
        cluster.until("a", Stage.APPLIED)
        began = cluster.rollout.clock

        cluster.until("b", Stage.ORDERED)

        assert cluster.rollout.clock - began >= 5
        assert cluster.stage("a") is Stage.PASSED
        assert cluster.stage("c") is Stage.ORDERED

    def test_until_its_turn_a_node_is_to_keep_what_it_has(self) -> None:
        cluster = world("ab")
        cluster.until("a", Stage.ORDERED)

        assert wanted(cluster.rollout, "a") == NEW
        assert wanted(cluster.rollout, "b") == OLD
        assert wanted(cluster.rollout, "elsewhere") is None

    def test_progress_counts_those_that_passed(self) -> None:
        cluster = world("ab")
        cluster.until("b", Stage.ORDERED)

        assert progress(cluster.rollout) == 0.5
        assert counts(cluster.rollout) == {Stage.PASSED: 1, Stage.ORDERED: 1}
        assert progress(cluster.run()) == 1.0

    def test_an_older_revision_is_rolled_out_alike(self) -> None:
        cluster = world("ab")
        for node in cluster.nodes.values():
            node.live = node.target = NEW + 1
        for one in cluster.rollout.nodes.values():
            one.old = NEW + 1

        assert cluster.run().phase is Phase.DONE

    def test_a_node_that_has_it_already_passes(self) -> None:
        cluster = world("ab")
        cluster.nodes["a"].live = NEW

        assert cluster.run().phase is Phase.DONE


class TestFailures:
    @pytest.mark.parametrize("outcome", FAILING)
    def test_when_the_canary_fails_nobody_else_ever_has_it(self, outcome: Outcome) -> None:
        cluster = world(batch=4)
        cluster.nodes["a"].manners = outcome.value

        rollout = cluster.run()

        assert rollout.phase is Phase.TURNED_BACK
        assert rollout.failed == "a"
        assert outcome.value in rollout.reason
        assert cluster.stages() == {"a": "returned", **dict.fromkeys("bcde", "untouched")}
        assert [node.had for node in cluster.nodes.values()] == [[NEW, OLD], [], [], [], []]
        assert cluster.nodes["a"].live == OLD
        assert cluster.pointer == OLD

    def test_when_one_fails_later_all_that_have_it_go_back(self) -> None:
        cluster = world(batch=2)
        cluster.nodes["c"].manners = Outcome.TURNED_BACK.value

        assert cluster.run().phase is Phase.TURNED_BACK
        assert {node.live for node in cluster.nodes.values()} == {OLD}
        assert cluster.stages() == {
            **dict.fromkeys("abc", "returned"),
            **dict.fromkeys("de", "untouched"),
        }
        assert not any(isinstance(one, Deploy) for one in cluster.actions)

    def test_a_node_that_says_nothing_fails_after_its_time(self) -> None:
        cluster = world("ab")
        cluster.nodes["a"].manners = SILENT

        rollout = cluster.run()

        assert rollout.phase is Phase.TURNED_BACK
        assert "not told within 30 s that it has r7" in rollout.reason
        assert 30 < rollout.clock < 40

    def test_a_node_that_dies_with_it_turns_all_back(self) -> None:
        cluster = world("abc")
        cluster.nodes["b"].manners = DIES

        rollout = cluster.run()

        assert rollout.phase is Phase.TURNED_BACK
        assert rollout.reason == "b with r7: b is dead"
        assert cluster.stages() == {"a": "returned", "b": "lost", "c": "untouched"}
        assert wanted(rollout, "b") == OLD

    def test_a_node_that_is_gone_for_a_moment_does_not(self) -> None:
        cluster = world("ab")
        cluster.until("b", Stage.ORDERED)
        cluster.nodes["a"].up = False
        for _ in range(5):
            cluster.look()
        cluster.nodes["a"].up = True

        assert cluster.run().phase is Phase.DONE

    def test_a_service_that_fails_since_turns_all_back(self) -> None:
        cluster = world("abc")
        cluster.until("b", Stage.ORDERED)
        cluster.nodes["a"].complaints = ("check tcp:25 fails",)

        rollout = cluster.run()

        assert rollout.phase is Phase.TURNED_BACK
        assert rollout.reason == "a with r7: check tcp:25 fails"

    def test_a_service_that_failed_before_is_not_held_against_it(self) -> None:
        cluster = world("ab")
        cluster.nodes["a"].complaints = ("check tcp:25 fails",)

        assert cluster.run().phase is Phase.DONE

    def test_somebody_who_puts_another_revision_there_turns_all_back(self) -> None:
        cluster = world("abc")
        cluster.until("b", Stage.ORDERED)
        cluster.nodes["a"].live = 3

        rollout = cluster.run()

        assert rollout.reason == "a no longer has r7: r3 is live there"
        assert cluster.nodes["b"].live == OLD

    def test_reports_of_earlier_times_count_for_nothing(self) -> None:
        cluster = world("ab")
        cluster.marks = 50  # below what was seen when it began
        cluster.tell(cluster.nodes["a"], NEW, Outcome.TURNED_BACK)
        cluster.marks = 200

        assert cluster.run().phase is Phase.DONE

    def test_an_attempt_that_was_kept_is_forgiven_once_it_is_there(self) -> None:
        cluster = world("ab")
        cluster.until("a", Stage.ORDERED)
        cluster.nodes["a"].live = cluster.nodes["a"].target = NEW
        cluster.tell(cluster.nodes["a"], NEW, Outcome.KEPT)

        assert cluster.run().phase is Phase.DONE

    def test_a_node_that_does_not_go_back_is_named(self) -> None:
        cluster = world("ab")
        cluster.nodes["b"].manners = Outcome.STRANDED.value
        cluster.nodes["b"].returns = Outcome.STRANDED.value

        rollout = cluster.run()

        assert rollout.phase is Phase.TURNED_BACK
        assert cluster.stages() == {"a": "returned", "b": "lost"}
        assert rollout.nodes["b"].sentence == "b did not go back: r6: stranded"

    def test_where_nothing_was_before_it_says_so(self) -> None:
        cluster = world("ab")
        for node in cluster.rollout.nodes.values():
            node.old = 0
        cluster.nodes["b"].manners = Outcome.KEPT.value

        rollout = cluster.run()

        assert rollout.phase is Phase.TURNED_BACK
        assert (
            rollout.nodes["a"].sentence == "nothing was deployed on a before; it keeps what it has"
        )


class TestAway:
    def test_who_is_down_is_skipped_and_gets_it_at_the_end(self) -> None:
        cluster = World({"a": FakeNode(), "b": FakeNode(up=False), "c": FakeNode()})

        rollout = cluster.run()

        assert rollout.phase is Phase.DONE
        assert cluster.stages() == {"a": "passed", "b": "skipped", "c": "passed"}
        assert rollout.nodes["b"].sentence == "b is dead; it gets the revision when it is back"
        cluster.nodes["b"].up = True
        for _ in range(3):
            cluster.now += 1
            cluster.work()
        assert cluster.nodes["b"].live == NEW

    def test_who_comes_back_before_the_end_keeps_what_it_has(self) -> None:
        cluster = World(
            {"a": FakeNode(), "b": FakeNode(up=False), "c": FakeNode(), "d": FakeNode(up=False)},
            batch=3,
            settings=Settings(pause_seconds=60),
        )
        cluster.until("b", Stage.SKIPPED)
        cluster.nodes["b"].up = True
        cluster.look()

        assert wanted(cluster.rollout, "b") == OLD
        assert cluster.nodes["b"].had == []

    def test_a_canary_that_cannot_be_tried_ends_it(self) -> None:
        cluster = world("ab")
        cluster.nodes["a"].up = False

        rollout = cluster.run()

        assert rollout.phase is Phase.TURNED_BACK
        assert rollout.reason == "the canary cannot be tried: a is dead"
        assert cluster.ordered() == []

    def test_long_silence_is_being_away(self) -> None:
        cluster = world("ab")
        cluster.until("a", Stage.APPLIED)
        cluster.rollout = _with_pause(cluster, 400)
        cluster.nodes["a"].up = False
        quiet = cluster.nodes["a"].seen("a")
        cluster.nodes["a"].seen = lambda _: type(quiet)(heard=quiet.heard, live=NEW, target=NEW)  # type: ignore[method-assign]

        rollout = cluster.run()

        assert rollout.phase is Phase.TURNED_BACK
        assert rollout.reason == "a with r7: a has told nothing for more than 150 s"

    def test_a_node_that_left_the_subcluster_takes_no_further_part(self) -> None:
        cluster = world("abc")
        cluster.until("b", Stage.APPLIED)
        del cluster.nodes["b"]

        rollout = cluster.run()

        assert rollout.phase is Phase.DONE
        assert rollout.nodes["b"].sentence == "b is no longer in the subcluster"

    def test_without_any_canary_left_nobody_else_has_it(self) -> None:
        cluster = world("abc")
        cluster.until("a", Stage.APPLIED)
        del cluster.nodes["a"]

        rollout = cluster.run()

        assert rollout.phase is Phase.TURNED_BACK
        assert rollout.reason.startswith("no canary is left")
        assert cluster.ordered() == [("a", NEW)]

    def test_of_a_node_in_maintenance_nothing_is_expected(self) -> None:
        cluster = world("ab")
        cluster.until("b", Stage.ORDERED)
        cluster.nodes["a"].maintenance, cluster.nodes["a"].up = True, False

        assert cluster.run().phase is Phase.DONE


def _with_pause(cluster: World, seconds: float) -> object:
    import msgspec

    settings = msgspec.structs.replace(cluster.rollout.settings, pause_seconds=seconds)
    return msgspec.structs.replace(cluster.rollout, settings=settings)


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


def test_a_look_without_any_node_ends_it() -> None:
    cluster = world("ab")
    cluster.now += 1
    cluster.say(Look({}))

    assert cluster.rollout.phase is Phase.TURNED_BACK
