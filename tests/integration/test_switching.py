"""Switching trees on a real disk, with real commands: what is live, what is kept, what is told."""

import fcntl
import os
import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deaths import Death, in_process
from workers.config.core.applying import JOURNAL_OUTPUT_BYTES, Autoupdate, Mark, Refusal
from workers.config.core.manifests import Drift, DriftKind, Rendered
from workers.config.core.reports import OUTPUT_BYTES, Outcome, Report, Step
from workers.config.edits import SETS_KEPT, Edits
from workers.config.errors import StateError
from workers.config.locking import Busy
from workers.config.performing import TREES_KEPT
from workers.config.profiles import Command, Nothing, Profile
from workers.config.staging import FILES
from workers.config.state import State
from workers.config.switching import Switcher


def tree(text: str, **more: tuple[bytes, bool]) -> Rendered:
    return {"main.cf": (text.encode(), False), "sub/hook": (b"#!/bin/sh\n", True), **more}


def sh(script: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", script, "sh", "{tree}")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "state" / "config"


def applied(place: Path, revision: int, rendered: Rendered, profile: Profile | None = None) -> Path:
    """Apply a tree that does; the live directory."""
    switcher = Switcher(place, profile or Nothing())
    told = switcher.apply(revision, rendered)
    assert [one.outcome for one in told] == [Outcome.APPLIED], told
    return switcher.current


def the(told: tuple[Report, ...]) -> Report:
    (only,) = told
    return only


def saved(place: Path, report: Report) -> dict[str, str]:
    """What was put aside, by path."""
    top = place / "edits" / report.edits / FILES
    return {str(p.relative_to(top)): p.read_text() for p in top.rglob("*") if p.is_file()}


def test_a_tree_is_live_with_its_modes(place: Path) -> None:
    umask = os.umask(0o077)
    try:
        rendered = tree("one", secret=(b"word", False))
        report = the(Switcher(place, Nothing()).apply(1, rendered, private=("secret",)))
    finally:
        os.umask(umask)
    current = place / "current"
    modes = {p.name: p.stat().st_mode & 0o7777 for p in (current, *current.rglob("*"))}
    assert modes == {
        "current": 0o755,
        "main.cf": 0o644,
        "sub": 0o755,
        "hook": 0o755,
        "secret": 0o600,
    }
    assert report.outcome is Outcome.APPLIED
    assert (report.live_revision, report.live_hash) == (1, report.hash)
    assert set(report.seconds) == {Step(step) for step in report.seconds}
    assert len(report.seconds) == 7
    assert not (place / "current.before").is_symlink()


def test_what_is_live_already_is_only_noted(place: Path) -> None:
    applied(place, 1, tree("one"))
    inode = (place / "current").lstat().st_ino
    report = the(Switcher(place, Nothing(), Autoupdate.FALSE).apply(4, tree("one")))
    assert (report.outcome, report.live_revision) == (Outcome.UNCHANGED, 4)
    assert (place / "current").lstat().st_ino == inode
    assert the(Switcher(place, Nothing()).apply(3, tree("x"))).outcome is Outcome.REFUSED


def test_an_older_revision_needs_a_word_and_its_tree_is_used_again(place: Path) -> None:
    applied(place, 1, tree("one"))
    first = (place / "current").resolve()
    applied(place, 2, tree("two"))
    refused = the(Switcher(place, Nothing()).apply(1, tree("one")))
    assert (refused.outcome, refused.live_revision) == (Outcome.REFUSED, 2)
    assert Refusal.OLDER.value in refused.sentence
    back = the(Switcher(place, Nothing()).apply(1, tree("one"), backwards=True))
    assert (back.outcome, back.live_revision) == (Outcome.APPLIED, 1)
    assert (place / "current").resolve() == first


@pytest.mark.parametrize("path", ["../out", "/etc/x", "a//b"])
def test_a_path_that_leads_out_is_refused_and_nothing_is_made(place: Path, path: str) -> None:
    report = the(Switcher(place, Nothing()).apply(1, {path: (b"", False)}))
    assert report.outcome is Outcome.REFUSED
    assert not place.exists()


def test_an_edit_is_saved_before_the_next_tree(place: Path) -> None:
    current = applied(place, 1, tree("one", left=(b"", False), other=(b"", False)))
    (current / "main.cf").write_text("mine")
    (current / "left").unlink()
    (current / "new\udcff").write_text("bytes")
    (current / "link").symlink_to("/etc/passwd")
    os.mkfifo(current / "pipe")
    (current / "other").chmod(0o600)
    report = the(Switcher(place, Nothing()).apply(2, tree("two")))
    assert report.outcome is Outcome.APPLIED
    assert report.drift == (
        Drift("left", DriftKind.REMOVED),
        Drift("link", DriftKind.ADDED),
        Drift("main.cf", DriftKind.CHANGED),
        Drift("new\\xff", DriftKind.ADDED),
        Drift("other", DriftKind.MODE),
        Drift("pipe", DriftKind.ADDED),
    )
    kept = place / "edits" / report.edits
    assert (kept / FILES / "main.cf").read_text() == "mine"
    assert (kept / FILES / "new\udcff").read_text() == "bytes"
    assert os.readlink(kept / FILES / "link") == "/etc/passwd"
    assert (place / "edits").stat().st_mode & 0o7777 == 0o700
    assert (current / "main.cf").read_text() == "two"


def test_ifunchanged_refuses_over_edits_until_somebody_insists(place: Path) -> None:
    current = applied(place, 1, tree("one"))
    (current / "main.cf").write_text("mine")
    switcher = Switcher(place, Nothing(), Autoupdate.IFUNCHANGED)
    report = the(switcher.apply(2, tree("two")))
    assert report.outcome is Outcome.REFUSED
    assert Refusal.EDITED.value in report.sentence
    assert report.drift == (Drift("main.cf", DriftKind.CHANGED),)
    assert (current / "main.cf").read_text() == "mine"
    insisted = the(switcher.apply(2, tree("two"), over_edits=True))
    assert insisted.outcome is Outcome.APPLIED
    assert saved(place, insisted) == {"main.cf": "mine"}


def test_without_autoupdate_only_an_order_counts(place: Path) -> None:
    switcher = Switcher(place, Nothing(), Autoupdate.FALSE)
    assert Refusal.NOT_ORDERED.value in the(switcher.apply(1, tree("one"))).sentence
    assert the(switcher.apply(1, tree("one"), ordered=True)).outcome is Outcome.APPLIED


def test_edits_stay_when_nothing_new_comes_and_can_be_put_right(place: Path) -> None:
    current = applied(place, 1, tree("one"))
    (current / "main.cf").write_text("mine")
    again = the(Switcher(place, Nothing()).apply(1, tree("one")))
    assert (again.outcome, again.drift_count) == (Outcome.UNCHANGED, 1)
    assert (current / "main.cf").read_text() == "mine"
    right = the(Switcher(place, Nothing()).apply(1, tree("one"), over_edits=True))
    assert right.outcome is Outcome.APPLIED
    assert (current / "main.cf").read_text() == "one"
    assert saved(place, right) == {"main.cf": "mine"}


def test_an_edit_made_while_the_tree_is_switched_is_saved_too(place: Path) -> None:
    current = applied(place, 1, tree("one"))
    script = f'grep -q two "$1/main.cf" && echo late > {current.resolve()}/main.cf'
    report = the(Switcher(place, Command(check_words=sh(script))).apply(2, tree("two")))
    assert report.outcome is Outcome.APPLIED
    assert saved(place, report) == {"main.cf": "late\n"}


def test_a_tree_is_not_removed_before_its_edits_are_saved(place: Path) -> None:
    current = applied(place, 1, tree("one"))
    left = current.resolve()
    applied(place, 2, tree("two"))
    (left / "main.cf").write_text("from a shell that still stood there")
    for revision in range(3, 4 + TREES_KEPT):
        applied(place, revision, tree(str(revision)))
    assert not left.exists()
    (kept,) = (place / "edits").iterdir()
    assert (kept / FILES / "main.cf").read_text() == "from a shell that still stood there"


def test_the_last_trees_are_kept_and_the_live_one_whatever_its_age(place: Path) -> None:
    for revision in range(1, 12):
        applied(place, revision, tree(str(revision)))
    assert len(list((place / "trees").iterdir())) == TREES_KEPT
    state = State(place)
    assert state.tree() in state.trees.names()
    assert [name.split("-")[0] for name in state.trees.names()] == ["11", "10", "9", "8", "7"]


def test_sets_of_edits_do_not_grow_without_bound(place: Path) -> None:
    current = applied(place, 1, tree("one"))
    state = State(place)
    edits = Edits(state.edits.directory, state.trees)
    for number in range(SETS_KEPT + 5):
        (state.edits.directory / f"2020{number:04}-1-x").mkdir()
    (current / "main.cf").write_text("mine")
    name, _ = edits.save(state.tree())
    kept = sorted(path.name for path in state.edits.directory.iterdir())
    assert len(kept) == SETS_KEPT
    assert kept[-1] == name
    assert edits.save(state.tree())[0] == name
    assert len(list(state.edits.directory.iterdir())) == SETS_KEPT


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("echo it is bad; exit 3", "exit code 3: it is bad"),
        ("exec sleep 60", "took longer than"),
        ("head -c 10000000 /dev/zero | tr '\\0' x; exit 1", "exit code 1"),
        ('echo more >> "$1/main.cf"', "changed main.cf"),
    ],
)
def test_a_tree_that_does_not_validate_never_goes_live(place: Path, script: str, says: str) -> None:
    current = applied(place, 1, tree("one"))
    profile = Command(validate_words=sh(script), limit_seconds=2)
    report = the(Switcher(place, profile).apply(2, tree("two")))
    assert (report.outcome, report.step) == (Outcome.KEPT, Step.VALIDATE)
    assert says in report.sentence
    assert len(report.output.encode()) <= OUTPUT_BYTES
    assert (current / "main.cf").read_text() == "one"
    assert report.live_revision == 1
    assert len(list((place / "trees").iterdir())) == 1


