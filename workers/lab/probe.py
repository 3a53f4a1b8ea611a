"""The probe: what a client of the VIPs sees, every 5 ms; our measure of truth.

`python -m workers.lab.probe --interface eth0 --watcher 198.18.0.254 --seconds 5 --vip ...` runs on
the client host, says `probing` on stderr once it has begun, and prints a `ProbeReport` as JSON on
stdout at the end (or at SIGTERM). Per round and VIP: a UDP echo through the kernel's neighbour
cache, and a raw ARP or neighbour question beside it. One wake-up a round at an absolute deadline;
arithmetic and plan are in `core`.
"""

import argparse
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Sequence

import msgspec

from workers.lab import echo, probe_banners, probe_frames
from workers.lab.core.probe_plan import INTERVAL_SECONDS, plan
from workers.lab.core.probe_report import Overhead, ProbeReport, Recording, report, report_vip
from workers.lab.core.timeline import Answer, Round, percentile, round_of
from workers.lab.probe_sockets import Echo, Wire

LINGER_SECONDS = 0.05
"""How long the last questions may wait for their answers."""
PRIORITY = 10
"""Real-time priority: the measure must not be the scheduler's noise."""


class Measure:
    """One run: asks and records; `run` until the end or `stop`."""

    def __init__(
        self, vips: Sequence[str], interface: str, watcher: str, port: int, interval: float
    ) -> None:
        """Open the sockets and build every frame beforehand."""
        self._vips = tuple(dict.fromkeys(vips))
        self._plan = plan(self._vips)
        self._interval = interval
        families = sorted({probe_frames.family(vip) for vip in vips})
        self._echoes = {family: Echo(family, port) for family in families}
        self._wires = {
            family: Wire(family, interface, probe_frames.packed(watcher)) for family in families
        }
        self._frames = [
            [
                [(self._wire(vip), self._wire(vip).question(vip, mark)) for vip in cohort]
                for mark in range(probe_frames.MARKS)
            ]
            for cohort in self._plan.cohorts
        ]
        self._targets = [(self._echoes[probe_frames.family(vip)], vip) for vip in self._plan.echoed]
        self._asked: list[float] = []
        self._late: list[float] = []
        self._answers: dict[str, list[Answer]] = {vip: [] for vip in self._plan.echoed}
        self._seen: dict[bytes, dict[int, set[bytes]]] = {
            probe_frames.packed(vip): {} for cohort in self._plan.cohorts for vip in cohort
        }
        self._stopped = False

    def stop(self) -> None:
        """End the run after the round in progress."""
        self._stopped = True

    def run(self, seconds: float) -> ProbeReport:
        """Ask for `seconds`, then report."""
        start, cpu = time.monotonic(), time.process_time()
        slot, slots = 0, max(1, round(seconds / self._interval))
        while slot < slots and not self._stopped:
            time.sleep(max(0.0, start + slot * self._interval - time.monotonic()))
            self._read()
            now = time.monotonic()
            self._late.append(now - start - slot * self._interval)
            self._ask(now)
            slot = max(slot + 1, int((time.monotonic() - start) / self._interval))
        end = time.monotonic()
        time.sleep(LINGER_SECONDS)
        self._read()
        overhead = self._overhead(slot, (time.process_time() - cpu) / max(end - start, 1e-9))
        return self._report(start, end, overhead)

    def close(self) -> None:
        """Close the sockets."""
        for door in self._echoes.values():
            door.close()
        for wire in self._wires.values():
            wire.close()

    def _wire(self, vip: str) -> Wire:
        return self._wires[probe_frames.family(vip)]

    def _ask(self, now: float) -> None:
        number = len(self._asked)
        self._asked.append(now)
        question = b"muster %d" % number
        for door, vip in self._targets:
            door.ask(vip, question)
        cohort = self._frames[number % len(self._frames)]
        for wire, frame in cohort[number % probe_frames.MARKS]:
            wire.ask(frame)

    def _read(self) -> None:
        for door in self._echoes.values():
            for vip, answer in door.read():
                if vip in self._answers:
                    self._answers[vip].append(answer)
        newest = len(self._asked) - 1
        for wire in self._wires.values():
            for address, mac, mark in wire.read():
                if address in self._seen:
                    number = round_of(mark, newest, probe_frames.MARKS)
                    self._seen[address].setdefault(number, set()).add(mac)

    def _overhead(self, slots: int, cpu: float) -> Overhead:
        return Overhead(
            rounds=len(self._asked),
            skipped=slots - len(self._asked),
            late_p99=percentile(self._late, 99),
            late_max=max(self._late, default=0.0),
            cpu_percent=100 * cpu,
        )

    def _report(self, start: float, end: float, overhead: Overhead) -> ProbeReport:
        raw_interval = self._plan.raw_interval(self._interval)
        reports = [
            report_vip(self._recording(vip), start, end, self._interval, raw_interval)
            for vip in self._vips
        ]
        return report(reports, start, end, overhead)

    def _recording(self, vip: str) -> Recording:
        seen = self._seen[probe_frames.packed(vip)]
        cohorts = self._plan.cohorts
        first = next(number for number, cohort in enumerate(cohorts) if vip in cohort)
        rounds = [
            Round(self._asked[each], frozenset(map(probe_frames.mac_text, seen.get(each, ()))))
            for each in range(first, len(self._asked), len(cohorts))
        ]
        return Recording(
            vip=vip, answers=self._answers.get(vip), echoes=len(self._asked), rounds=rounds
        )


def _be_prompt() -> None:
    """Real-time scheduling, no collector pauses; where refused, the measure is only noisier."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(PRIORITY))
    gc.collect()
    gc.freeze()
    gc.disable()


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="probe", description="Measure VIPs from this host.")
    parser.add_argument("--vip", nargs="+", required=True)
    parser.add_argument("--interface", required=True)
    parser.add_argument("--watcher", required=True, help="an unused IPv4 address of the subnet")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--port", type=int, default=echo.PORT)
    parser.add_argument("--interval", type=float, default=INTERVAL_SECONDS)
    parser.add_argument(
        "--banners", action="store_true", help="ask for one SMTP banner a second too"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Run the measure and print its report."""
    options = _options(arguments)
    measure = Measure(
        options.vip, options.interface, options.watcher, options.port, options.interval
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: measure.stop())
    with probe_banners.asked(options.vip if options.banners else (), options.seconds) as banners:
        _be_prompt()
        print("probing", file=sys.stderr, flush=True)
        found = measure.run(options.seconds)
    measure.close()
    found = probe_banners.add(found, banners.result())
    sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
