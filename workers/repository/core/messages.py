"""The text of a commit: what its author wrote, and the trailers that number a revision.

    Raise the limit for outgoing connections

    Muster-Revision: 7
    Muster-Key: 5f0c...

Invariants: parse(compose(m)) == m, and what an author writes is never taken for a trailer of ours:
ours are always the last paragraph, and only that is read.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

MESSAGE_BYTES = 64 * 1024
NAME_BYTES = 256
KEY_BYTES = 128
_TRAILERS = re.compile(r"Muster-Revision: ([1-9][0-9]{0,15})\n(?:Muster-Key: ([!-~]{1,128})\n)?")
_KEY = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Message:
    """What a commit says: the author's text, its number from 1 on, the key if there is one."""

    text: str
    number: int
    key: str = ""


class TextRefusal(Enum):
    """Why author, message or key is refused, as a sentence."""

    NO_MESSAGE = "the message is empty; say in a line what the change is for"
    MESSAGE_TOO_LONG = f"the message is longer than {MESSAGE_BYTES} bytes; shorten it"
    MESSAGE_TEXT = "the message has characters that are no text; write UTF-8 without NUL"
    AUTHOR = (
        f"the author's name or address is empty, longer than {NAME_BYTES} bytes or has one of "
        f"< > or a control character; correct the account"
    )
    KEY = f"the key is not 1 to {KEY_BYTES} printable ASCII characters; use a UUID"
    TIME = "the time of the commit is before 1970; correct the clock"


def text_refusal(text: str, name: str, email: str, key: str) -> TextRefusal | None:
    """Why a commit with these may not be made; None when it may. An empty key is none."""
    if not _is_name(name) or not _is_name(email):
        return TextRefusal.AUTHOR
    if key and not _KEY.fullmatch(key):
        return TextRefusal.KEY
    if not _is_text(text) or "\0" in text:
        return TextRefusal.MESSAGE_TEXT
    if not any(one.isprintable() and not one.isspace() for one in text):
        return TextRefusal.NO_MESSAGE
    return TextRefusal.MESSAGE_TOO_LONG if len(text.encode()) > MESSAGE_BYTES else None


def tidy(text: str) -> str:
    """A message as it is kept: lines end with LF, and no white space at either end."""
    return text.replace("\r\n", "\n").strip()


def compose(message: Message) -> str:
    """The text of the commit; `message.text` is tidy."""
    key = f"Muster-Key: {message.key}\n" if message.key else ""
    return f"{message.text}\n\nMuster-Revision: {message.number}\n{key}"


def parse(text: str) -> Message | None:
    """Read a commit's text; None for a commit that was not made by this program."""
    start = text.rfind("\n\n")
    found = _TRAILERS.fullmatch(text, start + 2) if start > 0 else None
    if not found:
        return None
    return Message(text[:start], int(found[1]), found[2] or "")


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_name(name: str) -> bool:
    """Whether something is left of it when git has stripped what it strips at both ends."""
    if not _is_text(name) or not 0 < len(name.encode()) <= NAME_BYTES:
        return False
    if not name.strip(" .,:;<>\"\\'") or any(c in name for c in "<>"):
        return False
    return not any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in name)
