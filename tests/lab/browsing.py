"""A real browser on the manager's pages: the system's Chromium, headless, through Playwright."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
WAIT_MS = 8_000
WATCH = """
address => {
  window.shown = {};
  const look = () => {
    const row = document.querySelector(`tr[data-vip="${address}"]`);
    if (row && !(row.dataset.owner in window.shown)) window.shown[row.dataset.owner] = Date.now();
  };
  look();
  new MutationObserver(look).observe(document.body, {
    subtree: true, childList: true, attributes: true,
  });
}
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, for many contexts."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def signed_in(
    browser: Browser, url: str, name: str, password: str, **wishes: Any
) -> Iterator[Page]:
    """A page on the overview, logged in through the form; its context notes what went wrong."""
    context = browser.new_context(**{"viewport": DESK, **wishes})
    context.set_default_timeout(WAIT_MS)
    try:
        page = context.new_page()
        page.goto(f"{url}/login/?next=/")
        page.fill("input[name=username]", name)
        page.fill("input[name=password]", password)
        page.click("[type=submit]")
        page.wait_for_selector("#fresh")
        yield page
    finally:
        context.close()


def complaints(context: BrowserContext, url: str) -> list[str]:
    """Fills itself with what a browser complains of, and with requests that leave for elsewhere."""
    found: list[str] = []
    context.on(
        "console",
        lambda said: found.append(said.text) if said.type in ("error", "warning") else None,
    )
    context.on("weberror", lambda error: found.append(str(error.error)))
    context.on(
        "request",
        lambda asked: None if asked.url.startswith((url, "data:")) else found.append(asked.url),
    )
    return found


def wait_for_text(page: Page, selector: str, text: str, seconds: float = 8) -> None:
    """Until an element has that text somewhere in it."""
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector)?.textContent.includes(text)",
        arg=[selector, text],
        timeout=seconds * 1000,
    )


def wait_for_owner(page: Page, vip: str, owner: str, seconds: float = 8) -> None:
    """Until the row of a VIP has that owner."""
    page.wait_for_selector(f'[data-vip="{vip}"][data-owner="{owner}"]', timeout=seconds * 1000)


def wait_for_freshness(page: Page, state: str, seconds: float = 12) -> None:
    """Until the page says `live` or `stale`."""
    page.wait_for_selector(f'#fresh[data-state="{state}"]', timeout=seconds * 1000)
