"""The probe on the real kernel: moves and double owners made by hand between two hosts."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from workers.lab.core.probe_report import ProbeReport
from workers.lab.core.timeline import GAP_SECONDS

ROOT = Path(__file__).parents[2]
VIP = "198.19.250.101"
VIP6 = "fd00:250::101"
WATCHER = "198.19.250.254"
HOSTS = {"one": "11", "two": "12", "client": "201"}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for network namespaces")


def ip(*arguments: str) -> str:
    """Run ip to its end; its complaint is the test's failure."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(arguments)}: {done.stderr}"
    return done.stdout


class Hosts:
    """Namespaces `one`, `two`, `client` on a switch, each of the first two with an echo server."""

    def __init__(self) -> None:
        """Build everything."""
        self.prefix = f"mt-probe-{os.getpid()}-{secrets.token_hex(2)}"
        self.echoes: list[subprocess.Popen[bytes]] = []
        ip("netns", "add", self.name("switch"))
        ip("-n", self.name("switch"), "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
        ip("-n", self.name("switch"), "link", "set", "br0", "up")
        for host, place in HOSTS.items():
            self._add(host, place)
        self.echoes = [self._echo(host) for host in ("one", "two")]

    def name(self, host: str) -> str:
        """Name of the namespace."""
        return f"{self.prefix}-{host}"

    def _add(self, host: str, place: str) -> None:
        switch, inside = self.name("switch"), self.name(host)
        ip("netns", "add", inside)
        ip("-n", switch, "link", "add", host, "type", "veth", "peer", "eth0", "netns", inside)
        ip("-n", switch, "link", "set", host, "master", "br0", "up")
        ip("-n", inside, "link", "set", "lo", "up")
        ip("-n", inside, "address", "add", f"198.19.250.{place}/24", "dev", "eth0")
        ip("-n", inside, "address", "add", f"fd00:250::{place}/64", "dev", "eth0", "nodad")
        ip("-n", inside, "link", "set", "eth0", "up")

    def _echo(self, host: str) -> subprocess.Popen[bytes]:
        command = ["ip", "netns", "exec", self.name(host), sys.executable, "-m", "workers.lab.echo"]
        return subprocess.Popen([*command, host], cwd=ROOT)

    def give(self, host: str, vip: str = VIP, *, announce: bool = True) -> None:
        """Put the VIP on a host; the kernel announces it with arp_notify only when told."""
        length = "/128" if ":" in vip else "/32"
        extra = ["nodad"] if ":" in vip else []
        ip("-n", self.name(host), "address", "add", vip + length, "dev", "eth0", *extra)
        if announce:
            self._announce(host)

    def _announce(self, host: str) -> None:
        code = (
            "import socket,struct;s=socket.socket(17,3,0);s.bind(('eth0',0x806));"
            f"v=socket.inet_aton('{VIP}');m=s.getsockname()[4];"
            "s.send(b'\\xff'*6+m+struct.pack('!HHHBBH',0x806,1,0x800,6,4,1)+m+v+bytes(6)+v)"
        )
        command = ["ip", "netns", "exec", self.name(host), sys.executable, "-c", code]
        subprocess.run(command, check=True)

    def take_away(self, host: str, vip: str = VIP) -> None:
        """Remove the VIP from a host."""
        length = "/128" if ":" in vip else "/32"
        ip("-n", self.name(host), "address", "delete", vip + length, "dev", "eth0")

    def mac(self, host: str) -> str:
        """Link address of a host."""
        links = msgspec.json.decode(ip("-j", "-n", self.name(host), "link", "show", "eth0"))
        return str(links[0]["address"])

    def probe(self, seconds: float, *vips: str) -> subprocess.Popen[bytes]:
        """Start a probe on the client and wait until it asks."""
        command = ["ip", "netns", "exec", self.name("client"), sys.executable]
        command += ["-m", "workers.lab.probe", "--interface", "eth0", "--watcher", WATCHER]
        command += ["--seconds", str(seconds), "--vip", *vips]
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stderr is not None
        assert process.stderr.readline() == b"probing\n"
        return process

    def close(self) -> None:
        """Leave nothing."""
        for echo in self.echoes:
            echo.kill()
            echo.wait()
        for host in ("switch", *HOSTS):
            subprocess.run(["ip", "netns", "delete", self.name(host)], check=False)


def report_of(process: subprocess.Popen[bytes]) -> ProbeReport:
    """What the probe printed at its end."""
    output, complaint = process.communicate(timeout=30)
    assert process.returncode == 0, complaint
    return msgspec.json.decode(output, type=ProbeReport)


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    """Fresh hosts for each test."""
    made = Hosts()
    try:
        wait_for_echoes(made)
        yield made
    finally:
        made.close()


def wait_for_echoes(made: Hosts) -> None:
    """Both echo servers have bound their port."""
    deadline = time.monotonic() + 10
    for host in ("one", "two"):
        while True:
            command = ["ip", "netns", "exec", made.name(host), "ss", "-Hlun", "sport = :7"]
            if subprocess.run(command, capture_output=True, check=True).stdout.strip():
                break
            assert time.monotonic() < deadline, f"no echo on {host}"
            time.sleep(0.05)


def test_an_undisturbed_vip_has_no_outage_and_one_owner(hosts: Hosts) -> None:
    """Given a VIP on one host, when nothing happens, then only the probe's noise shows."""
    hosts.give("one")
    found = report_of(hosts.probe(1.5, VIP)).of(VIP)
    assert found.answered >= 0.95 * found.sent
    assert found.outage < 0.1
    assert found.two_owners == 0
    assert [span.who for span in found.owners] == [("one",)]
    assert {mac for span in found.macs for mac in span.who} == {hosts.mac("one")}


def test_a_vip_that_is_away_is_out_for_as_long(hosts: Hosts) -> None:
    """Given a VIP taken from a host and given to another, then the outage is the time between."""
    hosts.give("one")
    probe = hosts.probe(2.5, VIP)
    time.sleep(0.5)
    gone = time.monotonic()
    hosts.take_away("one")
    time.sleep(0.4)
    hosts.give("two")
    back = time.monotonic()
    found = report_of(probe).of(VIP)
    assert 0.35 < found.outage <= back - gone + 0.1
    assert any(gone - 0.1 < gap.start < back for gap in found.gaps)
    assert all(gap.seconds > GAP_SECONDS for gap in found.gaps)
    assert [span.who for span in found.owners] == [("one",), ("two",)]
    assert found.two_owners == 0


def test_an_unannounced_move_stays_out_although_the_wire_shows_the_new_owner(hosts: Hosts) -> None:
    """Given a move nobody announced, then raw answers do not mend the client's cache."""
    hosts.give("one")
    probe = hosts.probe(2.5, VIP)
    time.sleep(0.5)
    hosts.take_away("one")
    hosts.give("two", announce=False)
    found = report_of(probe).of(VIP)
    assert found.macs[-1].who == (hosts.mac("two"),)
    assert [span.who for span in found.owners] == [("one",)]
    assert found.outage > 1.2


def test_two_owners_are_counted_for_as_long_as_both_answer(hosts: Hosts) -> None:
    """Given a VIP on two hosts for a while, then the time with two owners is that while."""
    hosts.give("one")
    probe = hosts.probe(2.5, VIP)
    time.sleep(0.5)
    both = time.monotonic()
    hosts.give("two", announce=False)
    time.sleep(0.5)
    hosts.take_away("two")
    alone = time.monotonic()
    found = report_of(probe).of(VIP)
    assert 0.4 < found.two_owners <= alone - both + 0.05
    assert found.two_owners_from is not None
    assert both <= found.two_owners_from <= both + 0.3
    assert {hosts.mac("one"), hosts.mac("two")} in [set(span.who) for span in found.macs]


def test_ipv6_is_measured_alike(hosts: Hosts) -> None:
    """Given an IPv6 VIP on two hosts, then echo and neighbour solicitations see it."""
    hosts.give("one", VIP6, announce=False)
    probe = hosts.probe(2.0, VIP6)
    time.sleep(0.5)
    hosts.give("two", VIP6, announce=False)
    found = report_of(probe).of(VIP6)
    assert found.answered >= 0.9 * found.sent
    assert found.two_owners > 0.5
    assert {mac for span in found.macs for mac in span.who} == {hosts.mac("one"), hosts.mac("two")}


def test_a_signal_ends_the_measure_with_a_report(hosts: Hosts) -> None:
    """Given a long measure, when it is told to stop, then it reports what it has."""
    hosts.give("one")
    probe = hosts.probe(600, VIP)
    time.sleep(0.3)
    probe.send_signal(signal.SIGTERM)
    report = report_of(probe)
    assert 0.1 < report.ended - report.started < 10
    assert report.of(VIP).answered > 0


def test_many_vips_keep_the_probe_bounded(hosts: Hosts) -> None:
    """Given more VIPs than a burst, then cohorts take turns and the echo asks a sample."""
    vips = [f"198.19.250.{last}" for last in range(100, 200)]
    lines = "".join(f"address add {vip}/32 dev eth0\n" for vip in vips)
    command = ["ip", "-n", hosts.name("one"), "-batch", "-"]
    subprocess.run(command, input=lines.encode(), check=True)
    report = report_of(hosts.probe(2.0, *vips))
    assert len(report.vips) == 100
    assert {each.measured_by for each in report.vips} == {"echo", "raw"}
    assert all(each.answered >= 0.9 * each.sent > 0 for each in report.vips)
    assert report.two_owners == 0
