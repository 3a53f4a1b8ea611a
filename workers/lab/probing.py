"""Running the probe on a lab's client host, and waiting for what it found.

The probe lives in the client's namespace as a process of the lab (`muster lab ps` shows it); its
questions are asked from an address of the subnet that no host has. Nothing is measured here.
"""

import ipaddress
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from workers.lab.commands import tool
from workers.lab.core.hosts import Role, namespace
from workers.lab.core.probe_report import ProbeReport
from workers.lab.errors import LabError, LabRefused
from workers.lab.network import INTERFACE
from workers.lab.processes import ROLE_VARIABLE
from workers.lab.state import Record

ENDING_SECONDS = 20.0
_PROJECT = Path(__file__).resolve().parents[2]
_WATCHER_PLACE = 254


class RunningProbe:
    """A probe that is asking."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        """`process` has said that it is probing."""
        self._process = process
        self._seconds = seconds

    def stop(self) -> None:
        """End the measure early; `report` still tells what it found."""
        self._process.terminate()

    def report(self) -> ProbeReport:
        """Wait for the end of the measure."""
        try:
            output, complaint = self._process.communicate(timeout=self._seconds + ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            self.abandon()
            raise LabError(f"the probe did not end {ENDING_SECONDS:.0f} s after its time") from None
        if self._process.returncode != 0:
            raise LabError(f"the probe failed: {_last_line(complaint)}")
        return msgspec.json.decode(output, type=ProbeReport)

    def abandon(self) -> None:
        """Kill the probe; nothing is reported."""
        self._process.kill()
        self._process.communicate()


def start(record: Record, vips: Sequence[str], seconds: float, *, banners: bool) -> RunningProbe:
    """Start a probe of `vips`; answers once it asks. LabRefused: no such VIPs or no sense."""
    unknown = [vip for vip in vips if vip not in record.vips]
    if unknown:
        raise LabRefused(f"lab {record.name} has no VIP {', '.join(unknown)}: muster lab status")
    if not vips or seconds <= 0:
        raise LabRefused(
            "nothing to probe: name VIPs (--vip ADDR... or --all) and --seconds above 0"
        )
    base = ipaddress.ip_network(record.subnet).network_address
    client = record.names(Role.CLIENT)[0]
    command = [tool("ip"), "netns", "exec", namespace(record.name, client), sys.executable]
    command += ["-m", "workers.lab.probe", "--interface", INTERFACE, "--seconds", str(seconds)]
    command += ["--watcher", str(base + _WATCHER_PLACE), "--vip", *vips]
    process = subprocess.Popen(
        [*command, "--banners"] if banners else command,
        cwd=_PROJECT,
        env={**os.environ, ROLE_VARIABLE: "probe"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    running = RunningProbe(process, seconds)
    said = process.stderr.readline() if process.stderr else b""
    if said != b"probing\n":
        _, complaint = process.communicate()
        raise LabError(f"the probe did not start: {_last_line(said + complaint)}")
    return running


def _last_line(text: bytes) -> str:
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
