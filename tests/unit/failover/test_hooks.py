"""Commands as definitions spell them, and the warning that hooks bring."""

import pytest

from workers.failover.core.hooks import (
    COMMAND_CHARACTERS,
    HOOK_WARNING,
    command_refusal,
    command_words,
    hook_warning,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/bin/true", ("/bin/true",)),
        ("/a  b   c", ("/a", "b", "c")),
        ("/a 'b c' \"d e\" f\\ g", ("/a", "b c", "d e", "f g")),
        ("/a $HOME *.x | # y", ("/a", "$HOME", "*.x", "|", "#", "y")),
        ("'/a b/c' ''", ("/a b/c", "")),
    ],
)
def test_words_are_split_but_not_expanded(text: str, words: tuple[str, ...]) -> None:
    assert command_words(text) == words


@pytest.mark.parametrize("text", ["", "/a", "/a/b c", "/" + "x" * (COMMAND_CHARACTERS - 1)])
def test_a_whole_path_with_arguments_is_a_command(text: str) -> None:
    assert command_refusal(text) == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a", "'a' is none; write /PATH ARGUMENTS"),
        ("'/a b/c'", "is none"),
        ("//", "is none"),
        ("/ a", "is none"),
        ("/a 'b", "has a quote or a backslash that leads nowhere"),
        ("/a b\\", "has a quote or a backslash that leads nowhere"),
        ("/a\tb", "cannot be printed"),
        ("/" + "x" * COMMAND_CHARACTERS, "has 501 characters; write at most 500"),
    ],
)
def test_what_is_none_is_refused_with_the_way_out(text: str, words: str) -> None:
    assert words in command_refusal(text)


def test_only_a_vip_with_a_hook_has_the_warning() -> None:
    assert hook_warning("") == ""
    assert hook_warning("/a") == HOOK_WARNING
