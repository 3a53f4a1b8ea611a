r"""Postfix's policy delegation protocol: bytes in, bytes out. Pure.

A request is lines `name=value`, ended by a blank line; the answer is `action=...` and a blank line.
Any bytes are taken, in pieces of any size: the answers are those of the whole. What is no request
is answered with DUNNO and counted, so that a fault of ours or of a client never stops mail. Memory
is bounded: of a request longer than `REQUEST_BYTES` nothing but its end is looked for.
"""

from collections.abc import Callable

REQUEST_BYTES = 64 * 1024
"""Postfix's own requests have about 1 KiB."""
ENDLESS_BYTES = 16 << 20
"""After so many without a blank line the client is no policy client."""
DUNNO = b"action=DUNNO\n\n"

BEGINNING = b"request=smtpd_access_policy\n"
_END = b"\n\n"
_LEAST = len(_END) + 1

Answer = Callable[[bytes, float], bytes]
"""What to answer to a whole request, with its blank line, at an instant."""


class Faults:
    """How many requests were no requests, of which kind."""

    __slots__ = ("bad_address", "endless", "malformed", "oversized")

    def __init__(self) -> None:
        self.malformed = 0
        """Something else than a request for a policy."""
        self.oversized = 0
        """Longer than `REQUEST_BYTES`."""
        self.endless = 0
        """Clients that never end a request."""
        self.bad_address = 0
        """Requests whose client address is none."""

    def counts(self) -> dict[str, int]:
        """Return each kind with its number."""
        return {name: getattr(self, name) for name in sorted(self.__slots__)}


class Conversation:
    """What one client says: `feed` it piece by piece, write what it returns."""

    __slots__ = ("_answer", "_faults", "_rest", "_skipped", "is_endless")

    def __init__(self, answer: Answer, faults: Faults) -> None:
        self._answer = answer
        self._faults = faults
        self._rest = bytearray()
        self._skipped = 0
        self.is_endless = False
        """Nothing more is answered: close the connection."""

    @property
    def is_waiting(self) -> bool:
        """Whether a request has begun and not ended."""
        return bool(self._rest or self._skipped)

    def feed(self, data: bytes, now: float) -> bytes:
        """Take a piece; return the answers to all requests that end in it."""
        size = len(data)
        if self._rest or self._skipped or not _LEAST <= size <= REQUEST_BYTES:
            return self._feed(data, now)
        if data.find(_END) == size - 2:
            return self._answer(data, now)
        return self._feed(data, now)

    def _feed(self, data: bytes, now: float) -> bytes:
        if self.is_endless:
            return b""
        answers = []
        looked = max(0, len(self._rest) - 1)
        self._rest += data
        start = 0
        while (end := self._rest.find(_END, max(looked, start))) >= 0:
            end += len(_END)
            answers.append(self._whole(bytes(self._rest[start:end]), now))
            start = end
        del self._rest[:start]
        self._skip_too_long()
        return b"".join(answers)

    def _whole(self, request: bytes, now: float) -> bytes:
        if self._skipped or len(request) > REQUEST_BYTES:
            self._skipped = 0
            self._faults.oversized += 1
            return DUNNO
        if len(request) == len(_END):
            self._faults.malformed += 1
            return DUNNO
        return self._answer(request, now)

    def _skip_too_long(self) -> None:
        if not self._skipped and len(self._rest) <= REQUEST_BYTES:
            return
        kept = 1 if self._rest.endswith(b"\n") else 0
        self._skipped += len(self._rest) - kept
        del self._rest[: len(self._rest) - kept]
        if self._skipped > ENDLESS_BYTES:
            self._rest.clear()
            self._faults.endless += 1
            self.is_endless = True


def is_request(data: bytes) -> bool:
    """Whether a request is one for a policy, whose form is known."""
    return data.startswith(BEGINNING) or b"\n" + BEGINNING in data


def value_of(data: bytes, name: bytes) -> bytes:
    """Return what the first line of this name says; empty if there is none."""
    needle = name + b"="
    start = 0
    if not data.startswith(needle):
        start = data.find(b"\n" + needle) + 1
        if not start:
            return b""
    start += len(needle)
    return data[start : data.find(b"\n", start)]
