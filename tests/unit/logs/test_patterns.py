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
        (r"[45]\d\d", ()),
        (r"a*", ()),
        (r"(?!deferred)", ()),
        ("größe", ("größe".encode(),)),
    ],
)
def test_the_longest_text_without_which_nothing_matches(
    pattern: str, texts: tuple[bytes, ...]
) -> None:
    assert set(checked(pattern).texts) == set(texts)


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
