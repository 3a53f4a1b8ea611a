"""Leases on the real kernel: they end by themselves in time; nothing outlives or revives them."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.integration.plumbing import OWN, OWN6, VIPS, VIPS6, changes, host, plumbing, renew, take
from tests.integration.segment import ANCHOR, FOREVER, Host, define, wait_until
from workers.failover.core.events import KernelChanged
from workers.failover.plumber import Plumber

ROOT = Path(__file__).parents[2]
LEASE_SECONDS = 1
ENDS_WITHIN_SECONDS = LEASE_SECONDS + 0.6
__all__ = ["host"]


# What ends a lease.


def test_leases_end_in_their_time_never_early_and_the_own_address_stays(host: Host) -> None:
    vips = (*VIPS, *VIPS6)
    with plumbing(define(*vips)) as plumber:
        take(plumber, *vips)
        began = time.monotonic()
        renew(plumber, *vips)
        renewed = time.monotonic()

        first = wait_until(lambda: not host.has(*vips))
        wait_until(lambda: not host.addresses().keys() & set(vips), ENDS_WITHIN_SECONDS)
        last = time.monotonic()

        assert began + LEASE_SECONDS - 0.03 <= first
        assert last <= renewed + ENDS_WITHIN_SECONDS + 0.1  # ours to see it
        assert host.has(OWN, OWN6)
        assert changes(plumber) == [KernelChanged(gone=vips)]


def test_a_late_renewal_brings_nothing_back(host: Host) -> None:
    vips = (*VIPS, *VIPS6)
    with plumbing(define(*vips)) as plumber:
        take(plumber, *vips)
        wait_until(lambda: not host.addresses().keys() & set(vips))

        renew(plumber, *vips)

        assert not host.addresses().keys() & set(vips)
        assert changes(plumber) == [KernelChanged(gone=vips)]


def test_deleting_the_anchor_releases_everything_at_once(host: Host) -> None:
    with plumbing(define(*VIPS)) as plumber:
        take(plumber, *VIPS)

        host.ip("addr", "del", f"{ANCHOR}/0", "dev", "eth0")

        assert not host.addresses().keys() & set(VIPS)
        assert changes(plumber) == [KernelChanged(gone=VIPS)]
        assert host.has(OWN)


@contextmanager
def holder(host: Host, *vips: str, wrap: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds VIPs; its first line waits to be read."""
    arguments = (sys.executable, "-m", "tests.integration.holder", str(LEASE_SECONDS), *vips)
    process = subprocess.Popen(
        ("ip", "netns", "exec", host.name, *wrap, *arguments),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def told(process: subprocess.Popen[str]) -> dict[str, list[str]]:
    assert process.stdout is not None
    found: dict[str, list[str]] = json.loads(process.stdout.readline())
    return found


def test_a_stopped_process_loses_its_lease_and_gets_nothing_back(host: Host) -> None:
    with holder(host, *VIPS, *VIPS6) as process:
        assert told(process)["added"] == [*VIPS, *VIPS6]
        time.sleep(ENDS_WITHIN_SECONDS)
        assert host.has(*VIPS, *VIPS6)  # renewals carry it

        stopped = time.monotonic()
        process.send_signal(signal.SIGSTOP)
        gone = wait_until(lambda: not host.addresses().keys() & {*VIPS, *VIPS6})
        process.send_signal(signal.SIGCONT)
        time.sleep(0.4)  # some renewals, all of them too late

        assert gone - stopped <= ENDS_WITHIN_SECONDS + 0.1
        assert not host.addresses().keys() & {*VIPS, *VIPS6}


def test_a_killed_process_is_restarted_within_the_lease_and_adopts(host: Host) -> None:
    with holder(host, *VIPS, *VIPS6) as process:
        told(process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with closing(Plumber("one", define(*VIPS, *VIPS6))) as plumber:
        assert plumber.open().adoptable == (*VIPS, *VIPS6)
        for _ in range(14):
            renew(plumber, *VIPS, *VIPS6)
            assert plumber.read() == []
            time.sleep(0.1)
        assert host.has(*VIPS, *VIPS6)


# Promotion of secondaries.


def test_promotion_alone_makes_vips_outlive_their_lease(host: Host) -> None:
    with plumbing(define(*VIPS)) as plumber:
        take(plumber, *VIPS)
        host.promotion(1)

        wait_until(lambda: not host.has(ANCHOR))

        assert host.has(*VIPS)  # the trap
        assert changes(plumber) == [KernelChanged(gone=VIPS)]  # and the way out of it
        assert not host.addresses().keys() & set(VIPS)


def test_a_start_removes_what_promotion_kept(host: Host) -> None:
    with plumbing(define(*VIPS)) as plumber:
        take(plumber, *VIPS)
        host.promotion(1)
    wait_until(lambda: not host.has(ANCHOR))

    with closing(Plumber("one", define(*VIPS))) as plumber:
        assert plumber.open().adoptable == ()
        assert host.addresses().keys() == {OWN, OWN6}


def test_promotion_is_switched_off_again_before_every_addition_and_renewal(host: Host) -> None:
    with plumbing(define(*VIPS)) as plumber:
        for interface in ("eth0", "all"):
            for act in (take, renew):
                host.promotion(1, interface)

                act(plumber, *VIPS)

                assert host.promotion(interface=interface) == 0
            assert any(f"/{interface}/" in warning for warning in plumber.warnings())
        wait_until(lambda: not host.addresses().keys() & set(VIPS))


def test_where_promotion_cannot_be_off_each_vip_has_its_own_lease(host: Host) -> None:
    host.promotion(1)
    readonly = "mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys"
    with holder(host, *VIPS, wrap=("sh", "-c", f'{readonly} && exec "$@"', "sh")) as process:
        said = told(process)

        assert said["added"] == list(VIPS)
        assert any("cannot be set to 0" in warning for warning in said["warnings"])
        time.sleep(1.5 * LEASE_SECONDS)
        assert host.has(*VIPS)
        assert all(host.valid_seconds(vip) <= LEASE_SECONDS for vip in VIPS)
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: not host.addresses().keys() & set(VIPS), 3)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.4)
        assert not host.addresses().keys() & set(VIPS)  # no resurrection by a late renewal


def test_promotion_that_is_switched_on_for_good_gives_each_vip_its_own_lease(host: Host) -> None:
    host.promotion(0)
    host.promotion(0, "all")
    readonly = "mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys"
    with holder(host, *VIPS, wrap=("sh", "-c", f'{readonly} && exec "$@"', "sh")) as process:
        assert told(process)["added"] == list(VIPS)
        assert all(host.valid_seconds(vip) == FOREVER for vip in VIPS)

        host.promotion(1)
        wait_until(lambda: all(host.valid_seconds(vip) <= LEASE_SECONDS for vip in VIPS))

        time.sleep(1.5 * LEASE_SECONDS)
        assert host.has(*VIPS)
        process.send_signal(signal.SIGSTOP)
        wait_until(lambda: not host.addresses().keys() & set(VIPS), 3)


def test_the_operators_own_secondary_address_is_pointed_out(host: Host) -> None:
    host.ip("addr", "add", "198.18.77.200/16", "dev", "eth0")

    with plumbing(define(*VIPS)) as plumber:
        assert any("198.18.77.200" in warning for warning in plumber.warnings())
        take(plumber, *VIPS)
        wait_until(lambda: not host.has(VIPS[0]))
        assert host.has(OWN, "198.18.77.200")
