"""What a path in the repository may be, and which sentence says why not."""

import pytest

from workers.repository.core.paths import PathRefusal, folded, path_refusal

KNOWN = {"default": ("mx1", "mx2"), "berlin": ()}


@pytest.mark.parametrize(
    "path",
    [
        "global/main.cf",
        "global/a/b/c.d/e",
        "default/default/main.cf",
        "default/mx1/main.cf",
        "default/definitions.toml",
        "berlin/default/x",
        "global/with space.cf",
        "global/.hidden",
        "global/...",
        "global/über.cf",
        "global/a:b",
        "global/gift~1.x",
        "global/" + "x" * 255,
        "default/mx2/definitions.toml",
    ],
)
def test_what_may_be_written(path: str) -> None:
    known = None if path == "global/gift~1.x" else KNOWN
    expected = PathRefusal.GIT if "gift" in path else None
    assert path_refusal(path, known) is expected


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("global/../x", PathRefusal.DOTS),
        ("global/./x", PathRefusal.DOTS),
        ("..", PathRefusal.DOTS),
        ("/global/x", PathRefusal.ABSOLUTE),
        ("", PathRefusal.EMPTY_SEGMENT),
        ("global//x", PathRefusal.EMPTY_SEGMENT),
        ("global/x/", PathRefusal.EMPTY_SEGMENT),
        ("global\\x", PathRefusal.BACKSLASH),
        ("global/a\nb", PathRefusal.UNSEEN),
        ("global/a\0b", PathRefusal.UNSEEN),
        ("global/a\x7fb", PathRefusal.UNSEEN),
        ("global/a\u202eb", PathRefusal.UNSEEN),
        ("global/.g\u200cit/x", PathRefusal.UNSEEN),
        ("global/a\udcffb", PathRefusal.NOT_UTF8),
        ("global/.git", PathRefusal.GIT),
        ("global/.GIT/config", PathRefusal.GIT),
        ("global/.gitmodules", PathRefusal.GIT),
        ("global/.gitattributes", PathRefusal.GIT),
        ("global/.git . /x", PathRefusal.GIT),
        ("global/GIT~1/x", PathRefusal.GIT),
        ("global/gi7eba~1", PathRefusal.GIT),
        (".git/x", PathRefusal.GIT),
        ("global/" + "x" * 256, PathRefusal.SEGMENT_TOO_LONG),
        ("global/" + "ü" * 128, PathRefusal.SEGMENT_TOO_LONG),
        ("global/" + "x/" * 510, PathRefusal.PATH_TOO_LONG),
        ("Global/x", PathRefusal.NO_LABEL),
        ("-a/default/x", PathRefusal.NO_LABEL),
        ("x" * 64 + "/default/x", PathRefusal.NO_LABEL),
        ("default/MX1/x", PathRefusal.NO_NODE_LABEL),
        ("global", PathRefusal.MISPLACED),
        ("default", PathRefusal.MISPLACED),
        ("default/main.cf", PathRefusal.MISPLACED),
        ("default/default", PathRefusal.MISPLACED),
        ("paris/default/x", PathRefusal.UNKNOWN_SUBCLUSTER),
        ("paris/definitions.toml", PathRefusal.UNKNOWN_SUBCLUSTER),
        ("default/mx3/x", PathRefusal.UNKNOWN_NODE),
        ("berlin/mx1/x", PathRefusal.UNKNOWN_NODE),
    ],
)
def test_what_may_not_be_written(path: str, refusal: PathRefusal) -> None:
    assert path_refusal(path, KNOWN) is refusal


def test_without_known_names_any_label_will_do() -> None:
    assert path_refusal("paris/mx9/x") is None


def test_every_refusal_says_what_to_do() -> None:
    assert [r for r in PathRefusal if "; " not in r.value] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [("global/A", "GLOBAL/a"), ("é", "e\u0301"), ("STRASSE", "straße"), ("É", "e\u0301")],
)
def test_names_that_some_disk_takes_for_the_same_fold_alike(one: str, other: str) -> None:
    assert folded(one) == folded(other)
