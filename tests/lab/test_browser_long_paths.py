"""Paths and messages as long as they may be, in a browser: nothing needs sideways scrolling."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.lab import browsing
from tests.web.seeding import PASSWORD
from tests.web.stage import Stage, staged

LONG = f"default/default/{'/'.join(['a-directory-of-many-words'] * 8)}/{'x' * 250}.cf"
GONE = LONG.replace("x.cf", "y.cf")
PAGES = (
    *("/config/", f"/config/?path={LONG}", "/config/revisions/2/", "/config/tree/?q=xx"),
    *(f"/config/tree/{LONG.rpartition('/')[0]}/", f"/config/file/{LONG}/", f"/config/edit/{LONG}/"),
    *(f"/config/file/{GONE}/", f"/config/file/{LONG}/?node=mta1"),
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("stage")) as made:
        made.do("keep", "default")
        made.do("commit", {LONG: "a line of words " * 300}, "without-a-space" * 30)
        yield made


@pytest.mark.parametrize("width", [browsing.DESK, browsing.PHONE], ids=["desk", "phone"])
def test_what_is_long_is_broken_into_lines(
    stage: Stage, browser: Browser, width: dict[str, int]
) -> None:
    with browsing.signed_in(browser, stage.url, "admin", PASSWORD, viewport=width) as page:
        for path in PAGES:
            answer = page.goto(f"{stage.url}{path}")
            assert answer
            assert answer.status == (404 if GONE in path else 200), path[:40]
            found = page.evaluate("() => document.documentElement.scrollWidth")
            assert found <= width["width"], path[:40]

        page.goto(f"{stage.url}/config/new/?under={LONG}")
        page.locator("[name=name]").fill(f"{LONG}/../x")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector("[role=alert]")
        found = page.evaluate("() => document.documentElement.scrollWidth")
        assert found <= width["width"], "the refusal of a long path"


def test_on_a_phone_the_tab_of_the_page_is_in_sight(stage: Stage, browser: Browser) -> None:
    with browsing.signed_in(browser, stage.url, "admin", PASSWORD, viewport=browsing.PHONE) as page:
        for path in ("/config/", "/config/proposals/"):
            answer = page.goto(f"{stage.url}{path}")
            assert answer
            assert answer.status == 200, path
            box = page.locator(".tabs [aria-current]").bounding_box()
            assert box is not None
            assert 0 <= box["x"] <= browsing.PHONE["width"] - box["width"], path
