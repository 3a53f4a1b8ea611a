"""The page of mail in a real browser: charts and tables, light and dark, on a desk and a phone."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.lab import browsing
from tests.web.mail_numbers import HOSTILE, MailNumbers
from tests.web.seeding import PASSWORD
from tests.web.stage import Stage, staged
from workers.maillog.core.happenings import Kind

CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
WAIT_MS = 60_000
"""A busy machine may take long."""
KEPT = os.environ.get("MUSTER_PICTURES", "")
"""A directory for pictures, for whoever wants to look."""


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailNumbers]:
    """A day on three nodes; the second has a bad hour."""
    made, chance, now = MailNumbers(tmp_path_factory.mktemp("mail")), random.Random(7), time.time()
    for ago in range(86_400, 0, -1_200):
        for node in ("mta1", "mta2", "mta3"):
            bad = node == "mta2" and 20_000 < ago < 26_000
            for kind, most in (
                (Kind.DELIVERED, 30),
                (Kind.DEFERRED, 20 if bad else 3),
                (Kind.BOUNCED, 2),
                (Kind.CONNECTED, 40),
                (Kind.REJECTED, 9),
            ):
                number = chance.randrange(12)
                domain = HOSTILE if number == 11 else f"d{number}.example"
                client = f"2001:db8::{number}:1"
                count = chance.randrange(most)
                made.keep(now - ago, kind, count, node=node, domain=domain, client=client)
    made.fresh(now)
    yield made
    made.close()


@pytest.fixture(scope="module")
def stage(numbers: MailNumbers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MUSTER_MAIL_COUNTS", str(numbers.path))
        with staged(tmp_path_factory.mktemp("stage")) as made:
            yield made


def kept(page: Page, name: str) -> None:
    if KEPT:
        page.screenshot(path=f"{KEPT}/{name}.png", full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [browsing.DESK, browsing.PHONE], ids=["desk", "phone"])
def test_it_can_be_read(
    stage: Stage, browser: Browser, scheme: Literal["light", "dark"], size: Any
) -> None:
    wishes = {"color_scheme": scheme, "viewport": size}
    with browsing.signed_in(browser, stage.url, "admin", PASSWORD, **wishes) as page:
        page.set_default_timeout(WAIT_MS)
        page.goto(f"{stage.url}/mail/", timeout=WAIT_MS)
        expect(page.locator("figure.chart")).to_have_count(2, timeout=WAIT_MS)
        kept(page, f"mail-{scheme}-{size['width']}")

        fills = page.locator("figure.chart .part").evaluate_all(
            "all => [...new Set(all.map(one => getComputedStyle(one).fill))]"
        )
        assert len(fills) == 4
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert page.evaluate(CONTRAST) == []
        heights = page.locator("figure.chart .bars").first.evaluate(
            "one => [one.getBoundingClientRect().height,"
            " ...[...one.querySelectorAll('g')].map(g => g.getBoundingClientRect().bottom"
            " - one.getBoundingClientRect().top)]"
        )
        assert max(heights[1:]) <= heights[0] + 1


def test_a_range_a_node_and_the_way_there_by_keyboard(stage: Stage, browser: Browser) -> None:
    with browsing.signed_in(browser, stage.url, "admin", PASSWORD) as page:
        page.set_default_timeout(WAIT_MS)
        page.keyboard.press("g")
        page.keyboard.press("m")
        page.wait_for_url("**/mail/")
        expect(page.locator(".mailtables .scroll")).to_have_count(4, timeout=WAIT_MS)
        page.get_by_role("link", name="7d").click()
        page.wait_for_url("**since=7d*")
        page.locator(".mailtables").get_by_role("link", name="mta2").click()
        page.wait_for_url("**node=mta2*")
        expect(page.locator(".mailtables .scroll")).to_have_count(1, timeout=WAIT_MS)
        assert page.locator("script:not([src])").count() == 0
