"""The pages in a real browser with a real cluster behind: a power loss, and a hung listener."""

import os
import re
import signal
from collections import Counter
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.lab import browsing
from tests.lab.browsing import wait_for_freshness, wait_for_owner
from tests.lab.managed import ManagedLab
from workers.lab.core.faults import FaultKind

FAILOVER_SECONDS = 10.0
BOOT_SECONDS = 40.0


@pytest.fixture
def managed(managed_lab: ManagedLab) -> Iterator[ManagedLab]:
    """The session's managed lab, all green before and without faults after."""
    managed_lab.settle()
    yield managed_lab
    managed_lab.lab.heal()


@pytest.fixture
def page(managed: ManagedLab) -> Iterator[Page]:
    """The overview, live."""
    with (
        browsing.chromium() as browser,
        browsing.signed_in(browser, managed.url, "admin", managed.lab.manager_password) as found,
    ):
        wait_for_freshness(found, "live")
        yield found


def test_the_page_follows_a_failover_says_when_it_cannot_and_catches_up(
    managed: ManagedLab, page: Page
) -> None:
    lab = managed.lab
    before = managed.owners()
    victim = Counter(before.values()).most_common(1)[0][0]
    lost = [vip for vip, owner in before.items() if owner == victim]
    card = page.locator(f'.card[data-node="{victim}"]')

    lab.inject(FaultKind.POWER_LOSS, (victim,))

    for vip in lost:
        row = f'tr[data-vip="{vip}"]:not([data-owner="{victim}"]):not([data-owner=""])'
        page.wait_for_selector(row, timeout=FAILOVER_SECONDS * 1000)
    expect(card).to_contain_text("dead")
    expect(page.locator(f'tr[data-vip="{lost[0]}"]')).to_contain_text("its owner died")
    listeners = [one.pid for one in lab.processes() if one.role == "listener"]
    for pid in listeners:
        os.kill(pid, signal.SIGSTOP)
    try:
        wait_for_freshness(page, "stale")
        expect(page.locator("#fresh")).to_have_text(re.compile(r"stale since \d\d:\d\d:\d\d"))
        lab.heal()
        expect(card).to_contain_text("dead")
    finally:
        for pid in listeners:
            os.kill(pid, signal.SIGCONT)
    wait_for_freshness(page, "live")
    expect(card).to_contain_text("alive", timeout=BOOT_SECONDS * 1000)
    for vip, owner in managed.owners().items():
        wait_for_owner(page, vip, owner)
