"""Which texts a line must have for an expression to match."""

import pytest

from workers.logs.core.patterns import PATTERN_BYTES_MAX, PatternError, checked


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("status=deferred", (b"status=deferred",)),
        (r"[0-9A-F]{11}: to=<.*@example\.net>", (b"@example.net>",)),
        (r"status=(deferred|bounced)", (b"status=",)),
        (r"(deferred|bounced)", (b"deferred", b"bounced")),
        (r"(?:abc)?de", (b"de",)),
        (r"(?:abc)+d", (b"abc",)),
        (r"(?i)Status=X", (b"status=x",)),
        (r"a*", ()),
        (r"(?!deferred)", ()),
        ("größe", ("größe".encode(),)),
    ],
)
def test_texts_without_which_nothing_matches(pattern: str, texts: tuple[bytes, ...]) -> None:
    sieves = [one for one in checked(pattern).sieves if one.texts == texts]

    assert bool(sieves) is bool(texts)


@pytest.mark.parametrize(
    ("pattern", "row"),
    [
        (r"[45]\d\d", b"000"),
        (r"\b[45]\d\d\b", b"\x00000\x00"),
        (r"\b[45]\d\d=\b", b"\x00000\x00"),
        (r"[A-F]\d{2,}[ -]\.x?", b"A00"),
        (r"(?:user|box)\d{3}@", b"000@"),
        (r"(?i)a[b]1", b"AB1"),
        (r"\d\d\w", None),
        (r"\d+.\d+", None),
        (r"\d\d\s\d\d", None),
        (r"(?L:\d\d\d)", None),
    ],
)
def test_classes_in_a_row_are_a_text_where_each_is_written_as_one_byte(
    pattern: str, row: bytes | None
) -> None:
    rows = [one for one in checked(pattern).sieves if one.table is not None]

    assert [one.texts for one in rows][-1:] == ([(row,)] if row else [])


@pytest.mark.parametrize(
    ("pattern", "free"),
    [
        (r"[45]\.\d+\.\w", True),
        (r"\b(?:a|bc)+.x?", True),
        (r"[^,]*", False),
        (r"\s", False),
        (r"^a", False),
        (r"a$", False),
        (r"(?s).", False),
        (r"a(?=b)", False),
        (r"\W", False),
        (r"[\x00-\x20]", False),
    ],
)
def test_what_cannot_match_the_end_of_a_line(pattern: str, free: bool) -> None:
    assert checked(pattern).free is free


@pytest.mark.parametrize("pattern", ["", "(", "a" * (PATTERN_BYTES_MAX + 1), "(?P<a>", "a{2,1}"])
def test_what_is_no_expression_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        checked(pattern)
