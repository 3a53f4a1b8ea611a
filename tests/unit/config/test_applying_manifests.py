"""Manifests: which trees can be on a disk, what names them, and how they drift."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.config.core.applying import Course
from workers.config.core.manifests import (
    FILES_MAX,
    Drift,
    DriftKind,
    Entry,
    digest,
    drift,
    manifest_of,
    objection,
    revision_in,
    tree_name,
)
from workers.config.core.reports import Outcome, Result, Step, shortened

TREE = {"main.cf": (b"a = b\n", False), "bin/hook": (b"#!/bin/sh\n", True)}


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/etc/passwd", "leads out"),
        ("../passwd", "leads out"),
        ("a/../../b", "leads out"),
        ("a//b", "plain form"),
        ("a/", "plain form"),
        (".", "plain form"),
        ("", "plain form"),
        ("a\nb", "control"),
        ("a\0b", "control"),
        ("\udcff", "UTF-8"),
        ("x" * 256, "part longer"),
        ("/".join(["x" * 100] * 11), "longer than 1024"),
    ],
)
def test_a_path_that_cannot_be_is_refused(path: str, word: str) -> None:
    assert word in objection({"main.cf": (b"", False), path: (b"", False)})


def test_a_tree_that_cannot_be_is_refused() -> None:
    assert "no files" in objection({})
    assert "rename one" in objection({"a": (b"", False), "a-b": (b"", False), "a/b": (b"", False)})
    assert "divide" in objection({str(one): (b"", False) for one in range(FILES_MAX + 1)})
    assert objection(TREE) == ""


def test_a_manifest_says_it_all_in_order() -> None:
    hook, main = manifest_of(3, TREE).entries
    assert (hook.path, hook.size, hook.mode) == ("bin/hook", 10, 0o755)
    assert (main.path, main.size, main.mode) == ("main.cf", 6, 0o644)


def test_a_private_file_is_for_its_owner_alone() -> None:
    hook, main = manifest_of(3, TREE, private=("main.cf", "bin/hook")).entries
    assert (hook.mode, main.mode) == (0o700, 0o600)


def test_the_hash_is_of_the_files_alone() -> None:
    one = manifest_of(3, TREE)
    assert manifest_of(4, dict(reversed(TREE.items()))).hash == one.hash
    assert manifest_of(3, {**TREE, "main.cf": (b"a = c\n", False)}).hash != one.hash
    assert manifest_of(3, {**TREE, "main.cf": (b"a = b\n", True)}).hash != one.hash
    assert digest(one.entries) == one.hash


def test_a_name_leads_to_its_revision() -> None:
    one = manifest_of(12, TREE)
    assert revision_in(tree_name(one)) == 12
    assert revision_in(tree_name(one, 3)) == 12
    assert tree_name(one, 3) == f"{tree_name(one)}.3"


@pytest.mark.parametrize("name", ["", "12", "12-abc", "../12", "12-0123456789abcdef.partial", "x"])
def test_other_names_are_no_trees(name: str) -> None:
    assert revision_in(name) is None


def entry(path: str, sha256: str = "00", mode: int = 0o644) -> Entry:
    return Entry(path, 1, sha256, mode)


def test_drift_names_each_kind() -> None:
    manifest = manifest_of(1, {"a": (b"", False), "b": (b"", False), "c": (b"", False)})
    a, b, c = manifest.entries
    found = {
        "a": Entry("a", 0, a.sha256, 0o600),
        "b": entry("b", "11"),
        "d": entry("d"),
    }
    assert drift(manifest, found) == (
        Drift("a", DriftKind.MODE),
        Drift("b", DriftKind.CHANGED),
        Drift("c", DriftKind.REMOVED),
        Drift("d", DriftKind.ADDED),
    )
    assert drift(manifest, {one.path: one for one in (a, b, c)}) == ()


def test_a_file_that_became_a_link_is_changed() -> None:
    manifest = manifest_of(1, {"a": (b"x", False)})
    link = Entry("a", 1, manifest.entries[0].sha256, 0o777, "link")
    assert drift(manifest, {"a": link}) == (Drift("a", DriftKind.CHANGED),)


def test_without_a_manifest_everything_is_an_edit() -> None:
    assert drift(None, {"a": entry("a")}) == (Drift("a", DriftKind.ADDED),)


@given(st.text(), st.integers(60, 500))
def test_a_shortened_text_fits(text: str, limit: int) -> None:
    assert len(shortened(text, limit).encode()) <= limit


@given(st.lists(st.booleans(), min_size=20, max_size=20), st.sampled_from(["", "5-old"]))
def test_every_course_ends_and_its_outcome_is_true(results: list[bool], previous: str) -> None:
    course = Course(6, "new", "6-new", previous, 5)
    taken: dict[Step, bool] = {}
    for good in results:
        if course.step is None:
            break
        assert course.step not in taken
        taken[course.step] = good
        course.note(Result(good), 0.0)

    assert course.step is None
    assert list(taken)[-1] is Step.SETTLE
    forward = (Step.SAVE, Step.STAGE, Step.VALIDATE, Step.SWITCH, Step.RELOAD, Step.CHECK)
    healthy = all(taken.get(step, False) for step in forward)
    back = [taken[s] for s in (Step.RESTORE, Step.RELOAD_OLD, Step.CHECK_OLD) if s in taken]
    assert (course.outcome is Outcome.APPLIED) is healthy
    assert (Step.RESTORE in taken) is (Step.SWITCH in taken and not healthy)
    assert (course.outcome is Outcome.STRANDED) is (False in back)
    assert (course.outcome is Outcome.KEPT) is (Step.SWITCH not in taken)
