"""Carrying out a round on a lab: probe, steps at their instants, and everything healed in the end.

Nothing is judged here; what was done, when, and what was seen is handed on.
"""

import dataclasses
import time
from dataclasses import dataclass, field

from chaos.core.course import Performed
from chaos.core.steps import Change, Heal, HealAll, Inject, Layout, Round, Step
from chaos.errors import ChaosError
from chaos.noise import Metronome
from chaos.writing import Writer
from workers.lab import probing
from workers.lab.core.faults import Fault
from workers.lab.core.probe_report import ProbeReport
from workers.lab.errors import LabError
from workers.lab.lab import Lab

TAIL_SECONDS = 4.0
"""What the probe goes on for after everything was healed."""


@dataclass(slots=True)
class Seen:
    """A round as it went."""

    probe: ProbeReport
    performed: list[Performed]
    stalls: list[tuple[float, float]] = field(default_factory=list)


def perform(lab: Lab, writer: Writer, round_: Round, layout: Layout) -> Seen:
    """One round; the lab is without faults, and has its definitions, before and after."""
    performed: list[Performed] = []
    vips = (*layout.vips, *layout.spare_vips)
    with Metronome() as metronome:
        running = probing.start(
            dataclasses.replace(lab.record, vips=vips),
            vips,
            round_.ends + TAIL_SECONDS,
            banners=False,
        )
        try:
            started = time.monotonic()
            for step in round_.steps:
                time.sleep(max(0.0, started + step.at - time.monotonic()))
                performed.append(_do(lab, writer, step))
            probe = running.report()
        except BaseException:
            running.abandon()
            lab.heal()
            raise
    return Seen(probe, performed, metronome.stalls)


def watch(lab: Lab, layout: Layout, seconds: float) -> ProbeReport:
    """The control period: nothing is done."""
    return probing.start(lab.record, layout.vips, seconds, banners=False).report()


def _do(lab: Lab, writer: Writer, step: Step) -> Performed:
    """A fault whose agent is not there is left out; nothing else may fail."""
    began = time.monotonic()
    try:
        return _done(lab, writer, step, began)
    except LabError as error:
        if not isinstance(step.deed, Inject):
            raise ChaosError(f"{step.deed} could not be done: {error}") from error
        return Performed(step, began, time.monotonic(), note=str(error))


def _done(lab: Lab, writer: Writer, step: Step, began: float) -> Performed:
    faults: tuple[Fault, ...] = ()
    match step.deed:
        case Inject(kind, words):
            injection = lab.inject(kind, words)
            began, faults = injection.struck_at, (injection.fault,)
        case Heal(kind, hosts):
            faults = tuple(lab.heal(kind.value, *hosts))
        case Change():
            writer.change(step.deed)
        case HealAll():
            faults = tuple(lab.heal())
            writer.restore()
    return Performed(step, began, time.monotonic(), faults)
