"""The pages of logs in a real browser: lines as they come, search by bars, a message's way."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.integration.collected import Collected, mails, stamp
from tests.lab import browsing
from tests.web.seeding import PASSWORD
from tests.web.stage import Stage, staged

PAGES = ("/logs/", "/logs/search/?grep=status&since=1h", "/logs/trace/?key=u3@example.org")
WAIT_MS = 60_000
"""A busy machine may take long to read."""
HOSTILE = "<img src=x onerror=alert(1)> \N{RIGHT-TO-LEFT OVERRIDE}gnp.exe"


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collected]:
    made = Collected(tmp_path_factory.mktemp("collected"))
    began = time.time() // 1 - 900
    made.keep("mta1", mails("mta1", began, 20, to="mta2"))
    made.keep("mta2", mails("mta2", began, 20))
    yield made
    made.close()


@pytest.fixture(scope="module")
def stage(logs: Collected, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MUSTER_LOGS_DESTINATION", logs.template)
        patched.setenv("MUSTER_LOGS_INDEX", str(logs.index))
        with staged(tmp_path_factory.mktemp("stage")) as made:
            yield made


@pytest.fixture(scope="module")
def page(stage: Stage, browser: Browser) -> Iterator[Page]:
    with browsing.signed_in(browser, stage.url, "admin", PASSWORD) as made:
        made.set_default_timeout(WAIT_MS)
        yield made


def new(logs: Collected, text: str, node: str = "mta1") -> None:
    """A line comes."""
    logs.keep(node, f"{stamp(time.time())} {node} x: {text}\n")


def ready(page: Page, stage: Stage, where: str = "/logs/") -> None:
    """The page is there, and the newest lines are on it."""
    page.goto(f"{stage.url}{where}")
    expect(page.locator("#log-state")).to_have_text("live", timeout=WAIT_MS)


def in_sight(page: Page) -> bool:
    """Whether the newest line is."""
    bottom = "one => one.scrollHeight - one.scrollTop - one.clientHeight < 5"
    return bool(page.locator("#log").evaluate(bottom))


def test_lines_come_by_themselves_and_the_newest_is_in_sight(
    page: Page, stage: Stage, logs: Collected
) -> None:
    ready(page, stage)
    new(logs, HOSTILE)

    expect(page.locator("#log li").last).to_contain_text("<img src=x", timeout=WAIT_MS)
    expect(page.locator("#log li").last).to_contain_text(r"\u202egnp")
    assert page.locator("#log li").count() == 101
    assert page.locator("#log img").count() == 0
    assert in_sight(page)


def test_whoever_looks_back_is_left_there_and_told_what_came(
    page: Page, stage: Stage, logs: Collected
) -> None:
    ready(page, stage)
    page.locator("#log").evaluate("one => { one.scrollTop = 0; }")
    button = page.locator("#log-follow")
    expect(button).to_have_attribute("aria-pressed", "false")
    new(logs, "one")
    new(logs, "two")

    expect(button).to_have_text("Follow (2 new)", timeout=WAIT_MS)
    assert page.locator("#log").evaluate("one => one.scrollTop") == 0
    page.keyboard.press("f")
    expect(button).to_have_text("Follow")
    expect(button).to_have_attribute("aria-pressed", "true")
    assert in_sight(page)


def test_filters_are_in_the_url_and_nothing_is_doubled_after_a_gap(
    page: Page, stage: Stage, logs: Collected
) -> None:
    ready(page, stage, "/logs/?grep=needle&node=mta2")
    new(logs, "a needle", "mta2")
    new(logs, "a needle of another node")
    new(logs, "hay", "mta2")
    expect(page.locator("#log li")).to_have_count(1, timeout=WAIT_MS)

    stage.close()
    new(logs, "a second needle", "mta2")
    stage.open()

    expect(page.locator("#log li")).to_have_count(2, timeout=WAIT_MS)
    expect(page.locator("#log li").last).to_contain_text("a second needle")


def test_a_bar_narrows_the_time_of_a_search(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/logs/search/")
    page.fill("[data-focus]", "status=sent")
    page.keyboard.press("Enter")
    page.wait_for_url("**grep=status*")
    expect(page.locator(".histogram figcaption")).to_contain_text("40 lines", timeout=WAIT_MS)
    expect(page.locator(".loglines tbody tr")).to_have_count(40, timeout=WAIT_MS)

    page.locator(".bars a").first.click()

    page.wait_for_url(re.compile("since=20"))
    expect(page.locator(".histogram")).to_be_visible(timeout=WAIT_MS)
    expect(page.locator("[name=since]")).to_have_value(re.compile("^20"))


def test_a_line_leads_to_the_way_of_its_message(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/logs/search/?grep=u7@&node=mta1")
    page.locator("a.open", has_text="trace").first.click()

    expect(page.locator(".lane a.name")).to_have_text(["mta1", "mta2"], timeout=WAIT_MS)
    expect(page.locator(".loglines tbody tr")).to_have_count(8)
    assert page.locator(".dot.good").count() == 2


def test_what_is_no_expression_is_said(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/logs/search/?grep=(a")

    expect(page.locator("[role=alert]").first).to_contain_text("no regular expression")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_and_nothing_is_complained_of(
    page: Page, stage: Stage, scheme: Literal["light", "dark"]
) -> None:
    script = (Path(__file__).parent / "contrast.js").read_text()
    complaints = browsing.complaints(page.context, stage.url)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for path in PAGES:
        page.goto(f"{stage.url}{path}")
        page.wait_for_selector(".log li, .loglines", timeout=WAIT_MS)
        assert page.evaluate(script) == [], path
    assert complaints == []


def test_a_phone_needs_no_sideways_scrolling(stage: Stage, browser: Browser) -> None:
    wishes = {"viewport": browsing.PHONE, "has_touch": True, "is_mobile": True}
    with browsing.signed_in(browser, stage.url, "viewer", PASSWORD, **wishes) as phone:
        for path in PAGES:
            phone.goto(f"{stage.url}{path}")
            phone.wait_for_selector(".log li, .loglines", timeout=WAIT_MS)

            assert phone.evaluate("() => document.documentElement.scrollWidth") == 360, path