def test_a_failed_reload_brings_the_old_tree_back_and_reloads_it(
    place: Path, tmp_path: Path
) -> None:
    log = tmp_path / "reloads"
    profile = Command(reload_words=sh(f'cat "$1/main.cf" >> {log}; ! grep two "$1/main.cf"'))
    current = applied(place, 1, tree("one\n"), profile)
    report = the(Switcher(place, profile).apply(2, tree("two\n")))
    assert (report.outcome, report.step) == (Outcome.TURNED_BACK, Step.RELOAD)
    assert report.output == "[reload]\ntwo\n"
    assert log.read_text() == "one\ntwo\none\n"
    assert (current / "main.cf").read_text() == "one\n"
    assert report.live_revision == 1


def test_a_server_that_falls_ill_gets_its_old_tree_back_edits_and_all(place: Path) -> None:
    profile = Command(check_words=sh('! grep -H two "$1/main.cf"'))
    current = applied(place, 1, tree("one"), profile)
    (current / "extra").write_text("mine")
    report = the(Switcher(place, profile).apply(2, tree("two")))
    assert (report.outcome, report.step) == (Outcome.TURNED_BACK, Step.CHECK)
    assert "main.cf:two" in report.output
    assert (current / "extra").read_text() == "mine"
    assert report.drift == (Drift("extra", DriftKind.ADDED),)
    assert the(Switcher(place, profile).apply(3, tree("three"))).outcome is Outcome.APPLIED


