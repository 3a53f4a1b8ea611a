"""Health checks as definitions name them: `tcp:PORT`, `smtp:PORT` or `command:/PATH ARGUMENTS`.

Only their form is decided here; "" means no check.
"""

import re

from workers.failover.core.hooks import command_refusal

CHECK_CHARACTERS = 500

_PORT = re.compile(r"(?:tcp|smtp):([1-9][0-9]{0,4})")
_COMMAND = re.compile(r"command:(/[^ /][^ ]*( .*)?)")


def check_refusal(text: str) -> str:
    """Why `text` is no health check, with the way out; "" when it is one, or empty."""
    way = "write tcp:PORT, smtp:PORT or command:/PATH ARGUMENTS"
    if len(text) > CHECK_CHARACTERS:
        return f"has {len(text)} characters; write at most {CHECK_CHARACTERS}"
    if not text.isprintable():
        return f"{text[:40]!r} has characters that cannot be printed; {way}"
    if port := _PORT.fullmatch(text):
        return "" if int(port[1]) <= 65535 else f"names port {port[1]}; write 1 to 65535"
    if command := _COMMAND.fullmatch(text):
        return command_refusal(command[1])
    return f"{text[:60]!r} is none; {way}" if text else ""
