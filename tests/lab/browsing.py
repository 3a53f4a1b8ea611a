"""A real browser on the manager's pages: the system's Chromium, headless, through Playwright.

Chromium may not come back from closing a page that is just leaving for another one. So pages are
emptied first, and a browser that still does not close is killed, which ends every wait for it.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
DESK = {"width": 1280, "height": 900}
PHONE = {"width": 360, "height": 740}
WAIT_MS = 8_000
CLOSE_SECONDS = 10.0
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
            with _closing():
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
        page.wait_for_load_state()  # keys are heard from then on
        yield page
    finally:
        with _closing():
            for left in context.pages:
                left.goto("about:blank")
            context.close()


@contextmanager
def _closing() -> Iterator[None]:
    """Bound the time for closing: past it the browser is killed."""
    timer = threading.Timer(CLOSE_SECONDS, _kill_browsers)
    timer.start()
    try:
        with suppress(Error):
            yield
    finally:
        timer.cancel()


def _kill_browsers() -> None:
    """Kill the Chromium that this process's Playwright started."""
    parents = {int(one.parent.name): _parent(one) for one in Path("/proc").glob("[0-9]*/stat")}
    for pid, parent in parents.items():
        if parents.get(parent) == os.getpid() and _runs(pid, CHROMIUM.rpartition("/")[2]):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _parent(stat: Path) -> int:
    """Pid of the parent, 0 when the process is gone."""
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _runs(pid: int, name: str) -> bool:
    try:
        return name in Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]
    except OSError:
        return False


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
