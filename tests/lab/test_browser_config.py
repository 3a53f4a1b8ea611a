"""The configuration's pages in a real browser: editing by keyboard, differences, conflicts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.lab import browsing
from tests.lab.browsing import wait_for_text
from tests.web.config_seeding import TRANSPORT
from tests.web.seeding import PASSWORD
from tests.web.stage import Stage, staged

EDIT = f"/config/edit/{TRANSPORT}/"
DEPLOY = "/config/deployments/default/"
PAGES = (
    *("/config/", "/config/revisions/2/", "/config/revisions/3/", "/config/tree/"),
    *("/config/tree/global/postfix/", "/config/file/global/postfix/main.cf.j2/?node=mta2"),
    *(f"/config/file/{TRANSPORT}/", EDIT, "/config/new/", "/config/nodes/"),
    *("/config/nodes/mta1/", "/config/nodes/mta2/", "/config/promote/"),
    *("/config/proposals/", "/config/proposals/1/", f"{DEPLOY}?mode=manual&revision=2"),
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("stage")) as made:
        made.do("configured")
        made.do("proposed")
        yield made


@pytest.fixture(scope="module")
def page(stage: Stage, browser: Browser) -> Iterator[Page]:
    with browsing.signed_in(browser, stage.url, "admin", PASSWORD) as made:
        yield made


def test_an_edit_goes_by_keyboard_from_the_file_to_the_revision(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/config/")
    page.goto(f"{stage.url}{EDIT}")
    page.keyboard.press("Control+Home")
    page.keyboard.type("# by hand\n")
    page.locator("[name=message]").fill("A comment")
    page.keyboard.press("Control+Enter")

    page.wait_for_selector(".node-diff")
    expect(page.locator(".node-diff")).to_have_attribute("data-nodes", "mta1 mta2 mta3 mta4")
    expect(page.locator("[name=message]")).to_be_focused()
    expect(page.locator("[name=message]")).to_have_value("A comment")
    page.keyboard.press("Control+Enter")
    wait_for_text(page, ".messages", "is committed")
    assert "/config/revisions/" in page.url
    expect(page.locator(".side .new code").first).to_have_text("# by hand")


def test_a_refusal_names_file_and_line_and_leads_back_to_the_text(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/config/new/?under=default/default")
    page.locator("[name=name]").fill("default/default/bad.j2")
    page.locator("textarea").fill("fine\n{{ nothing }}\n")
    page.keyboard.press("Control+Enter")

    wait_for_text(page, ".problems", "default/default/bad.j2:2")
    page.get_by_role("button", name="Edit further").click()
    expect(page.locator("textarea")).to_have_value("fine\n{{ nothing }}\n")


def test_differences_are_shown_as_chosen_and_that_is_kept(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/config/revisions/3/")
    expect(page.locator(".side")).to_be_visible()
    expect(page.locator(".unified")).to_be_hidden()

    page.get_by_role("button", name="unified").click()
    page.reload()

    expect(page.locator(".unified")).to_be_visible()
    expect(page.locator(".side")).to_be_hidden()
    expect(page.get_by_role("button", name="unified")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="side by side").click()
    expect(page.locator(".side")).to_be_visible()


def test_a_conflict_is_resolved_with_three_panes(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}{EDIT}")
    text = page.locator("textarea").input_value()
    stage.do("commit", {TRANSPORT: text.replace("10.0.0.9", "10.0.0.1")}, "Theirs")
    page.locator("textarea").fill(text.replace("10.0.0.9", "10.0.0.2"))
    page.locator("[name=message]").fill("Mine")
    page.keyboard.press("Control+Enter")

    page.wait_for_selector(".panes")
    panes = [one.inner_text() for one in page.locator(".pane pre").all()]
    assert ["10.0.0.9" in panes[0], "10.0.0.1" in panes[1], "10.0.0.2" in panes[2]] == [True] * 3
    expect(page.locator("textarea")).to_have_value(
        text.replace(
            "example.org relay:[10.0.0.9]\n",
            "<<<<<<< mine\nexample.org relay:[10.0.0.2]\n=======\n"
            "example.org relay:[10.0.0.1]\n>>>>>>> theirs\n",
        )
    )
    page.get_by_role("button", name="take this").last.click()
    expect(page.locator("textarea")).to_be_focused()
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".commit")
    page.keyboard.press("Control+Enter")
    wait_for_text(page, ".messages", "is committed")
    expect(page.locator(".side .gone mark")).to_have_text("1")


def test_what_was_not_sent_is_not_left_without_a_question(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}{EDIT}")
    page.locator("textarea").press_sequentially("x")
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))

    page.goto(f"{stage.url}/config/")

    assert asked == ["beforeunload"]


def test_a_file_is_deleted_after_a_question_and_a_preview(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/config/file/default/default/postfix/motd/")
    page.get_by_role("button", name="Delete").click()
    page.locator("#ask-delete [type=submit]").click()

    page.wait_for_selector(".node-diff")
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url("**/config/file/default/default/postfix/motd/")


def test_edits_of_a_node_are_shown_and_put_after_a_preview(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/config/nodes/mta1/")
    wait_for_text(page, "main", "10.0.0.7")
    page.get_by_role("button", name="Put").click()
    expect(page.locator("#ask-put")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#ask-put")).to_be_hidden()


def test_a_deployment_shows_each_node_s_difference_before_the_button(
    page: Page, stage: Stage
) -> None:
    page.goto(f"{stage.url}/config/nodes/")
    page.get_by_role("link", name="Deploy to default").click()
    page.locator("[name=mode]").select_option("manual")
    page.locator("[name=revision]").fill("2")
    page.keyboard.press("Enter")

    page.wait_for_selector(".node-diff")
    expect(page.get_by_role("button", name="Deploy r2")).to_be_visible()
    page.get_by_role("link", name="Cancel").click()
    page.wait_for_url(f"**{DEPLOY}")


def test_what_another_person_proposed_is_decided_after_a_question(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/")
    expect(page.locator(".top .count")).to_have_text("1")
    page.goto(f"{stage.url}/config/proposals/")
    page.locator("a.open").first.click()
    page.wait_for_selector(".node-diff")
    expect(page.locator(".side .new code").first).to_have_text("but spaces")

    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#ask-approve")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Reject").click()
    page.locator("#ask-reject [name=reason]").fill("not today")
    page.keyboard.press("Enter")

    wait_for_text(page, ".messages", "is rejected")
    expect(page.locator(".top .count")).to_have_count(0)


def test_nothing_is_complained_of_and_nothing_comes_from_elsewhere(
    page: Page, stage: Stage
) -> None:
    complaints = browsing.complaints(page.context, stage.url)
    for path in PAGES:
        page.goto(f"{stage.url}{path}")
        page.wait_for_load_state("load")

    assert complaints == []


@pytest.fixture(scope="module")
def phone(stage: Stage, browser: Browser) -> Iterator[Page]:
    wishes = {"viewport": browsing.PHONE, "has_touch": True, "is_mobile": True}
    with browsing.signed_in(browser, stage.url, "admin", PASSWORD, **wishes) as made:
        yield made


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_needs_no_sideways_scrolling(stage: Stage, phone: Page, path: str) -> None:
    phone.goto(f"{stage.url}{path}")

    assert phone.evaluate("() => document.documentElement.scrollWidth") == 360
    boxes = phone.locator(".tabs a, .actions .button:visible, .filters .button:visible").all()
    assert all((one.bounding_box() or {"height": 40})["height"] >= 24 for one in boxes)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground(page: Page, stage: Stage, scheme: str) -> None:
    script = (Path(__file__).parent / "contrast.js").read_text()
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    for path in PAGES:
        page.goto(f"{stage.url}{path}")
        assert page.evaluate(script) == [], path


def test_whoever_can_be_used_has_a_name(page: Page, stage: Stage) -> None:
    for path in PAGES:
        page.goto(f"{stage.url}{path}")
        nameless = page.evaluate("""() =>
          [...document.querySelectorAll("main a, main button, main input, main select, textarea")]
            .filter((one) => one.checkVisibility() && one.type !== "hidden")
            .filter((one) => !(one.textContent.trim() || one.labels?.length || one.ariaLabel))
            .map((one) => one.outerHTML)""")
        assert nameless == [], path
