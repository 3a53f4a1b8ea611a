"""A change on its way through forms: proposed, previewed, committed, or resolved after a conflict.

It travels as text in a hidden field, so that nothing is kept of changes nobody commits. Whoever
sends it may have changed it: it is asked of roles and rules when it is committed, like any other.
"""

import base64
import binascii
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cluster_admin.dashboard.config_texts import objection
from cluster_admin.dashboard.tables import number, word
from workers.repository.core.changes import Changes, Entry
from workers.repository.core.messages import KEY_BYTES

PACKED_MAX = 4 * 1024 * 1024
"""Characters of a change in a form; a request has room for little more."""
MESSAGE_MAX = 2_000


class Unreadable(ValueError):
    """A form that no page of ours makes, or a change too large for one; the text says which."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody wants to commit on top of revision `base`."""

    title: str
    base: int
    changes: Changes
    message: str = ""
    key: str = ""
    """Makes the commit happen once, however often the form is sent."""

    @property
    def packed(self) -> str:
        """The change as a form carries it; raises `Unreadable` when it is too large."""
        rows = [
            [path, None if entry is None else [_coded(entry.content), entry.executable]]
            for path, entry in self.changes.items()
        ]
        text = json.dumps(rows, ensure_ascii=True, separators=(",", ":"))
        if len(text) > PACKED_MAX:
            raise Unreadable("the change is too large for a page; make it with `muster config`")
        return text

    @property
    def text_path(self) -> str:
        """The one file that it writes, if a page can edit it; otherwise empty."""
        written = {path: entry for path, entry in self.changes.items() if entry is not None}
        if len(written) != 1 or len(self.changes) > 2:
            return ""
        ((path, entry),) = written.items()
        return "" if objection(entry.content) else path

    def on_top_of(self, base: int, changes: Changes) -> "Proposal":
        """The same for a newer revision, as another commit."""
        return replace(self, base=base, changes=changes, key=new_key())


def new_key() -> str:
    """A key that no other commit has."""
    return uuid.uuid4().hex


def from_form(form: Mapping[str, str]) -> Proposal:
    """Read a form; raises `Unreadable`."""
    try:
        rows = json.loads(form.get("changes", ""))
        changes = {_path(path): _entry(value) for path, value in rows}
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise Unreadable("the form is not whole: go back, load the page again") from None
    return Proposal(
        title=word(form, "title"),
        base=number(form, "base", 0),
        changes=changes,
        message=message_of(form),
        key=key_of(form),
    )


def key_of(form: Mapping[str, str]) -> str:
    """The key that a form carries; a new one for what is none."""
    key = form.get("key", "")
    return key if key.isascii() and key.isalnum() and len(key) <= KEY_BYTES else new_key()


def message_of(form: Mapping[str, str]) -> str:
    """What a change is for, cut to length."""
    return form.get("message", "").replace("\0", "").strip()[:MESSAGE_MAX]


def _coded(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _path(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # a ValueError where it cannot be
    if "\0" in value:
        raise ValueError
    return value


def _entry(value: object) -> Entry | None:
    match value:
        case None:
            return None
        case [str() as content, bool() as executable]:
            return Entry(base64.b64decode(content, validate=True), executable)
    raise TypeError
