"""The limits of one node, made ready once per definitions: who may, who may not, and why. Pure.

Answers Postfix at each stage, and MTAs that ask for what they are going to send. Invariant: what is
refused is charged nowhere; what is admitted is charged everywhere. Exemptions and limits change by
`redefine`; what was counted stays.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from workers.replication.core.attributes import Reader, read
from workers.replication.core.counting import Counters, Places
from workers.replication.core.definitions import Action, CutOff, Limit, Per, Replication, TableType
from workers.replication.core.leases import USUAL_TTL_SECONDS, Lease, Leases
from workers.replication.core.limit_keys import address_of
from workers.replication.core.outbound import Asked, AskedKind, Outbound
from workers.replication.core.policy_protocol import BEGINNING, DUNNO, Faults, is_request
from workers.replication.core.stages import REQUEST_BYTES, Stage, stage_of
from workers.replication.core.verdicts import (
    CutOffNow,
    Gauge,
    Left,
    Meter,
    Refusal,
    Refusals,
    charge,
    deciding,
    refusals_of,
)

RETRY_SECONDS = 1.0
"""When to ask again where nothing says when there is room."""
_POSTFIX = {
    Action.DEFER: ("DEFER_IF_PERMIT", "4.7.1"),
    Action.REJECT: ("REJECT", "5.7.1"),
    Action.HOLD: ("HOLD", ""),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a request is told: `refusal` counts, `over` are all limits without room, tried ones too.

    `lease`: of a connection that is granted; `left`: what each limit has, after the charge.
    """

    refusal: Refusal | None = None
    over: tuple[Refusal, ...] = ()
    lease: Lease | None = None
    left: tuple[Left, ...] = ()
    sentence: str = ""
    retry_after: float = 0.0

    @property
    def is_granted(self) -> bool:
        """Whether the request may go on."""
        return not self.sentence


@dataclass(frozen=True, slots=True)
class Explained:
    """A limit that applies to a key: the count of all nodes, this one's part, and what is left."""

    limit: Limit
    key: str
    value: int
    own: int
    most: int
    remaining: int
    table: str
    cell: str
    stage: str


