"""Health checks as definitions name them: `tcp:PORT`, `smtp:PORT` or `command:/PATH ARGUMENTS`.

Only their form is decided here, and what each one asks for; "" means no check. What failures come
to is `health`'s, running them is the shell's.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from workers.failover.core.hooks import command_refusal, command_words

CHECK_CHARACTERS = 500

_PORT = re.compile(r"(tcp|smtp):([1-9][0-9]{0,4})")
_COMMAND = re.compile(r"command:(/[^ /][^ ]*( .*)?)")


class CheckKind(StrEnum):
    """How a service is asked whether it is well."""

    TCP = "tcp"
    """A connection is accepted."""
    SMTP = "smtp"
    """And the server greets with 220."""
    COMMAND = "command"
    """A program exits with 0."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a check asks for: a port, or the words of a command."""

    kind: CheckKind
    port: int = 0
    words: tuple[str, ...] = ()


def check_of(text: str) -> Check:
    """Read a check that has been found right; `ValueError` for any other text."""
    if port := _PORT.fullmatch(text):
        return Check(CheckKind(port[1]), int(port[2]))
    if command := _COMMAND.fullmatch(text):
        return Check(CheckKind.COMMAND, words=command_words(command[1]))
    raise ValueError(f"{text[:60]!r} is no health check")


def check_refusal(text: str) -> str:
    """Why `text` is no health check, with the way out; "" when it is one, or empty."""
    way = "write tcp:PORT, smtp:PORT or command:/PATH ARGUMENTS"
    if len(text) > CHECK_CHARACTERS:
        return f"has {len(text)} characters; write at most {CHECK_CHARACTERS}"
    if not text.isprintable():
        return f"{text[:40]!r} has characters that cannot be printed; {way}"
    if port := _PORT.fullmatch(text):
        return "" if int(port[2]) <= 65535 else f"names port {port[2]}; write 1 to 65535"
    if command := _COMMAND.fullmatch(text):
        return command_refusal(command[1])
    return f"{text[:60]!r} is none; {way}" if text else ""
