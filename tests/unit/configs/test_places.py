"""What copies and promotions change, and what a copy's message says."""

import pytest

from cluster_admin.configs import places
from cluster_admin.configs.places import Origin
from cluster_admin.configs.places_listing import sizes_of
from workers.repository.trees import File

PLAIN, EXECUTABLE = 0o100644, 0o100755


def file(content: str, mode: int = PLAIN, size: int = 1) -> File:
    return File(content * 40, size, mode)


TREE = {
    "global/motd": file("9"),
    "staging/definitions.toml": file("1"),
    "staging/default/a": file("a"),
    "staging/default/deep/b": file("b"),
    "staging/default/run": file("c", EXECUTABLE),
    "staging/mta1/own": file("d"),
    "live/definitions.toml": file("2"),
    "live/default/a": file("a"),
    "live/default/run": file("c"),
    "live/default/old": file("e"),
    "live/mta9/own": file("f"),
}


def test_a_mirror_writes_what_differs_and_deletes_what_only_the_target_has() -> None:
    assert places.mirrored(TREE, TREE, "staging/default", "live/default") == {
        "live/default/deep/b": TREE["staging/default/deep/b"],
        "live/default/run": TREE["staging/default/run"],
        "live/default/old": None,
    }


def test_a_merge_deletes_nothing() -> None:
    found = places.mirrored(TREE, TREE, "staging/default", "live/default", merge=True)

    assert sorted(found) == ["live/default/deep/b", "live/default/run"]


def test_a_whole_subcluster_is_mirrored_without_its_definitions() -> None:
    found = places.mirrored(TREE, TREE, "staging", "live")

    assert "live/definitions.toml" not in found
    assert found["live/mta1/own"] == TREE["staging/mta1/own"]
    assert found["live/mta9/own"] is None


def test_a_directory_whose_name_only_begins_alike_is_another() -> None:
    assert not places.holds({"staging/default2/a": file("a")}, "staging/default")
    assert not places.holds({"staging/definitions.toml": file("a")}, "staging")
    assert places.holds(TREE, "staging/default")


def test_contents_come_with_whether_they_may_be_run() -> None:
    wanted = {"live/default/run": TREE["staging/default/run"], "live/default/old": None}

    found = places.entries(wanted, lambda blob: blob[:1].encode())

    run = found["live/default/run"]
    assert run is not None
    assert (run.content, run.executable) == (b"c", True)
    assert found["live/default/old"] is None


@pytest.mark.parametrize("name", ["staging", "default", "a", "x-1_y"])
def test_names_that_a_subcluster_can_have(name: str) -> None:
    assert places.name_refusal(name) == ""


@pytest.mark.parametrize("name", ["global", "", "Staging", "1st", "a b", "a/b", "..", "a\n", "ä"])
def test_names_that_no_subcluster_can_have(name: str) -> None:
    assert name in places.name_refusal(name)


def test_an_origin_is_read_back_with_other_trailers_too() -> None:
    message = places.with_origin("Copy it\n\nBecause.\n", Origin("staging", 12))

    assert message == "Copy it\n\nBecause.\n\nCopied-from: staging@r12"
    assert places.origin_of(message) == Origin("staging", 12)
    assert places.origin_of(f"{message}\nApproved-by: bob") == Origin("staging", 12)


@pytest.mark.parametrize(
    "message",
    [
        *("", "Copied", "Copied-from: staging", "Copied-from: staging@12", "Copied-from: x@r0"),
        *("see Copied-from: staging@r12", "Copied-from: staging@r12 and more", "Copied-from: G@r1"),
    ],
)
def test_other_messages_say_of_no_origin(message: str) -> None:
    assert places.origin_of(message) is None


@pytest.mark.parametrize(
    ("path", "before"),
    [
        ("live/default/a/b", "staging/default/a/b"),
        ("live/default", "staging/default"),
        ("live/default/", "staging/default"),
        ("live", "staging/default"),
        ("live/mta1/a", ""),
        ("live/definitions.toml", ""),
        ("live/default2/a", ""),
    ],
)
def test_where_a_path_of_a_copy_was(path: str, before: str) -> None:
    assert places.path_before(path, Origin("staging", 12)) == before


def test_sizes_leave_definitions_out() -> None:
    assert sizes_of(TREE) == {"global": (1, 1), "staging": (4, 4), "live": (4, 4)}
