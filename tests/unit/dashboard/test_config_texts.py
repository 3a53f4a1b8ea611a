"""Files in pages' forms: what comes back is byte for byte what was there, or is not offered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_admin.dashboard.config_texts import EDITED_BYTES, ends_of, objection, sent, show


def browsed(content: bytes) -> bytes:
    """A file after it went through a form: browsers send CR LF for every end of a line."""
    text = content.decode().replace("\r\n", "\n")
    return sent(text.replace("\n", "\r\n"), ends_of(content))


@given(st.text(st.sampled_from("ab\r\n\té☃ \x0b\x85\u2028"), max_size=40))
def test_what_a_page_may_edit_comes_back_byte_for_byte(text: str) -> None:
    content = text.encode()

    assert objection(content) or browsed(content) == content


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"a\0b", "control characters"),
        (b"a\rb\n", "control characters"),
        (b"a\r\nb\n", "do not all end alike"),
        (b"x" * (EDITED_BYTES + 1), "larger than"),
    ],
)
def test_what_a_form_cannot_carry_is_refused_with_the_way_out(
    content: bytes, sentence: str
) -> None:
    assert sentence in objection(content)
    assert "muster config" in objection(content)


def test_lines_are_shown_as_they_count() -> None:
    shown = show(b"one\ntwo\r\n\n")

    assert (shown.lines, shown.cut, shown.binary) == (["one", "two", ""], False, False)


def test_long_files_are_cut_and_binary_ones_not_shown() -> None:
    assert show(b"a\n" * 5_000).cut
    assert len(show(b"a\n" * 5_000).lines) == 2_000
    assert show(b"a" * 1_000_000).cut
    assert show(b"\x7fELF\0\0").binary
    assert show(b"").lines == []


def test_what_steers_a_terminal_is_shown_as_a_sign() -> None:
    assert show("a\u202eb\x1b[0m".encode()).lines == ["a<U+202E>b\u241b[0m"]
