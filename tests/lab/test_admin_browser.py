"""The admin in a real browser, under the content policy: scripts work, nothing complains."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.lab import browsing
from tests.web.seeding import PASSWORD
from tests.web.stage import Stage, staged

PAGES = (
    *("", "vips/vip/", "vips/vip/add/", "inventory/node/", "inventory/subcluster/import/"),
    *("inventory/subcluster/add/", "accounts/user/", "accounts/token/add/", "events/event/"),
    *("logs/logsource/", "logs/logsource/add/", "logs/logsubscriber/", "logs/logsubscriber/add/"),
    *("replication/trafficlimit/", "replication/trafficlimit/add/"),
    *("replication/replicatedtable/add/", "replication/limitexemption/add/"),
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("admin")) as made:
        yield made


@pytest.fixture(scope="module")
def page(stage: Stage) -> Iterator[Page]:
    with (
        browsing.chromium() as browser,
        browsing.signed_in(browser, stage.url, "admin", PASSWORD) as made,
    ):
        yield made


def test_no_page_complains_or_asks_elsewhere(page: Page, stage: Stage) -> None:
    complaints = browsing.complaints(page.context, stage.url)

    for path in PAGES:
        page.goto(f"{stage.url}/admin/{path}")
        expect(page.locator("#content")).to_be_visible()
    assert complaints == []


def test_a_vip_is_added_with_chosen_nodes_after_a_check(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/admin/vips/vip/add/")
    page.click(".field-subcluster .select2-selection")
    page.click(".select2-results__option >> text=default")
    page.fill("#id_address", "203.0.113.5")
    offer = page.locator("input[data-offers-for=id_prefer]")
    for name in ("mta2", "mta1", "mta2"):
        offer.fill(name)
        offer.press("Enter")
    expect(page.locator("#id_prefer")).to_have_value("mta2\nmta1")

    page.click("input[name=_save]")
    expect(page.locator(".errorlist")).to_contain_text("in no topology")
    expect(page.locator("#id_prefer")).to_have_value("mta2\nmta1")
    page.fill("#id_address", "198.18.0.200")
    page.click("input[name=_check]")
    expect(page.locator(".muster-checked")).to_contain_text('+prefer = ["mta2", "mta1"]')

    page.click("input[name=_save]")
    expect(page.locator(".messagelist")).to_contain_text("New revision default r")
    page.goto(f"{stage.url}/vips/198.18.0.200/")
    expect(page.locator("body")).to_contain_text("mta2")


def test_a_node_is_drained_by_keyboard(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/admin/inventory/node/")
    page.click("#result_list >> text=mta3")
    page.get_by_role("link", name="Drain", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".muster-diff")).to_contain_text('+state = "draining"')
    page.locator("#id_reason").focus()
    page.keyboard.type("new kernel")
    page.keyboard.press("Enter")

    expect(page.locator("#id_admin_state")).to_have_value("draining")
    page.click(".object-tools >> text=History")
    expect(page.locator("#change-history")).to_contain_text("new kernel")


def test_a_log_is_shipped_from_chosen_nodes(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/admin/logs/logsource/add/")
    page.click(".field-subcluster .select2-selection")
    page.click(".select2-results__option >> text=default")
    page.fill("#id_name", "web")
    page.fill("#id_path", "var/log/web.log")
    offer = page.locator("input[data-offers-for=id_nodes]")
    offer.fill("mta2")
    offer.press("Enter")

    page.click("input[name=_save]")
    expect(page.locator(".errorlist")).to_contain_text("write an absolute path")
    page.fill("#id_path", "/var/log/web.log")
    page.click("input[name=_check]")
    expect(page.locator(".muster-checked")).to_contain_text('+nodes = ["mta2"]')

    page.click("input[name=_save]")
    expect(page.locator(".messagelist")).to_contain_text("New revision default r")
    expect(page.locator("#result_list")).to_contain_text("/var/log/web.log")
