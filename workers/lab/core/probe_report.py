"""What a probe's run found, per VIP and as a whole; JSON-able and back.

All instants are CLOCK_MONOTONIC seconds of the machine, so that they compare with the instant of a
fault. Pure: the recording is `workers.lab.probe`'s, the arithmetic `workers.lab.core.timeline`'s.
"""

from collections.abc import Sequence

import msgspec

from workers.lab.core.timeline import (
    GAP_SECONDS,
    Answer,
    Gap,
    Round,
    Span,
    answer_spans,
    gaps,
    longest,
    round_spans,
    two_owners,
)


class Banners(msgspec.Struct, frozen=True):
    """SMTP banners asked for, one a second: how many were a 220, how many were not."""

    ok: int = 0
    failed: int = 0
    errors: tuple[str, ...] = ()


class VipReport(msgspec.Struct, frozen=True, kw_only=True):
    """One VIP over the measure."""

    vip: str
    measured_by: str
    """`echo` (through the client's neighbour cache) or `raw` (frames alone: many VIPs)."""
    interval: float
    sent: int
    answered: int
    first: float | None
    last: float | None
    outage: float
    outage_from: float
    gaps: tuple[Gap, ...]
    """Longer than 20 ms."""
    owners: tuple[Span, ...]
    """Who answered the echo, as nodes name themselves."""
    two_owners: float
    two_owners_from: float | None
    raw_interval: float
    macs: tuple[Span, ...]
    """Who answered on the wire; a span of nobody is a silence."""
    banners: Banners | None = None


class Overhead(msgspec.Struct, frozen=True, kw_only=True):
    """The probe's own share in what it measured."""

    rounds: int
    skipped: int
    late_p99: float
    late_max: float
    cpu_percent: float


class ProbeReport(msgspec.Struct, frozen=True, kw_only=True):
    """The whole run. `outage` and `two_owners` are the worst of all VIPs."""

    started: float
    ended: float
    outage: float
    two_owners: float
    vips: tuple[VipReport, ...]
    overhead: Overhead

    def of(self, vip: str) -> VipReport:
        """The report of one VIP; KeyError if it was not measured."""
        for report in self.vips:
            if report.vip == vip:
                return report
        raise KeyError(vip)


class Recording(msgspec.Struct, kw_only=True):
    """What was recorded of one VIP; `answers` is None where no echo was asked."""

    vip: str
    answers: list[Answer] | None
    echoes: int
    rounds: Sequence[Round]
    banners: Banners | None = None


def report_vip(
    recording: Recording, start: float, end: float, interval: float, raw_interval: float
) -> VipReport:
    """Condense a recording of a measure from `start` to `end`."""
    rounds, answers = recording.rounds, recording.answers
    if answers is None:
        arrivals = [each.at for each in rounds if each.macs]
        sent, step = len(rounds), raw_interval
    else:
        arrivals = sorted(answer.at for answer in answers)
        sent, step = recording.echoes, interval
    found = gaps(arrivals, start, end, step)
    worst = longest(found)
    return VipReport(
        vip=recording.vip,
        measured_by="raw" if answers is None else "echo",
        interval=step,
        sent=sent,
        answered=len(arrivals),
        first=arrivals[0] if arrivals else None,
        last=arrivals[-1] if arrivals else None,
        outage=worst.seconds,
        outage_from=worst.start,
        gaps=tuple(gap for gap in found if gap.seconds > GAP_SECONDS),
        owners=tuple(answer_spans(answers or ())),
        two_owners=two_owners(rounds, raw_interval),
        two_owners_from=next((each.at for each in rounds if len(each.macs) > 1), None),
        raw_interval=raw_interval,
        macs=tuple(round_spans(rounds)),
        banners=recording.banners,
    )


def report(
    reports: Sequence[VipReport], start: float, end: float, overhead: Overhead
) -> ProbeReport:
    """The whole run out of its VIPs."""
    return ProbeReport(
        started=start,
        ended=end,
        outage=max((each.outage for each in reports), default=0.0),
        two_owners=max((each.two_owners for each in reports), default=0.0),
        vips=tuple(reports),
        overhead=overhead,
    )
