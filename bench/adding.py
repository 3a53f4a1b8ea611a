"""How long from asking for a VIP until it answers on its owner: in the admin, by API, by CLI.

The probe asks for the address every 5 ms before anybody was asked to add it; the time runs from
just before the request (for the CLI from before its process starts) to the first echo.
"""

import dataclasses
import html
import ipaddress
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from bench.errors import BenchError
from workers.lab import probing
from workers.lab.health import look
from workers.lab.lab import Lab

PROBE_SECONDS = 3.0
BEFORE_SECONDS = 0.3
FIRST_PLACE = 150
"""In the lab's subnet: above its VIPs, below client, sink and brokers."""
PLACES = 40
ADD_FORM = "/admin/vips/vip/add/"
Way = Callable[["Manager", str], None]


class Manager:
    """The manager of a lab as its users reach it."""

    def __init__(self, lab: Lab) -> None:
        """Sign in for all three ways."""
        self.lab = lab
        self.url, self.token = lab.manager_url, lab.manager_token
        self.api = httpx.Client(
            base_url=f"{self.url}/api/v1/",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
        )
        self.pages = httpx.Client(base_url=self.url, timeout=30, follow_redirects=True)
        self.form: dict[str, str] = {}
        self._sign_in("admin", lab.manager_password)

    def close(self) -> None:
        """Leave."""
        self.api.close()
        self.pages.close()

    def open_form(self) -> None:
        """Open the admin's form for a new VIP."""
        self.form = self.fields(ADD_FORM) | {"subcluster": "1"}

    def fields(self, path: str) -> dict[str, str]:
        """The fields of the form on a page, as a browser would send them back."""
        page = self.pages.get(path)
        _expect(page, 200)
        return _fields(page.text)

    def post(self, path: str, fields: dict[str, str]) -> httpx.Response:
        """Send a form."""
        return self.pages.post(path, data=fields, headers={"Referer": f"{self.url}{path}"})

    def _sign_in(self, name: str, password: str) -> None:
        path = "/admin/login/"
        fields = self.fields(path) | {"username": name, "password": password}
        answer = self.post(path, fields)
        if "sessionid" not in self.pages.cookies:
            raise BenchError(f"signing in to {self.url}{path} failed: {answer.status_code}")


def by_api(manager: Manager, vip: str) -> None:
    """POST to the API."""
    answer = manager.api.post("vips/", json={"subcluster": "default", "address": vip})
    _expect(answer, 201)


def by_cli(manager: Manager, vip: str) -> None:
    """A process of its own, as from a shell."""
    command = [str(Path(sys.executable).with_name("muster")), "vip", "add", vip]
    done = subprocess.run(
        [*command, "--subcluster", "default", "--yes", "--no-wait"],
        env={**os.environ, "MUSTER_URL": manager.url, "MUSTER_TOKEN": manager.token},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(f"muster vip add {vip} ended with {done.returncode}: {done.stderr}")


def by_admin(manager: Manager, vip: str) -> None:
    """Send the admin's form, which was opened before."""
    answer = manager.post(ADD_FORM, manager.form | {"address": vip})
    if "errornote" in answer.text or answer.status_code != 200:
        raise BenchError(f"the admin refused {vip}: {answer.status_code}")


WAYS: dict[str, Way] = {"admin": by_admin, "api": by_api, "cli": by_cli}


def measure(manager: Manager, way: str, number: int, tell: Callable[[str], None]) -> float:
    """Seconds from asking to the first answer; the VIP is removed again.

    One that does not answer while it is probed counts as `PROBE_SECONDS`, and is told of.
    """
    vip = _address(manager.lab, number)
    if way == "admin":
        manager.open_form()
    record = dataclasses.replace(manager.lab.record, vips=(vip,))
    running = probing.start(record, (vip,), PROBE_SECONDS, banners=False)
    try:
        time.sleep(BEFORE_SECONDS)
        asked_at = time.monotonic()
        WAYS[way](manager, vip)
        found = running.report().of(vip)
        if found.first is None:
            tell(f"{vip}, added by {way}, did not answer: {_told(manager.lab, vip)}")
            return PROBE_SECONDS
    except BaseException:
        running.abandon()
        raise
    finally:
        manager.api.delete(f"vips/{vip}/")
    return found.first - asked_at


def _address(lab: Lab, number: int) -> str:
    base = ipaddress.ip_network(lab.subnet).network_address
    return str(base + FIRST_PLACE + number % PLACES)


def _told(lab: Lab, vip: str) -> str:
    """What each agent knows of a VIP, for whoever has to find out why it does not answer."""
    lines = []
    for node, agent in look(lab.record).agents.items():
        said = agent or {}
        revisions = f"r{said.get('revision')}, known r{said.get('known_revision')}"
        revisions += f", files {said.get('files')}"
        lines.append(f"{node} {revisions}: {said.get('vips', {}).get(vip)}")
    return "; ".join(lines)


def _fields(page: str) -> dict[str, str]:
    found = {}
    for tag in re.findall(r"<input[^>]*>", page):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and "submit" not in tag and "checkbox" not in tag:
            found[name[1]] = html.unescape(value[1]) if value else ""
    return found


def _expect(answer: httpx.Response, status: int) -> None:
    if answer.status_code != status:
        request = answer.request
        raise BenchError(f"{request.method} {request.url}: {answer.status_code}: {answer.text}")
