"""How far the live page is behind: from a node's own event to the row that a browser shows.

A headless Chromium has the dashboard open while a node of the lab loses its power; the page's own
clock says when the row of each of its VIPs changed, the new owner's journal when it took the VIP.
Both are wall clocks of one machine.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from playwright.sync_api import Page

from bench.errors import BenchError
from bench.settling import holders, settle
from tests.lab import browsing
from workers.lab.core.faults import FaultKind
from workers.lab.lab import Lab

FAILOVER_SECONDS = 8.0
_WATCH = """
() => {
  window.seen = {};
  const look = () => {
    for (const row of document.querySelectorAll("[data-vip]")) {
      const key = row.dataset.vip + " " + row.dataset.owner;
      if (!(key in window.seen)) window.seen[key] = Date.now();
    }
  };
  look();
  new MutationObserver(look).observe(document.body, {
    subtree: true, childList: true, attributes: true, characterData: true,
  });
}
"""


@contextmanager
def open_page(url: str, name: str, password: str) -> Iterator[Page]:
    """The dashboard in a browser, signed in."""
    with browsing.chromium() as browser, browsing.signed_in(browser, url, name, password) as page:
        page.wait_for_selector("[data-vip]")
        yield page


def lag_seconds(lab: Lab, page: Page) -> float:
    """Power loss of a node: the largest lag of its VIPs' rows behind their new owners' events."""
    settle(lab)
    victim, vips = max(holders(lab).items(), key=lambda pair: len(pair[1]))
    page.evaluate(_WATCH)
    began = time.time()
    lab.inject(FaultKind.POWER_LOSS, (victim,))
    try:
        deadline = time.monotonic() + FAILOVER_SECONDS
        while True:
            taken = {vip: at for vip in vips if (at := _taken(lab, vip, began))}
            seen = page.evaluate("() => window.seen")
            lags = [_lag(seen, vip, *taken[vip]) for vip in vips if vip in taken]
            if len(lags) == len(vips) and None not in lags:
                return max(lag for lag in lags if lag is not None)
            if time.monotonic() > deadline:
                told = f"taken {sorted(taken)}, the page knows {sorted(seen)}"
                raise BenchError(f"the page did not show the new owners of {victim}'s VIPs: {told}")
            time.sleep(0.1)
    finally:
        lab.heal()


def _lag(seen: dict[str, float], vip: str, owner: str, taken_at: float) -> float | None:
    shown = seen.get(f"{vip} {owner}")
    return None if shown is None else max(0.0, shown / 1000 - taken_at)


def _taken(lab: Lab, vip: str, since: float) -> tuple[str, float] | None:
    """(new owner, when) of a VIP taken after `since`."""
    for node in lab.nodes:
        path = lab.host_directory(node) / "state" / "events.jsonl"
        for event in _events(path.read_bytes() if path.exists() else b""):
            at = datetime.fromisoformat(event["time"]).timestamp()
            if event["kind"] == "taken" and event.get("vip") == vip and at > since:
                return node, at
    return None


def _events(text: bytes) -> list[dict[str, Any]]:
    lines = [line for line in text.splitlines()[-500:] if line.endswith(b"}")]
    return [json.loads(line) for line in lines if line.startswith(b"{")]
