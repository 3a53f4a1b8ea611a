"""`--watch` with or without SECONDS: a number that is left out is put in before parsing."""

import re

import typer
from typer.core import TyperCommand

USUAL_SECONDS = "2"
NUMBER = re.compile(r"\d+(\.\d+)?|\.\d+")


def filled(words: list[str]) -> list[str]:
    """The words, with a number behind every bare --watch in front of `--`."""
    found: list[str] = []
    for index, word in enumerate(words):
        found.append(word)
        if word == "--":
            return found + words[index + 1 :]
        following = words[index + 1] if index + 1 < len(words) else ""
        if word == "--watch" and not NUMBER.fullmatch(following):
            found.append(USUAL_SECONDS)
    return found


class WatchCommand(TyperCommand):
    """A command whose --watch may stand alone."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Parse, with the number filled in; commands without --watch are not touched."""
        watches = any("--watch" in parameter.opts for parameter in self.params)
        return super().parse_args(ctx, filled(args) if watches else args)
