"""The pages of limits and shared tables in a real browser: live, by keyboard, dark, on a phone."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.lab import browsing
from tests.web.counting import Counting, answering
from tests.web.seeding import PASSWORD
from tests.web.stage import Stage, staged
from workers.replication.core.definitions import Limit, Per, Replication, Subject

PAGES = (
    *("/limits/", "/limits/refusals/", "/limits/explain/?key=192.0.2.1", "/shared/"),
    *("/shared/connections-inbound/?tree=1", "/shared/connections-inbound/", "/shared/cache/"),
)
WAIT_MS = 60_000
"""A busy machine may take long."""
REPLICATION = Replication(
    limits=(
        Limit("open", Subject.INBOUND_OPEN, Per.ADDRESS, 10),
        Limit("per-client", Subject.INBOUND_MESSAGES, Per.ADDRESS, 100, 3_600),
    )
)
HOSTILE = "<img src=x onerror=alert(1)>@example.org"


@pytest.fixture(scope="module")
def counting() -> Counting:
    made = Counting("default", REPLICATION, ("mta1", "mta2", "mta3", "mta4"))
    made.window("mta1", "named-throttles", "per-client/192.0.2.1", 40, 3_600.0)
    for number in range(1, 30):
        made.gauge("mta2", "connections-inbound", f"192.0.2.{number}", 1 + number % 5)
        made.gauge("mta3", "connections-inbound", f"2001:db8::{number:x}", 1)
    made.put("mta1", "cache", "greeting", HOSTILE.encode())
    made.tell()
    made.refuse("mta2", "per-client", "192.0.2.1", 100)
    made.refuse("mta2", "per-client", HOSTILE, 100)
    return made


@pytest.fixture(scope="module")
def stage(counting: Counting, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    directory = tmp_path_factory.mktemp("stage")
    with answering(directory / "shared.sock", counting), staged(directory) as made:
        yield made


@pytest.fixture(scope="module")
def page(stage: Stage, browser: Browser) -> Iterator[Page]:
    with browsing.signed_in(browser, stage.url, "viewer", PASSWORD) as made:
        made.set_default_timeout(WAIT_MS)
        yield made


def test_a_limit_fills_up_while_one_looks_at_it(
    page: Page, stage: Stage, counting: Counting
) -> None:
    page.goto(f"{stage.url}/limits/")
    row = page.locator("#limit-default-per-client")
    expect(row).to_have_attribute("data-state", "room")
    expect(row).to_contain_text("100/3600s")

    counting.window("mta3", "named-throttles", "per-client/192.0.2.1", 60, 3_600.0)
    counting.tell()

    expect(row).to_have_attribute("data-state", "reached", timeout=WAIT_MS)
    expect(row).to_contain_text("100")


def test_a_refusal_leads_to_why(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/limits/")
    page.locator(".refusals a.open", has_text="192.0.2.1").first.click()

    page.wait_for_url("**/limits/explain/?key=192.0.2.1*")
    row = page.locator("tr[data-limit=per-client]")
    expect(row).to_contain_text("mta1")
    expect(page.locator(".refusals")).to_contain_text("limit per-client was reached")


def test_somebody_is_asked_for_by_keyboard(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/")
    page.wait_for_load_state()
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/limits/")
    page.goto(f"{stage.url}/limits/explain/")
    page.wait_for_load_state()
    page.keyboard.press("/")
    page.keyboard.type("192.0.2.7")
    page.keyboard.press("Enter")

    page.wait_for_url("**key=192.0.2.7*")
    expect(page.locator("tr[data-limit=open]")).to_contain_text("3", timeout=WAIT_MS)


def test_a_table_is_looked_at_as_a_list_as_a_tree_and_of_one_node(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/shared/")
    page.locator("a.open", has_text=re.compile("^connections-inbound$")).click()
    page.wait_for_url("**/shared/connections-inbound/*")
    expect(page.locator(".limits tbody tr")).to_have_count(20)

    page.locator("select[name=tree]").select_option("1")
    expect(page.locator(".tree")).to_contain_text("192.0.2.0/27", timeout=WAIT_MS)
    page.locator("select[name=node]").select_option("mta3")

    page.wait_for_url(re.compile("node=mta3"))
    expect(page.locator(".tree")).not_to_contain_text("192.0.2", timeout=WAIT_MS)
    expect(page.locator(".tree")).to_contain_text("2001:db8::/")


def test_what_a_node_tells_is_no_markup(page: Page, stage: Stage) -> None:
    for where in ("/limits/refusals/", "/shared/cache/"):
        page.goto(f"{stage.url}{where}")
        expect(page.locator("main")).to_contain_text("<img src=x")
        assert page.locator("main img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_and_nothing_is_complained_of(
    page: Page, stage: Stage, scheme: Literal["light", "dark"]
) -> None:
    script = (Path(__file__).parent / "contrast.js").read_text()
    complaints = browsing.complaints(page.context, stage.url)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for path in PAGES:
        page.goto(f"{stage.url}{path}")
        page.wait_for_selector(".limits, .refusals")
        assert page.evaluate(script) == [], path
    assert complaints == []


def test_a_phone_needs_no_sideways_scrolling(stage: Stage, browser: Browser) -> None:
    wishes = {"viewport": browsing.PHONE, "has_touch": True, "is_mobile": True}
    with browsing.signed_in(browser, stage.url, "viewer", PASSWORD, **wishes) as phone:
        for path in PAGES:
            phone.goto(f"{stage.url}{path}")
            phone.wait_for_selector(".limits, .refusals", timeout=WAIT_MS)

            assert phone.evaluate("() => document.documentElement.scrollWidth") == 360, path


def test_a_listener_that_went_away_is_told_on_the_page(
    page: Page, stage: Stage, counting: Counting
) -> None:
    door = stage.directory / "shared.sock"
    aside = door.with_suffix(".aside")
    door.rename(aside)
    try:
        page.goto(f"{stage.url}/limits/")
        expect(page.locator("[role=alert]")).to_contain_text("muster-listener")
    finally:
        aside.rename(door)
    expect(page.locator("#limit-default-open")).to_be_visible(timeout=WAIT_MS)