def test_turning_back_that_fails_is_loud_and_tried_again(place: Path, tmp_path: Path) -> None:
    ill = tmp_path / "ill"
    applied(place, 1, tree("one"))
    ill.touch()
    profile = Command(check_words=sh(f'cat "$1/main.cf"; ! test -e {ill}'))
    report = the(Switcher(place, profile).apply(2, tree("two")))
    assert (report.outcome, report.step) == (Outcome.STRANDED, Step.CHECK)
    assert report.sentence.startswith("TURNING BACK FAILED")
    assert report.output == "[check]\ntwo\n[check_old]\none"
    assert (report.live_revision, (place / "current" / "main.cf").read_text()) == (1, "one")

    still = Switcher(place, profile).recover()
    assert still is not None
    assert (still.outcome, still.resumed) == (Outcome.STRANDED, True)
    ill.unlink()
    before, after = Switcher(place, profile).apply(3, tree("three"))
    assert (before.revision, before.outcome) == (2, Outcome.TURNED_BACK)
    assert (after.revision, after.outcome) == (3, Outcome.APPLIED)


def test_what_was_stranded_stays_open_when_the_old_files_are_asked_for(
    place: Path,
) -> None:
    applied(place, 1, tree("one"))
    profile = Command(check_words=sh("exit 1"))
    assert the(Switcher(place, profile).apply(2, tree("two"))).outcome is Outcome.STRANDED
    before, after = Switcher(place, profile).apply(3, tree("one"))
    assert (before.outcome, after.outcome) == (Outcome.STRANDED, Outcome.UNCHANGED)
    assert Switcher(place, Nothing()).recover() is not None


