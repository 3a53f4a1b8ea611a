"""Applying: what is begun, which step follows which, how it goes on after a death."""

import json

import msgspec
import pytest

from workers.config.core.applying import (
    Autoupdate,
    Course,
    Journal,
    Live,
    Mark,
    Refusal,
    Wish,
    is_live,
    journal_revision,
    not_begun,
    refusal,
    report,
    resume,
)
from workers.config.core.manifests import Drift, DriftKind
from workers.config.core.reports import (
    DRIFT_MAX,
    OUTPUT_BYTES,
    SENTENCE_CHARACTERS,
    Outcome,
    Report,
    Result,
    Step,
)

FORWARD = [
    *(Step.SAVE, Step.STAGE, Step.VALIDATE, Step.SWITCH, Step.RELOAD, Step.CHECK),
    Step.SETTLE,
]
BACK = [Step.RESTORE, Step.RELOAD_OLD, Step.CHECK_OLD, Step.SETTLE]
EDITED = Live(5, "old", edited=True)
NEXT = Wish(6, "new")


def course(previous: str = "5-old") -> Course:
    return Course(6, "new", "6-new", previous, 5)


def played(one: Course, *failing: Step) -> list[Step]:
    """Play an application in which these steps fail; the steps that it took."""
    taken = []
    while (step := one.step) is not None:
        taken.append(step)
        bad = step in failing
        one.note(Result(not bad, "it broke" if bad else "", f"{step} wrote"), 0.5)
    return taken


@pytest.mark.parametrize(
    ("wish", "live", "autoupdate", "expected"),
    [
        (NEXT, Live(), Autoupdate.TRUE, None),
        (NEXT, Live(5, "old"), Autoupdate.TRUE, None),
        (NEXT, EDITED, Autoupdate.TRUE, None),
        (NEXT, Live(5, "old"), Autoupdate.IFUNCHANGED, None),
        (NEXT, EDITED, Autoupdate.IFUNCHANGED, Refusal.EDITED),
        (Wish(6, "new", ordered=True), EDITED, Autoupdate.IFUNCHANGED, Refusal.EDITED),
        (Wish(6, "new", over_edits=True), EDITED, Autoupdate.IFUNCHANGED, None),
        (NEXT, Live(5, "old"), Autoupdate.FALSE, Refusal.NOT_ORDERED),
        (Wish(6, "new", ordered=True), EDITED, Autoupdate.FALSE, None),
        (Wish(4, "new"), Live(5, "old"), Autoupdate.TRUE, Refusal.OLDER),
        (Wish(4, "old"), Live(5, "old"), Autoupdate.TRUE, Refusal.OLDER),
        (Wish(4, "new", backwards=True), Live(5, "old"), Autoupdate.TRUE, None),
        (Wish(4, "new", backwards=True), Live(5, "old"), Autoupdate.FALSE, Refusal.NOT_ORDERED),
        (Wish(5, "new"), Live(5, "old"), Autoupdate.TRUE, None),
        (Wish(6, "old"), EDITED, Autoupdate.IFUNCHANGED, None),
        (Wish(6, "old"), EDITED, Autoupdate.FALSE, None),
    ],
)
def test_what_is_begun(
    wish: Wish, live: Live, autoupdate: Autoupdate, expected: Refusal | None
) -> None:
    assert refusal(wish, live, autoupdate) is expected


def test_the_same_files_are_live_already_and_their_edits_stay() -> None:
    assert is_live(Wish(6, "old"), Live(5, "old"))
    assert is_live(Wish(6, "old"), EDITED)
    assert not is_live(Wish(6, "old", over_edits=True), EDITED)
    assert not is_live(NEXT, Live(5, "old"))
    assert not is_live(NEXT, Live())


def test_all_good_goes_forward_to_the_end() -> None:
    one = course()
    assert played(one) == FORWARD
    assert (one.outcome, one.failed) == (Outcome.APPLIED, None)
    assert one.sentence() == "r6 is applied"
    assert one.output() == ""


@pytest.mark.parametrize("failing", [Step.SAVE, Step.STAGE, Step.VALIDATE])
def test_before_the_switch_a_failure_leaves_all_as_it_was(failing: Step) -> None:
    one = course()
    assert played(one, failing) == [*FORWARD[: FORWARD.index(failing) + 1], Step.SETTLE]
    assert (one.outcome, one.failed) == (Outcome.KEPT, failing)
    assert one.output() == f"[{failing}]\n{failing} wrote"
    assert one.journal(Mark.SETTLED) == Journal(Mark.SETTLED, 5, "", "5-old")


@pytest.mark.parametrize("failing", [Step.SWITCH, Step.RELOAD, Step.CHECK])
def test_after_the_switch_a_failure_leads_back_and_reloads_again(failing: Step) -> None:
    one = course()
    assert played(one, failing) == [*FORWARD[: FORWARD.index(failing) + 1], *BACK]
    assert (one.outcome, one.failed) == (Outcome.TURNED_BACK, failing)
    assert one.sentence().endswith("the tree before is back, reloaded and healthy")


@pytest.mark.parametrize("failing", [Step.SWITCH, Step.RELOAD, Step.CHECK])
def test_without_a_tree_before_there_is_none_to_reload(failing: Step) -> None:
    one = course(previous="")
    assert played(one, failing)[-2:] == [Step.RESTORE, Step.SETTLE]
    assert one.outcome is Outcome.TURNED_BACK
    assert "none is live" in one.sentence()


