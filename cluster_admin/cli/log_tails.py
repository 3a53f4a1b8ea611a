"""Following logs: the newest lines first, then what comes, over broken connections too.

Whoever comes back is told the newest lines again; those that were printed are left out, and if
none of them was, it is said that some may be missing.
"""

import json
from typing import Any

import httpx

from cluster_admin.cli.errors import Complaint, Refused, Unreachable
from cluster_admin.cli.log_lines import LinePrinter
from cluster_admin.cli.problems import complaint
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell
from cluster_admin.cli.streaming import STREAM, Message, messages, split_lines

WHERE = "logs/tail/"
SILENCE_SECONDS = 20.0
"""The manager sends a heartbeat every 2 s."""
AGAIN_LINES = 1_000
"""That are asked for when one comes back."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 5.0


class Tail:
    """A stream of lines, printed as they come."""

    def __init__(self, call: Call, query: dict[str, Any], printer: LinePrinter) -> None:
        self._call, self._query, self._printer = call, query, printer
        self._heard = self._away = False
        self._pause_seconds = FIRST_PAUSE_SECONDS
        self._again: list[dict[str, Any]] | None = None
        """What is told again after a gap, until it is known to be whole."""

    def once(self) -> None:
        """Print the newest lines."""
        self._listen(self._query | {"follow": 0})

    def follow(self) -> None:
        """Print for ever."""
        query = self._query
        while True:
            why = "the manager ended the stream"
            try:
                self._listen(query)
            except Complaint as error:
                if not self._heard or not error.passing:
                    raise
                why = str(error)
            if not self._away and why != "the manager ended the stream":
                tell(f"{why}; trying again until it is back")
                self._away = True
            self._call.around.sleep(self._pause_seconds)
            self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
            self._again, query = [], self._query | {"lines": AGAIN_LINES}

    def _listen(self, query: dict[str, Any]) -> None:
        client = self._call.client
        headers = {"Accept": f"{STREAM}, application/problem+json"}
        timeout = httpx.Timeout(SILENCE_SECONDS)
        try:
            with client.http.stream(
                "GET", WHERE, params=query, headers=headers, timeout=timeout
            ) as response:
                if not response.is_success:
                    response.read()
                    raise complaint(response, client.url)
                if not response.headers.get("content-type", "").startswith(STREAM):
                    raise Unreachable(f"{client.url} streams no logs; check the URL")
                for message in messages(split_lines(response.iter_text())):
                    self._hear(message)
        except httpx.HTTPError as error:
            raise client.lost(error, "GET") from error

    def _hear(self, message: Message) -> None:
        try:
            told = json.loads(message.data)
        except ValueError as error:
            url = self._call.client.url
            raise Unreachable(f"{url} streams no logs; check the URL") from error
        if message.kind == "full":
            raise Refused(str(told["detail"]), "throttled")
        if self._away:
            tell("the manager is back")
        self._heard, self._away, self._pause_seconds = True, False, FIRST_PAUSE_SECONDS
        if message.kind == "line":
            if self._again is None:
                self._printer.print([told])
            else:
                self._again.append(told)
        elif message.kind == "skipped":
            size, node, source = told["bytes"], told["node"], told["source"]
            tell(f"{size} bytes of {source} of {node} were passed over: more comes than is shown")
        else:
            self._catch_up()
        if message.kind == "done" and not told["files"]:
            tell(
                "no log with those names is written to now; see them with: muster logs source list"
            )

    def _catch_up(self) -> None:
        """Print what is new of that which was told again."""
        again, self._again = self._again, None
        if again and self._printer.print(again) == len(again):
            tell("lines in between may be missing here; find them with: muster logs search")
