"""Keys of tables: one spelling of an address, and any text at all."""

import pytest

from workers.replication.core.keys import KEY_BYTES, is_address, is_sound, packed, unpacked


@pytest.mark.parametrize(
    ("text", "size", "shown"),
    [
        ("192.0.2.1", 4, "192.0.2.1"),
        ("::ffff:192.0.2.1", 4, "192.0.2.1"),
        ("2001:db8::1", 16, "2001:db8::1"),
        ("2001:DB8:0:0::1", 16, "2001:db8::1"),
        ("2001:db8:1:2:3:4:5:6", 16, "2001:db8:1:2:3:4:5:6"),
        ("2001:db8:0:1:1:1:1:1", 16, "2001:db8:0:1:1:1:1:1"),
        ("::", 16, "::"),
        ("192.0.2.0/24", 5, "192.0.2.0/24"),
        ("192.0.2.77/24", 5, "192.0.2.0/24"),
        ("192.0.2.1/32", 4, "192.0.2.1"),
        ("2001:db8::/32", 17, "2001:db8::/32"),
        ("::ffff:192.0.2.0/120", 5, "192.0.2.0/24"),
        ("0.0.0.0/0", 5, "0.0.0.0/0"),
    ],
)
def test_an_address_has_one_spelling(text: str, size: int, shown: str) -> None:
    key = packed(text, True)

    assert len(key) == size
    assert is_address(key)
    assert is_sound(key, True)
    assert unpacked(key, True) == shown


@pytest.mark.parametrize(
    "text",
    [
        *("", "abc", "abcd", "abcde", "x" * 15, "x" * 16, "x" * 17, "01.2.3.4", "1.2.3"),
        *("fe80::1%eth0", "1.2.3.4.5", "+1.2.3.4", "1:2", ":::", "g::1", "1.2.3.4/33"),
        *("\0", "a\0b", "é", "\ud800"),
    ],
)
def test_a_text_that_is_no_address_is_not_taken_for_one(text: str) -> None:
    key = packed(text, True)

    assert not is_address(key)
    assert is_sound(key, True)
    if text != "\ud800":
        assert unpacked(key, True) == text
        assert unpacked(packed(text, False), False) == text


def test_a_long_key_is_cut_and_still_another_than_its_like() -> None:
    one, other = packed("x" * 10_000 + "1", False), packed("x" * 10_000 + "2", False)

    assert len(one) == len(other) == KEY_BYTES
    assert one != other
    assert packed("x" * KEY_BYTES, False) == b"x" * KEY_BYTES


def test_a_network_with_more_bits_than_there_are_is_not_sound() -> None:
    assert not is_sound(bytes([10, 0, 0, 0, 33]), True)
    assert not is_sound(b"x" * 600, True)
