"""Why a configuration is refused: each reason with its file and line, fit to be shown to anybody.

A problem never holds the value of a secret, nor what a file says beyond the words of an error.
"""

import msgspec

SENTENCE_CHARACTERS = 400


class Problem(msgspec.Struct, frozen=True):
    """One reason. `path` is of the repository; `line` counts from 1, 0 is not known."""

    path: str
    line: int
    sentence: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.sentence}"


def one_line(text: str) -> str:
    """The words of somebody else's error as part of a sentence."""
    shown = (one if one.isprintable() else " " for one in text[: 4 * SENTENCE_CHARACTERS])
    words = " ".join("".join(shown).split()).rstrip(".")
    return words if len(words) <= SENTENCE_CHARACTERS else f"{words[: SENTENCE_CHARACTERS - 4]} ..."
