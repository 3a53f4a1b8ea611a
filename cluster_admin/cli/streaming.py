"""Following events: the last ones first, then each as it comes, none twice and none lost.

Every reconnection names the last event shown, so that the manager sends what came in between. A
connection without even a heartbeat for `SILENCE_SECONDS` is given up and made anew. Ends with
Ctrl-C, or when the manager says no.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import httpx

from cluster_admin.cli import shapes
from cluster_admin.cli.client import Client
from cluster_admin.cli.errors import Complaint, Refused, Unreachable
from cluster_admin.cli.growing import RowPrinter
from cluster_admin.cli.happenings import EVENTS
from cluster_admin.cli.problems import complaint
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import Look, tell

STREAM = "text/event-stream"
SILENCE_SECONDS = 15.0
"""The manager sends a heartbeat every 5 s."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 5.0
LEAST_WIDTHS = {"time": 18, "node": 6, "kind": 9, "vip": 13, "about": 8}
ROOMY = 160
"""Columns of a terminal from which nothing has to be saved; a pipe has more."""
ROOMY_WIDTHS = {
    **LEAST_WIDTHS,
    "node": 10,
    "kind": 11,
    "vip": 24,
    "about": 24,
    "reason": 36,
    "actor": 8,
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream of server-sent events."""

    kind: str
    data: str
    id: str


def split_lines(chunks: Iterable[str]) -> Iterator[str]:
    """The lines of a text; it ends them by line feeds alone, while texts in it may have others."""
    rest = ""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split("\n")
        yield from (line.removesuffix("\r") for line in whole)


def messages(lines: Iterable[str]) -> Iterator[Message]:
    """The messages in a stream's lines; one that is cut off in the middle is not told."""
    fields: dict[str, list[str]] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            if name:
                fields.setdefault(name, []).append(value.removeprefix(" "))
            continue
        if "data" in fields:
            kind = fields.get("event", ["message"])[-1]
            yield Message(kind, "\n".join(fields["data"]), fields.get("id", [""])[-1])
        fields = {}


def follow(call: Call, query: dict[str, Any], look: Look, limit: int) -> None:
    """Print events for ever."""
    printer = _printer(look)
    after = query.pop("after", None)
    if after is None:
        newest = int((call.client.get("status/").body.get("events") or {}).get("newest_id") or 0)
        rows = call.client.rows("events/", query, limit)[0] if limit else []
        rows.sort(key=lambda row: int(row["id"]))
        printer.print(rows)
        after = max([newest, *(int(row["id"]) for row in rows)])
    query.pop("since", None)
    _Follower(call, query, printer, int(after)).run()


class _Follower:
    """Holds a stream open; `newest` is the last event printed or passed over."""

    def __init__(self, call: Call, query: dict[str, Any], printer: RowPrinter, newest: int) -> None:
        self.call, self.query, self.printer, self.newest = call, query, printer, newest
        self.pause_seconds = FIRST_PAUSE_SECONDS
        self.away = False
        self.heard = False

    def run(self) -> NoReturn:
        while True:
            why = "the manager ended the stream"
            try:
                self._listen()
            except Complaint as error:
                if not self.heard or not error.passing:
                    raise
                why = str(error)
            if not self.away:
                tell(f"{why}; trying again until it is back")
                self.away = True
            self.call.around.sleep(self.pause_seconds)
            self.pause_seconds = min(2 * self.pause_seconds, LONGEST_PAUSE_SECONDS)

    def _listen(self) -> None:
        client = self.call.client
        try:
            with _stream(client, self.query, self.newest) as response:
                if not response.is_success:
                    response.read()
                    raise complaint(response, client.url)
                if not response.headers.get("content-type", "").startswith(STREAM):
                    raise Unreachable(f"{client.url} streams no events; check the URL")
                self.heard = True
                for message in messages(split_lines(response.iter_text())):
                    self._hear(message)
        except httpx.HTTPError as error:
            raise client.lost(error, "GET") from error

    def _hear(self, message: Message) -> None:
        if self.away:
            tell("the manager is back")
        self.away, self.pause_seconds = False, FIRST_PAUSE_SECONDS
        if message.kind not in ("event", "full"):
            self.newest = max(self.newest, int(message.id) if message.id.isdecimal() else 0)
            return
        try:
            event = json.loads(message.data)
            if message.kind == "full":
                raise Refused(str(event["detail"]), "throttled")
            number = int(event["id"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unreachable(f"{self.call.client.url} streams no events; check the URL") from error
        if number > self.newest:
            self.newest = number
            self.printer.print([event])


def _stream(client: Client, query: dict[str, Any], newest: int) -> Any:
    return client.http.stream(
        "GET",
        "events/stream/",
        params={**query, "after": newest},
        headers={
            "Accept": f"{STREAM}, application/problem+json",
            "Last-Event-ID": str(newest),
        },
        timeout=httpx.Timeout(SILENCE_SECONDS),
    )


def _printer(look: Look) -> RowPrinter:
    least = LEAST_WIDTHS if look.around.width < ROOMY else ROOMY_WIDTHS
    return RowPrinter(shapes.picked(EVENTS.columns, look), look, least)
