"""The text of manager.env: a line `NAME=value` for each variable, as systemd and a shell read it.

Invariant: what nobody asks to change stays to the letter: comments, order, the operator's own
variables. Nothing here touches a disk.
"""

import re
import shlex
from collections.abc import Iterator, Mapping

from cluster_admin.cli.errors import Refused

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def parsed(text: str, where: str) -> dict[str, str]:
    """Every variable; `Refused` names the line that is none. `where` is the file, for messages."""
    return {name: value for name, value, _ in _lines(text, where) if name}


def merged(text: str, values: Mapping[str, str], where: str) -> str:
    """The text with these values: where a variable stood, or at the end."""
    missing = dict(values)
    lines = []
    for name, _, line in _lines(text, where):
        lines.append(_written(name, missing.pop(name)) if name in missing else line)
    lines += [_written(name, value) for name, value in missing.items()]
    return "".join(f"{line}\n" for line in lines)


def _lines(text: str, where: str) -> Iterator[tuple[str, str, str]]:
    """Name, value and the line itself; no name for a comment or an empty line."""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            yield "", "", line
            continue
        try:
            name, equals, value = " ".join(shlex.split(stripped)).partition("=")
        except ValueError:
            name = equals = value = ""
        if not equals or not _NAME.fullmatch(name):
            raise Refused(f"{where}, line {number} is no NAME=value; correct it, then repeat")
        yield name, value, line


def _written(name: str, value: str) -> str:
    """One line; a shell and systemd quote alike only without quotes inside."""
    if not value.isprintable() or "'" in value:
        way = "leave out quotes and control characters; in a URL %27 is a quote"
        raise Refused(f"{name} cannot be written so: {way}")
    return f"{name}={shlex.quote(value)}"
