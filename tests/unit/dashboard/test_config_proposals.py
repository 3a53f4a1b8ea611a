"""Changes in hidden fields: they come back whole, and what is no form of ours is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_admin.dashboard.config_proposals import PACKED_MAX, Proposal, Unreadable, from_form
from workers.repository.core.changes import Entry

PATHS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
ENTRIES = st.none() | st.builds(Entry, st.binary(max_size=30), st.booleans())


@given(st.dictionaries(PATHS, ENTRIES, max_size=4), st.integers(0, 10**9))
def test_a_change_comes_back_as_it_was(changes: dict[str, Entry | None], base: int) -> None:
    sent = Proposal("Edit x", base, changes, "why", "abc123")
    form = {"title": "Edit x", "base": str(base), "changes": sent.packed}

    assert from_form(form | {"message": "why", "key": "abc123"}) == sent


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[", "null", "7", '"x"', "[[]]", '[["a"]]', '[["a", 5]]', "[[5, null]]"),
        *('[["a", ["eA==", 1]]]', '[["a", ["%%", true]]]', '[["a", ["eA==", true, 1]]]'),
        "[" * 100_000,
    ],
)
def test_what_no_page_makes_is_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        from_form({"changes": text})


def test_a_bad_key_gets_a_new_one_and_long_texts_are_cut() -> None:
    found = from_form({"changes": "[]", "key": "ä b", "message": "x" * 9_999, "base": "nine"})

    assert len(found.key) == 32
    assert (len(found.message), found.base) == (2_000, 0)


def test_what_is_too_large_for_a_page_says_the_way_out() -> None:
    proposal = Proposal("x", 1, {"a": Entry(b"x" * PACKED_MAX)})

    with pytest.raises(Unreadable, match="muster config"):
        json.loads(proposal.packed)


def test_only_a_single_text_can_be_edited_further() -> None:
    one, other, binary = Entry(b"a"), Entry(b"b"), Entry(b"\0")

    assert Proposal("", 1, {"a": one}).text_path == "a"
    assert Proposal("", 1, {"a": None, "b": one}).text_path == "b"
    assert Proposal("", 1, {"a": one, "b": other}).text_path == ""
    assert Proposal("", 1, {"a": binary}).text_path == ""
    assert Proposal("", 1, {"a": None}).text_path == ""
