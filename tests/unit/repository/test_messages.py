"""The text of a commit: what the author wrote comes back, and can forge no trailer."""

import pytest

from workers.repository.core.messages import (
    MESSAGE_BYTES,
    Message,
    TextRefusal,
    compose,
    parse,
    text_refusal,
    tidy,
)


@pytest.mark.parametrize("key", ["", "k", "5f0c-1", "~" * 128])
def test_what_is_composed_is_parsed(key: str) -> None:
    message = Message("Raise the limit\n\nFor the new relay.", 7, key)
    assert parse(compose(message)) == message


def test_a_forged_trailer_is_only_text() -> None:
    text = "Harmless\n\nMuster-Revision: 99\nMuster-Key: mine"
    assert parse(compose(Message(text, 3))) == Message(text, 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Initial commit\n",
        "x\n\nMuster-Revision: 0\n",
        "x\n\nMuster-Revision: 07\n",
        "x\n\nMuster-Revision: 7",
        "x\n\nMuster-Revision: 7\nMuster-Key: \n",
        "x\n\nMuster-Revision: 7\nmore\n",
        "\n\nMuster-Revision: 7\n",
        "x\nMuster-Revision: 7\n",
    ],
)
def test_commits_of_others_are_told_apart(text: str) -> None:
    assert parse(text) is None


def test_a_message_is_tidied() -> None:
    assert tidy("\n one\r\ntwo \n\n") == "one\ntwo"


@pytest.mark.parametrize(
    ("text", "name", "email", "key", "refusal"),
    [
        ("x", "Ann", "ann@example.com", "", None),
        ("x", "Ann B. Jr.", "ann@example.com", "k", None),
        (" \n", "Ann", "a@b", "", TextRefusal.NO_MESSAGE),
        ("\u200b \u2060\u00ad", "Ann", "a@b", "", TextRefusal.NO_MESSAGE),
        ("x" * (MESSAGE_BYTES + 1), "Ann", "a@b", "", TextRefusal.MESSAGE_TOO_LONG),
        ("x\0", "Ann", "a@b", "", TextRefusal.MESSAGE_TEXT),
        ("x\udcff", "Ann", "a@b", "", TextRefusal.MESSAGE_TEXT),
        ("x", "", "a@b", "", TextRefusal.AUTHOR),
        ("x", " . ", "a@b", "", TextRefusal.AUTHOR),
        ("x", "A\nparent", "a@b", "", TextRefusal.AUTHOR),
        ("x", "A <b>", "a@b", "", TextRefusal.AUTHOR),
        ("x", "Ann", "a\udcff", "", TextRefusal.AUTHOR),
        ("x", "Ann", "a" * 257, "", TextRefusal.AUTHOR),
        ("x", "Ann", "a@b", "two words", TextRefusal.KEY),
        ("x", "Ann", "a@b", "k" * 129, TextRefusal.KEY),
    ],
)
def test_what_git_could_not_keep_is_refused(
    text: str, name: str, email: str, key: str, refusal: TextRefusal | None
) -> None:
    assert text_refusal(text, name, email, key) is refusal
