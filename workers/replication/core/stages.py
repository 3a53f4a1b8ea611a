"""What counts at one stage of a mail's reception: Postfix asks at each, for each recipient. Pure.

`answer` is the short way, for a request that nothing stands in the way of: one look at each
attribute that a limit needs, one at each limit's count. Whatever else there is, `judge` decides:
it is the rule, and where both can answer they answer alike. The same message (`instance`) counts
once per stage, a recipient of it once. What is remembered is bounded; beyond it is counted again.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from workers.replication.core.attributes import Values
from workers.replication.core.counting import Places
from workers.replication.core.definitions import Limit, Per, Subject
from workers.replication.core.limit_keys import address_of
from workers.replication.core.policy_protocol import DUNNO, Faults
from workers.replication.core.verdicts import (
    CutOffNow,
    Meter,
    Refusal,
    Window,
    charge,
    deciding,
    refusals_of,
)

KEYS_MAX = 32_768
"""Of each attribute, so many values are known with what they are charged to."""
MESSAGES_MAX = 32_768
"""Messages of one stage that are remembered, so that none counts twice: by what was said."""
REQUEST_BYTES = 4_096
CHARGES_MAX = 20_000
"""Recipients and keys remembered of one message."""
VALUE_BYTES = 512
"""What is longer is worked out anew each time, so that what is known stays small."""
RECIPIENTS_MAX = 1_000_000
"""A client that says more recipients than this says nonsense."""

ATTRIBUTES = {
    Per.ADDRESS: "client_address",
    Per.NETWORK: "client_address",
    Per.SENDER: "sender",
    Per.SENDER_DOMAIN: "sender",
    Per.RECIPIENT: "recipient",
    Per.RECIPIENT_DOMAIN: "recipient",
    Per.SASL_USER: "sasl_username",
    Per.GLOBAL: "protocol_state",
}
"""What of a request limits count apart."""
_ADDRESS = Values._fields.index("client_address")
_RECIPIENT = Values._fields.index("recipient")
_INSTANCE = Values._fields.index("instance")
_COUNT = Values._fields.index("recipient_count")
USUAL_STAGE = {
    Subject.INBOUND_CONNECTIONS: "CONNECT",
    Subject.INBOUND_OPEN: "CONNECT",
    Subject.INBOUND_MESSAGES: "RCPT",
    Subject.INBOUND_RECIPIENTS: "RCPT",
}
"""Where a limit counts that names no stage; a named throttle without one is asked for by name."""
_WHOLE = frozenset({"DATA", "END-OF-MESSAGE"})
"""Where the number of recipients is said."""
_ENVELOPE = "RCPT"


def stage_of(limit: Limit) -> str:
    """Return where Postfix asks for `limit`; empty if it never does."""
    if not limit.enabled or limit.subject.is_outbound or limit.per not in ATTRIBUTES:
        return ""
    return limit.stage or USUAL_STAGE.get(limit.subject, "")


def short(value: bytes) -> bytes:
    """Return a value, or its hash where it is long."""
    if len(value) <= VALUE_BYTES:
        return value
    return hashlib.blake2b(value, digest_size=32).digest()


class Step:
    """The limits that need one attribute, and what its values are charged to."""

    __slots__ = ("_limits", "_order", "_places", "at", "faults", "known")

    def __init__(self, name: str, limits: Sequence[Limit], places: Places, faults: Faults) -> None:
        self.at = Values._fields.index(name)
        self.known: dict[bytes, tuple[Meter, ...]] = {}
        self.faults = faults
        self._order: deque[bytes] = deque()
        self._limits = limits
        self._places = places

    def charged_to(self, value: bytes, *, is_news: bool = True) -> tuple[Meter, ...]:
        """Return what a value of the attribute is charged to; `is_news`: it is said just now."""
        found = self.known.get(value)
        if found is None:
            text = value.decode("utf-8", "replace")
            if self.at == _ADDRESS and address_of(text) is None:
                self.faults.bad_address += is_news
                return ()
            made = (self._places.meter(limit, text) for limit in self._limits)
            found = tuple(one for one in made if one is not None)
            self._keep(value, found)
        return found

    def _keep(self, value: bytes, found: tuple[Meter, ...]) -> None:
        if len(value) > VALUE_BYTES:
            return
        if len(self._order) >= KEYS_MAX:
            self.known.pop(self._order.popleft(), None)
        self._order.append(value)
        self.known[value] = found


class Past:
    """What one message was charged for so far."""

    __slots__ = ("_charged", "_recipients")

    def __init__(self, meters: Iterable[Meter], recipient: bytes) -> None:
        self._recipients = {recipient}
        self._charged = {(one.limit.name, one.key) for one in meters}

    def has(self, meter: Meter, recipient: bytes) -> bool:
        """Whether the meter was charged for this message, or for this recipient of it."""
        if meter.limit.subject is Subject.INBOUND_RECIPIENTS:
            return recipient in self._recipients
        return (meter.limit.name, meter.key) in self._charged

    def add(self, meters: Sequence[Meter], recipient: bytes) -> None:
        """Note what was charged; too much of one message is not noted."""
        if len(self._charged) + len(self._recipients) < CHARGES_MAX:
            self._recipients.add(recipient)
            self._charged.update((one.limit.name, one.key) for one in meters)


class Stage:
    """One stage with its limits, in the order of their names."""

    def __init__(self, name: str, limits: Sequence[Limit], places: Places, faults: Faults) -> None:
        self.name = name
        self.limits = tuple(limits)
        names = dict.fromkeys(ATTRIBUTES[limit.per] for limit in limits)
        self._steps = tuple(
            Step(one, [each for each in limits if ATTRIBUTES[each.per] == one], places, faults)
            for one in names
        )
        self._ways = tuple((one.at, one.known, one) for one in self._steps)
        self._past: dict[bytes, Past | tuple[bytes, ...]] = {}
        self._order: deque[bytes] = deque()
        counts = any(each.subject is Subject.INBOUND_RECIPIENTS for each in limits)
        self._needs_recipient = counts and name == _ENVELOPE
        looks = any(each.subject.is_gauge for each in limits)
        self.is_plain = not looks and (name == _ENVELOPE or not counts)
        """Whether every limit counts one within a window: the short way is open."""

    def remember(self, other: "Stage") -> None:
        """Take over what the same stage has seen before its limits changed."""
        self._past, self._order = other._past, other._order

    def answer(self, values: tuple[bytes, ...], now: float) -> bytes | None:
        """Return the answer if nothing is reached and the message is new; None: `judge` it.

        For requests of at most `REQUEST_BYTES`: their values are kept.
        """
        instance = values[_INSTANCE]
        if instance in self._past:
            return None
        windows: list[Window] = []
        for at, known, step in self._ways:
            value = values[at]
            found = known.get(value)
            if found is None:
                found = step.charged_to(value)
            for meter in found:
                window = meter.window
                if window.is_cold:
                    window = meter.window = meter.find(meter.cell)
                if now >= window.rolls_at:
                    window.roll(now)
                if window.total >= meter.most:
                    return None
                windows.append(window)
        for window in windows:
            window.add(1, now)
        if instance:
            self._note(instance, values)
        return DUNNO

    def judge(
        self, values: tuple[bytes, ...], cut: CutOffNow | None, test: bool, now: float
    ) -> tuple[Refusal | None, list[Refusal]]:
        """Check all, then charge all; return the refusal that counts, and all that there are."""
        instance = short(values[_INSTANCE])
        recipient = short(values[_RECIPIENT]) if self._needs_recipient else b""
        past = self._past_of(instance)
        asked = [
            (meter, self._number(meter.limit, values[_COUNT]))
            for meter in self.meters(values)
            if past is None or not past.has(meter, recipient)
        ]
        asked = [(meter, number) for meter, number in asked if number]
        over = refusals_of(asked, cut, test, now)
        refusal = deciding(over)
        if refusal is None:
            charge(asked, over, now)
            meters = [meter for meter, _ in asked]
            if past is not None:
                past.add(meters, recipient)
            elif instance:
                self._note(instance, Past(meters, recipient))
        return refusal, over

    def meters(self, values: tuple[bytes, ...], *, is_news: bool = True) -> Iterator[Meter]:
        """Return everything that a request is charged to."""
        for step in self._steps:
            yield from step.charged_to(values[step.at], is_news=is_news)

    def _number(self, limit: Limit, said: bytes) -> int:
        """How much a request counts for `limit`."""
        if limit.subject is not Subject.INBOUND_RECIPIENTS:
            return 1
        if self.name not in _WHOLE:
            return 1 if self.name == _ENVELOPE else 0
        number = int(said) if said.isdigit() and len(said) <= 7 else 0
        return max(1, min(number, RECIPIENTS_MAX))

    def _past_of(self, instance: bytes) -> Past | None:
        past = self._past.get(instance) if instance else None
        if past is None or isinstance(past, Past):
            return past
        recipient = past[_RECIPIENT] if self._needs_recipient else b""
        found = self._past[instance] = Past(self.meters(past, is_news=False), recipient)
        return found

    def _note(self, instance: bytes, past: Past | tuple[bytes, ...]) -> None:
        if len(self._order) >= MESSAGES_MAX:
            self._past.pop(self._order.popleft(), None)
        self._order.append(instance)
        self._past[instance] = past
