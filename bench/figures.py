"""Figures out of one run: how long a client went without, who it was misled to, how moves went.

Pure. Echo spans say which node the client talks to, wire spans who answers for the address; the
*keeper* at an instant is whoever answers alone then, or the next to answer alone when several do or
nobody does.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bench.report import Done, Run
from workers.lab.core.probe_report import VipReport
from workers.lab.core.timeline import GAP_SECONDS, Span

SOON_SECONDS, MISLED_SECONDS = 1.0, 0.1


def outage(run: Run) -> float:
    """The longest outage of any VIP."""
    return run.probe.outage


def outage_until_healing(run: Run) -> float:
    """The longest outage while the fault was in force; what follows has figures of its own."""
    end = run.healed_at
    if end >= run.probe.ended:
        return run.probe.outage
    return max((_until(each, end) for each in run.probe.vips), default=0.0)


def two_owners(run: Run) -> float:
    """The longest time any VIP had two owners."""
    return run.probe.two_owners


def outage_after_lease(run: Run) -> float:
    """The worst of the victim's VIPs: from its kernel's last answer to the heir's first echo."""
    found = (_after_lease(run, run.probe.of(vip)) for vip in run.victim_vips)
    return max(found, default=0.0)


def client_wrong(run: Run) -> float:
    """The worst VIP: from the healing until the client has the keeper's answers and keeps them.

    Later than a second after the healing only a client that is misled counts, and for 0.1 s at
    least: an address that nobody has for a moment is moving, and that has rows of its own.
    """
    healed_at = run.healed_at
    found = ((end, each) for each in run.probe.vips for _, end in _wrong(run, each, healed_at))
    return max((end - healed_at for end, _ in found), default=0.0)


def kept_outage(run: Run) -> float:
    """The longest gap after the healing in a VIP that stays with the node the client had then."""
    healed_at = run.healed_at
    found = [
        gap.seconds
        for each in run.probe.vips
        if _talking_to(each, healed_at) == _talking_to(each, run.probe.ended)
        for gap in each.gaps
        if gap.end > healed_at
    ]
    return max(found, default=0.0)


def move_outages(run: Run) -> tuple[float, ...]:
    """Per move that was asked for: the longest gap of its VIP until its next move."""
    return tuple(
        max(_gaps_between(run.probe.of(move.vip), move.at, end), default=0.0)
        for move, end in _moves(run)
    )


def unmoved(run: Run) -> float:
    """How many moves had not come about by the next move of the VIP, or the end."""
    return float(sum(_talking_to(run.probe.of(m.vip), end) != m.node for m, end in _moves(run)))


def _after_lease(run: Run, each: VipReport) -> float:
    last = max((span.end for span in each.macs if run.victim_mac in span.who), default=None)
    if last is None or run.struck_at is None:
        return run.probe.ended - run.probe.started
    heirs = (span for span in each.owners if span.start > run.struck_at)
    first = min((s.start for s in heirs if s.who != (run.victim,)), default=run.probe.ended)
    return max(0.0, first - last - each.interval)


def _until(each: VipReport, end: float) -> float:
    """The longest gap before `end`; one below those listed is known if it is the longest of all."""
    found = [min(g.end, end) - g.start - each.interval for g in each.gaps if g.start < end]
    return max(found, default=each.outage if each.outage_from < end else 0.0)


def _moves(run: Run) -> Iterator[tuple[Done, float]]:
    """Each move with the end of what is seen of it."""
    moves = [done for done in run.done if done.node]
    for number, move in enumerate(moves):
        later = (other.at for other in moves[number + 1 :] if other.vip == move.vip)
        yield move, next(later, run.probe.ended)


def _gaps_between(each: VipReport, start: float, end: float) -> Iterator[float]:
    """Gaps in a stretch: those listed, and shorter ones where another node takes over."""
    yield from (gap.seconds for gap in each.gaps if start < gap.end <= end)
    for before, after in itertools.pairwise(each.owners):
        if start < after.start <= end:
            yield max(0.0, after.start - before.end - each.interval)


def _talking_to(each: VipReport, at: float) -> str:
    """The node whose echo came last before an instant."""
    found = [span for span in each.owners if span.start <= at]
    return found[-1].who[0] if found else ""


def _wrong(run: Run, each: VipReport, since: float) -> Iterator[tuple[float, float]]:
    """Stretches after `since` in which the client had no answer, or not the keeper's."""
    keepers = list(_keepers(run, each.macs, run.probe.ended))
    unanswered = ((gap.start, gap.end, "") for gap in each.gaps)
    echoed = ((span.start, span.end, span.who[0]) for span in each.owners)
    for (began, ended, who), keeper in itertools.product((*unanswered, *echoed), keepers):
        start, end = max(since, began, keeper.start), min(ended, keeper.end)
        at_once = start < since + SOON_SECONDS
        least = GAP_SECONDS if at_once else MISLED_SECONDS
        if end - start > least and who != keeper.node and (at_once or not keeper.silent):
            yield start, end


@dataclass(frozen=True, slots=True)
class _Keeper:
    """Who is to be talked to from `start` to `end`; `silent`: nobody answers for the address."""

    start: float
    end: float
    node: str
    silent: bool


def _keepers(run: Run, spans: Iterable[Span], ended: float) -> list[_Keeper]:
    """Without holes; an empty node where nobody is alone any more."""
    found = list(spans)
    ends = [span.start for span in found[1:]] + [ended]
    node, told = "", []
    for span, end in zip(reversed(found), reversed(ends), strict=True):
        if len(span.who) == 1:
            node = run.nodes.get(span.who[0], span.who[0])
        told.append(_Keeper(span.start, end, node, not span.who))
    return told