class Limits:
    """Decides for one node; `counters` are its tables, `nodes` how many share each limit."""

    def __init__(
        self, replication: Replication, counters: Counters, node: str, nodes: int = 1
    ) -> None:
        self._counters = counters
        self._stages: dict[bytes, Stage] = {}
        self._is_cut_off = False
        self._read = Reader().read
        self.requests = 0
        """Answered by policy."""
        self.faults = Faults()
        self.refusals = Refusals()
        self.leases = Leases(node, self._gauge)
        self.redefine(replication, nodes)

    def redefine(self, replication: Replication, nodes: int) -> None:
        """Go by other definitions from now on; messages under way are not charged twice."""
        self.replication, self._nodes = replication, nodes
        self._test = replication.test
        self._places = Places(replication, self._counters)
        self._outbound = Outbound(replication.limits, self._places)
        self._says = {one.name: policy_answer(one) for one in replication.limits}
        by_stage: dict[str, list[Limit]] = {}
        for one in sorted(replication.limits, key=lambda each: each.name):
            if stage := stage_of(one):
                by_stage.setdefault(stage, []).append(one)
        before, self._stages = self._stages, {}
        for name, limits in by_stage.items():
            stage_now = Stage(name, limits, self._places, self.faults)
            if name.encode() in before:
                stage_now.remember(before[name.encode()])
            self._stages[name.encode()] = stage_now
        self.cut_off(self._is_cut_off)

    def cut_off(self, is_cut_off: bool) -> None:
        """Say whether this node hears from its peers."""
        self._is_cut_off = is_cut_off
        how = self.replication.cut_off
        differs = is_cut_off and how is not CutOff.FULL
        self._cut = CutOffNow(how, self._nodes) if differs else None
        self._short = {
            name: stage for name, stage in self._stages.items() if stage.is_plain and not differs
        }

    # Postfix.

    def answer(self, request: bytes, now: float) -> bytes:
        """Answer a request of the policy protocol."""
        self.requests += 1
        values = self._read(request)
        stage = self._short.get(values[0])
        if stage is not None and len(request) <= REQUEST_BYTES and request.startswith(BEGINNING):
            answer = stage.answer(values, now)
            if answer is not None:
                return answer
        return self._judged(request, values, now)

    def decide(self, request: bytes, now: float) -> Verdict:
        """Decide about a request of the policy protocol: check all, then charge all."""
        return self._decided(read(request), now)

    def _judged(self, request: bytes, values: tuple[bytes, ...], now: float) -> bytes:
        if not is_request(request):
            self.faults.malformed += 1
            return DUNNO
        refusal = self._decided(values, now).refusal
        return DUNNO if refusal is None else self._says[refusal.limit]

    def _decided(self, values: tuple[bytes, ...], now: float) -> Verdict:
        stage = self._stages.get(values[0])
        if stage is None:
            return Verdict()
        refusal, over = stage.judge(values, self._cut, self._test, now)
        self.refusals.add(over)
        sentence = refusal.sentence() if refusal else ""
        return Verdict(refusal=refusal, over=tuple(over), sentence=sentence)

    # What MTAs are going to send.

    def check(self, asked: Asked, now: float) -> Verdict:
        """Say whether a request would be granted; nothing is charged."""
        return self._looked_at(asked, list(self._outbound.meters(asked)), now)

    def acquire(self, asked: Asked, now: float, ttl: float = USUAL_TTL_SECONDS) -> Verdict:
        """Grant a request and charge all its limits, or refuse it and charge none."""
        self.leases.end(now)
        meters = list(self._outbound.meters(asked))
        found = self._looked_at(asked, meters, now)
        self.refusals.add(found.over)
        if not found.is_granted:
            return found
        opens = asked.kind is not AskedKind.MESSAGE
        if opens and self.leases.is_full:
            way = "release what is closed, and ask again"
            sentence = f"{len(self.leases)} connections are held already; {way}"
            return Verdict(sentence=sentence, retry_after=RETRY_SECONDS)
        charge([(one, asked.count) for one in meters], found.over, now)
        lease = None
        if opens:
            cells = self._outbound.cells(asked)
            lease = self.leases.acquire(cells, asked.count, ttl, now)
        left = tuple(_left(one, self._cut, now) for one in meters)
        return Verdict(over=found.over, lease=lease, left=left)

    def _looked_at(self, asked: Asked, meters: list[Meter], now: float) -> Verdict:
        over = refusals_of([(one, asked.count) for one in meters], self._cut, self._test, now)
        refusal = deciding(over)
        left = tuple(_left(one, self._cut, now) for one in meters)
        if refusal is None:
            return Verdict(over=tuple(over), left=left)
        meter = next(one for one in meters if one.limit.name == refusal.limit)
        wait = max(RETRY_SECONDS, meter.room_at(now) - now)
        wait = min(wait, meter.limit.window or RETRY_SECONDS)
        return Verdict(refusal, tuple(over), None, left, refusal.sentence(), wait)

    # People.

    def explain(self, key: str, now: float) -> Iterator[Explained]:
        """Tell which limits apply to an address, domain, `binding::domain`, sender or user."""
        for limit in self.replication.limits:
            meter = None
            if limit.enabled and _may_mean(limit, key):
                binding, text = _meant(limit, key)
                meter = self._places.meter(limit, text, binding)
            if meter is not None:
                value, own = meter.value(now), meter.own(now)
                yield Explained(
                    limit=limit,
                    key=meter.key,
                    value=value,
                    own=own,
                    most=meter.most,
                    remaining=max(0, meter.most - value),
                    table=meter.table,
                    cell=meter.cell,
                    stage=stage_of(limit),
                )

    def _gauge(self, table: TableType, cell: str) -> Gauge:
        return self._places.gauge(table, cell)


def policy_answer(limit: Limit) -> bytes:
    """Return what Postfix is told when `limit` is reached."""
    action, code = _POSTFIX[limit.action]
    text = limit.message or f"too many {limit.subject.value.replace('-', ' ')}, try again later"
    if code and text[:2] not in ("4.", "5."):
        text = f"{code} {text}"
    return f"action={action} {text}\n\n".encode("utf-8", "replace")


def _left(meter: Meter, cut: CutOffNow | None, now: float) -> Left:
    value, most = meter.bound(cut, now)
    return Left(meter.limit.name, meter.key, value, most, max(0, most - value))


def _may_mean(limit: Limit, key: str) -> bool:
    """Whether what a limit counts apart may be `key`."""
    if address_of(key) is not None:
        return limit.per in (Per.ADDRESS, Per.NETWORK, Per.GLOBAL)
    return "@" in key or limit.per not in (Per.SENDER, Per.RECIPIENT)


def _meant(limit: Limit, key: str) -> tuple[str, str]:
    """What `key` says of a binding, and of that for which `limit` counts apart."""
    binding = ""
    if "::" in key and address_of(key) is None:
        binding, _, key = key.partition("::")
    if limit.per is Per.BINDING:
        return binding or key, binding or key
    if limit.per in (Per.SENDER_DOMAIN, Per.RECIPIENT_DOMAIN) and "@" not in key:
        key = f"@{key}"
    return binding or limit.binding, key
