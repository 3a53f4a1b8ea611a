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
    Deploy,
    Look,
    Phase,
    Settings,
    Stage,
    counts,
    progress,
    wanted,
)
from workers.config.core.rollouts import plan


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

    def test_nobody_else_has_its_turn_while_one_with_it_is_unwell(self) -> None:
        cluster = world("ab", settings=Settings(pause_seconds=5))
        cluster.until("a", Stage.APPLIED)
        for _ in range(4):
            cluster.look()
        cluster.nodes["a"].complaints = ("check tcp:25 fails",)
        for _ in range(5):
            cluster.look()

        assert cluster.stages() == {"a": "applied", "b": "waiting"}
        cluster.nodes["a"].complaints = ()
        assert cluster.run().phase is Phase.DONE

    def test_nodes_that_are_unwell_by_turns_turn_all_back(self) -> None:
        cluster = world("abc", batch=2)
        cluster.until("b", Stage.APPLIED)
        for turn in range(80):
            ill, well = ("a", "b") if turn % 10 < 5 else ("b", "a")
            cluster.nodes[ill].complaints = ("check tcp:25 fails",)
            cluster.nodes[well].complaints = ()
            cluster.look()

        assert cluster.rollout.phase is Phase.TURNED_BACK

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


def test_a_look_without_any_node_ends_it() -> None:
    cluster = world("ab")
    cluster.now += 1
    cluster.say(Look({}))

    assert cluster.rollout.phase is Phase.TURNED_BACK
