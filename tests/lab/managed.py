"""A lab with a manager, started once per session for all tests that need one; asking its manager.

The fixture `managed_lab` (tests/conftest.py) hands it out. Whoever does a fault or changes
something puts it right again; `settle` waits until all is green.
"""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.lab.looking import assert_nothing_left, wait_until
from workers.lab.bringup import Wish, bring_up, take_down
from workers.lab.health import look, missing
from workers.lab.lab import Lab

GREEN_SECONDS = 45.0
ANSWER_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ManagedLab:
    """`api` carries the administrator's token; its base is the manager's address."""

    lab: Lab
    api: httpx.Client
    said: tuple[str, ...]
    """What the bring-up said."""

    @property
    def url(self) -> str:
        """The manager's address, without a slash behind."""
        return self.lab.manager_url

    def get(self, path: str, **parameters: Any) -> Any:
        """The JSON that GET /api/v1/PATH answers."""
        answer = self.api.get(f"/api/v1/{path}", params=parameters)
        answer.raise_for_status()
        return answer.json()

    def owners(self) -> dict[str, str]:
        """VIP -> its owner, as the manager knows it."""
        found = self.get("vips/", page_size=1000)["results"]
        return {vip["address"]: vip["status"]["owner"] for vip in found}

    def settle(self) -> None:
        """Heal everything and wait until all is green."""
        self.lab.heal()
        wait_until(self.green, GREEN_SECONDS, "all green")

    def green(self) -> bool:
        """Whether nothing is missing."""
        record = Lab.load(self.lab.name).record
        return not missing(record, look(record))


@contextlib.contextmanager
def managed() -> Iterator[ManagedLab]:
    """Bring a lab with a manager up; take it down, and see that nothing of it is left."""
    name, said = f"m{os.getpid()}", list[str]()
    try:
        lab = bring_up(Wish(name=name, mail=False, manager=True), said.append)
        headers = {"Authorization": f"Bearer {lab.manager_token}"}
        with httpx.Client(
            base_url=lab.manager_url, headers=headers, timeout=ANSWER_SECONDS
        ) as client:
            yield ManagedLab(lab, client, tuple(said))
        pids = [process.pid for process in lab.processes()]
    finally:
        take_down(name)
    assert_nothing_left(name, pids)