def test_a_first_tree_that_does_not_do_leaves_none(place: Path) -> None:
    report = the(Switcher(place, Command(check_words=sh("exit 1"))).apply(1, tree("one")))
    assert (report.outcome, report.live_revision) == (Outcome.TURNED_BACK, 0)
    assert not (place / "current").is_symlink()


class Raising(Nothing):
    """A profile with a mistake in it."""

    def check(self, live: Path) -> object:  # type: ignore[override]
        if (live / "main.cf").read_text() == "two":
            raise RuntimeError("oops")
        return super().check(live)


def test_a_mistake_in_a_profile_turns_back_too(place: Path) -> None:
    current = applied(place, 1, tree("one"))
    report = the(Switcher(place, Raising()).apply(2, tree("two")))  # type: ignore[arg-type]
    assert (report.outcome, report.step) == (Outcome.TURNED_BACK, Step.CHECK)
    assert "RuntimeError: oops" in report.sentence
    assert (current / "main.cf").read_text() == "one"


def test_a_follower_that_fails_disturbs_nothing(place: Path) -> None:
    def told(step: Step) -> None:
        raise RuntimeError(step)

    switcher = Switcher(place, Nothing(), told=told)
    assert the(switcher.apply(1, tree("one"))).outcome is Outcome.APPLIED


def test_a_death_after_turning_back_on_a_full_disk_reloads_the_old_tree(
    place: Path, tmp_path: Path
) -> None:
    running = tmp_path / "running"
    profile = Command(
        reload_words=("/bin/cp", "{tree}/main.cf", str(running)),
        check_words=sh('! grep two "$1/main.cf"'),
    )
    applied(place, 1, tree("one"), profile)

    def apply(_told: object) -> None:
        def fill(step: Step) -> None:
            if step is Step.CHECK:
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
            if step is Step.RELOAD_OLD:
                os.kill(os.getpid(), 9)

        Switcher(place, profile, told=fill).apply(2, tree("two"))

    assert in_process(apply, Death()) == 9
    assert (running.read_text(), (place / "current" / "main.cf").read_text()) == ("two", "one")
    recovered = Switcher(place, profile).recover()
    assert recovered is not None
    assert (recovered.outcome, recovered.live_revision) == (Outcome.TURNED_BACK, 1)
    assert running.read_text() == "one"


