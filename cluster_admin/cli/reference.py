"""The reference of all commands as Markdown, made from the parsers themselves.

`python -m cluster_admin.cli.reference docs/reference/cli.md` puts it between the two marks of the
page; a test says when the page is behind. Options that many commands share stand once, in front.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from cluster_admin.cli.main import build, build_whole

BEGIN, END = "<!-- commands: generated -->", "<!-- commands: end -->"
HEADING = ("| option | meaning |", "|---|---|")
SHARED_BY = 8
"""Options of so many commands are described once."""
KINDS = {
    "<str>": "TEXT",
    "<list[str]>": "TEXT",
    "<int>": "N",
    "<float>": "NUMBER",
    "<path>": "PATH",
}
KINDS |= {"<int range>": "N", "<float range>": "NUMBER"}


def leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every command below `command`, with the words that lead to it."""
    if not hasattr(command, "commands"):
        yield " ".join(words), command
        return
    for name, child in command.commands.items():
        yield from leaves(child, (*words, name))


def tree() -> dict[str, Any]:
    """Every command of `muster` by its words."""
    return dict(leaves(typer.main.get_command(build_whole()), ("muster",)))


def examples(command: Any) -> list[str]:
    """The command lines in a command's help."""
    lines = (command.epilog or "").split("\n\n")
    return [line for line in lines if line.startswith("muster ")]


def render() -> str:
    """The Markdown between the marks."""
    commands = tree()
    uses = Counter(_option(o) for command in commands.values() for o in _options(command))
    shared = {row for row, count in uses.items() if count >= SHARED_BY}
    lines = ["## Options that commands share", "", *HEADING]
    lines += [f"| {name} | {text} |" for name, text in uses if (name, text) in shared]
    for title, members in _groups(commands).items():
        lines += ["", f"## {title}", "", *_described(members, shared)]
    return "\n".join([BEGIN, *lines, END])


def updated(page: str) -> str:
    """The page with its generated part as of now; raises ValueError when a mark is missing."""
    before, mark, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise ValueError(f"the page has not both marks, {BEGIN} and {END}; write them into it")
    return before + render() + after


def _groups(commands: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The commands by group; those without a group together, in front."""
    groups: dict[str, dict[str, Any]] = {"muster": {}}
    for words, command in commands.items():
        groups.setdefault(words.rpartition(" ")[0], {})[words] = command
    return groups


def _described(members: dict[str, Any], shared: set[tuple[str, str]]) -> Iterator[str]:
    """The commands of a group, their own options, and their examples."""
    yield from ("| command | what it does |", "|---|---|")
    for words, command in members.items():
        names = [_argument(each) for each in command.params if _is_argument(each)]
        help_line = (command.help or "").partition("\n\n")[0].strip()
        yield f"| `{' '.join([words, *names])}` | {_cell(help_line)} |"
    own = (_option(option) for command in members.values() for option in _options(command))
    if rows := [row for row in dict.fromkeys(own) if row not in shared]:
        yield from ("", *HEADING)
        yield from (f"| {name} | {text} |" for name, text in rows)
    if shown := [line for command in members.values() for line in examples(command)]:
        yield from ("", "```sh", *shown, "```")


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _argument(parameter: Any) -> str:
    name = parameter.metavar or parameter.name.upper()
    return f"{name}..." if parameter.nargs == -1 and not name.endswith("...") else str(name)


def _options(command: Any) -> list[Any]:
    return [each for each in command.params if not _is_argument(each)]


def _option(option: Any) -> tuple[str, str]:
    """How it is written, and what it means with its default."""
    names = ", ".join([*option.opts, *option.secondary_opts])
    if not option.is_bool_flag:
        kind = option.display_type(typer.Context(typer.main.get_command(build())))
        names = f"{names} {option.metavar or KINDS.get(kind, kind.strip('<>'))}"
    text = option.help or ""
    if option.default and not option.is_bool_flag:
        text = f"{text} Unset: {getattr(option.default, 'value', option.default)}.".strip()
    return f"`{_cell(names)}`", _cell(text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    place = Path(sys.argv[1])
    place.write_text(updated(place.read_text()))