@pytest.mark.parametrize("failing", BACK[:-1])
def test_a_failure_on_the_way_back_is_said_loudly_with_both_outputs(failing: Step) -> None:
    one = course()
    taken = played(one, Step.CHECK, failing)
    assert one.outcome is Outcome.STRANDED
    assert one.sentence().startswith("TURNING BACK FAILED. r6")
    assert f"{failing} failed: it broke" in one.sentence()
    assert one.output() == f"[check]\ncheck wrote\n[{failing}]\n{failing} wrote"
    assert (Step.RELOAD_OLD in taken) is (failing is not Step.RESTORE)


def test_a_failed_end_undoes_nothing_but_is_told() -> None:
    one = course()
    played(one, Step.SETTLE)
    assert (one.outcome, one.failed) == (Outcome.APPLIED, None)
    assert one.sentence() == "r6 is applied (but: it broke)"


def test_nothing_comes_after_the_end() -> None:
    one = course()
    played(one)
    with pytest.raises(ValueError, match="at its end"):
        one.note(Result(True), 0.0)


@pytest.mark.parametrize(
    ("mark", "current", "expected"),
    [
        (Mark.SETTLED, "6-new", None),
        (Mark.STAGING, "5-old", Step.SETTLE),
        (Mark.STAGING, "", Step.SETTLE),
        (Mark.SWITCHING, "5-old", Step.RESTORE),
        (Mark.SWITCHING, "6-new", Step.RELOAD),
        (Mark.TURNING_BACK, "6-new", Step.RESTORE),
        (Mark.TURNING_BACK, "5-old", Step.RESTORE),
    ],
)
def test_after_a_death_the_journal_and_the_link_say_how_to_go_on(
    mark: Mark, current: str, expected: Step | None
) -> None:
    journal = course().journal(mark) if mark is not Mark.SETTLED else Journal(mark, 6, "", "6-new")
    assert resume(journal, current) is expected
    resumed = Course.after(journal, current)
    assert (resumed.step if resumed else None) is expected


def test_nothing_was_under_way_without_a_journal() -> None:
    assert resume(None, "5-old") is None


@pytest.mark.parametrize(
    ("mark", "current", "outcome"),
    [
        (Mark.STAGING, "5-old", Outcome.KEPT),
        (Mark.SWITCHING, "5-old", Outcome.TURNED_BACK),
        (Mark.SWITCHING, "6-new", Outcome.APPLIED),
        (Mark.TURNING_BACK, "6-new", Outcome.TURNED_BACK),
        (Mark.TURNING_BACK, "5-old", Outcome.TURNED_BACK),
    ],
)
def test_what_was_interrupted_has_an_outcome_too(
    mark: Mark, current: str, outcome: Outcome
) -> None:
    one = Course.after(course().journal(mark), current)
    assert one is not None
    played(one)
    assert one.outcome is outcome
    assert one.resumed
    assert ("interrupted" in one.sentence()) is (outcome is not Outcome.APPLIED)


def test_a_resumed_tree_that_is_ill_leads_back() -> None:
    one = Course.after(course().journal(Mark.SWITCHING), "6-new")
    assert one is not None
    assert played(one, Step.CHECK) == [Step.RELOAD, Step.CHECK, *BACK]


def test_a_tree_may_be_live_as_a_later_revision_than_its_name_says() -> None:
    settled = Journal(Mark.SETTLED, 9, "h", "6-new")
    assert journal_revision(settled, "6-new") == 9
    assert journal_revision(settled, "5-old") is None
    assert journal_revision(course().journal(Mark.SWITCHING), "5-old") == 5
    assert journal_revision(None, "5-old") is None


def test_a_report_says_what_happened_and_is_bounded() -> None:
    one = course()
    while (step := one.step) is not None:
        good = step not in (Step.CHECK, Step.RELOAD_OLD, Step.CHECK_OLD)
        one.note(Result(good, "x" * 5_000, "\N{EURO SIGN}" * 100_000), 1.25)
    found = [Drift(f"file{number}", DriftKind.ADDED) for number in range(DRIFT_MAX + 50)]
    told = report(one, Live(5, "old"), found, "somewhere")
    assert told.outcome is Outcome.STRANDED
    assert told.step is Step.CHECK
    assert len(told.sentence) <= SENTENCE_CHARACTERS
    assert told.sentence.startswith("TURNING BACK FAILED")
    assert len(told.output.encode()) <= OUTPUT_BYTES
    assert (len(told.drift), told.drift_count) == (DRIFT_MAX, DRIFT_MAX + 50)
    assert set(told.seconds.values()) == {1.25}
    assert (told.live_revision, told.live_hash, told.edits) == (5, "old", "somewhere")


def test_a_report_survives_the_way_to_the_manager() -> None:
    one = course()
    played(one, Step.CHECK)
    told = report(one, Live(5, "old"), [Drift("a", DriftKind.MODE)], "somewhere")
    plain = json.loads(json.dumps(msgspec.to_builtins(told)))
    assert plain["seconds"]["reload_old"] == 0.5
    assert msgspec.convert(plain, Report) == told


def test_what_was_not_begun_is_told_too() -> None:
    told = not_begun(NEXT, Outcome.REFUSED, Refusal.BUSY.value, EDITED)
    assert (told.revision, told.hash, told.live_revision) == (6, "new", 5)
    assert "under way" in told.sentence