def test_a_full_disk_keeps_the_old_tree(place: Path) -> None:
    current = applied(place, 1, tree("one"))

    def apply(_told: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        report = the(Switcher(place, Nothing()).apply(2, tree("two", big=(b"x" * 30_000, False))))
        assert (report.outcome, report.step) == (Outcome.KEPT, Step.STAGE), report
        assert "File too large" in report.sentence

    assert in_process(apply, Death()) == 0
    assert (current / "main.cf").read_text() == "one"
    assert len(list((place / "trees").iterdir())) == 1
    assert Switcher(place, Nothing()).recover() is None


def test_a_disk_that_takes_not_a_byte_more_keeps_the_old_tree(place: Path) -> None:
    current = applied(place, 1, tree("one"))

    def apply(_told: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
        report = the(Switcher(place, Nothing()).apply(2, tree("two")))
        assert (report.outcome, report.step) == (Outcome.KEPT, Step.SAVE), report

    assert in_process(apply, Death()) == 0
    assert (current / "main.cf").read_text() == "one"
    applied(place, 2, tree("two"))


def test_a_disk_that_fills_up_after_the_switch_still_turns_back(place: Path) -> None:
    current = applied(place, 1, tree("one"))

    def apply(_told: object) -> None:
        def fill(step: Step) -> None:
            if step is Step.CHECK:
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

        profile = Command(check_words=sh('! grep two "$1/main.cf"'))
        report = the(Switcher(place, profile, told=fill).apply(2, tree("two")))
        assert (report.outcome, report.step) == (Outcome.TURNED_BACK, Step.CHECK), report
        assert "but:" in report.sentence

    assert in_process(apply, Death()) == 0
    assert (current / "main.cf").read_text() == "one"
    recovered = Switcher(place, Nothing()).recover()
    assert recovered is not None
    assert recovered.live_revision == 1


@pytest.fixture
def held(place: Path) -> Iterator[int]:
    """The lock, as another process has it."""
    place.mkdir(parents=True)
    handle = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    yield handle
    os.close(handle)


@pytest.mark.usefixtures("held")
def test_two_at_once_are_refused(place: Path) -> None:
    switcher = Switcher(place, Nothing(), lock_seconds=0)
    report = the(switcher.apply(1, tree("one")))
    assert (report.outcome, report.sentence) == (Outcome.REFUSED, Refusal.BUSY.value)
    assert report.live_revision == 0
    with pytest.raises(Busy):
        switcher.recover()


def test_one_waits_for_the_other_if_told_to(place: Path, held: int) -> None:
    timer = threading.Timer(0.2, fcntl.flock, (held, fcntl.LOCK_UN))
    timer.start()
    report = the(Switcher(place, Nothing(), lock_seconds=20).apply(1, tree("one")))
    timer.join()
    assert report.outcome is Outcome.APPLIED


def test_something_else_in_place_of_the_link_is_refused_and_left(place: Path) -> None:
    place.mkdir(parents=True)
    (place / "current").mkdir()
    report = the(Switcher(place, Nothing()).apply(1, tree("one")))
    assert report.outcome is Outcome.REFUSED
    assert "is no link; move it away" in report.sentence
    (place / "current").rmdir()
    (place / "current").symlink_to("/etc")
    assert "leads to /etc" in the(Switcher(place, Nothing()).apply(1, tree("one"))).sentence
    with pytest.raises(StateError):
        Switcher(place, Nothing()).live()


@pytest.mark.parametrize("content", [b"", b"{", b'{"mark":"other"}', b"\0" * 100])
def test_a_spoilt_journal_counts_as_settled(place: Path, content: bytes) -> None:
    applied(place, 1, tree("one"))
    (place / "journal").write_bytes(content)
    assert Switcher(place, Nothing()).recover() is None
    assert Switcher(place, Nothing()).live()[0].revision == 1
    applied(place, 2, tree("two"))
    journal = State(place).journal()
    assert journal is not None
    assert journal.mark is Mark.SETTLED


def test_what_came_of_the_last_application_is_known_to_whoever_comes_after(place: Path) -> None:
    assert Switcher(place, Nothing()).last_report() is None
    applied(place, 1, tree("one"))
    loud = Command(validate_words=sh(f"head -c {OUTPUT_BYTES} /dev/zero | tr '\\0' x; exit 3"))
    failed = the(Switcher(place, loud).apply(2, tree("two")))
    assert failed.outcome is Outcome.KEPT
    last = Switcher(place, Nothing()).last_report()
    assert last is not None
    assert (last.key, last.outcome, last.sentence) == (failed.key, failed.outcome, failed.sentence)
    assert last.live_revision == failed.live_revision == 1
    assert 0 < len(last.output) <= JOURNAL_OUTPUT_BYTES < len(failed.output)

    (unchanged,) = Switcher(place, Nothing()).apply(3, tree("one"))
    assert unchanged.outcome is Outcome.UNCHANGED
    assert Switcher(place, Nothing()).last_report() == last
    assert Switcher(place, Nothing()).recover() is None


def test_a_lost_manifest_makes_everything_an_edit(place: Path) -> None:
    applied(place, 1, tree("one"))
    ((place / "current").resolve().parent / "manifest.json").unlink()
    report = the(Switcher(place, Nothing()).apply(2, tree("two")))
    assert report.outcome is Outcome.APPLIED
    assert saved(place, report) == {"main.cf": "one", "sub/hook": "#!/bin/sh\n"}


def test_what_is_too_large_to_be_an_edit_is_not_run_over(place: Path) -> None:
    current = applied(place, 1, tree("one"))
    with (current / "dump").open("wb") as file:
        file.truncate(300 << 20)
    report = the(Switcher(place, Nothing()).apply(2, tree("two")))
    assert (report.outcome, report.step) == (Outcome.KEPT, Step.SAVE)
    assert "move away" in report.sentence
