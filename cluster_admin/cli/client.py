"""The manager's API as the commands see it: get, follow pages, send a change.

Only this module, `streaming`, `log_tails` and `downloading` speak HTTP. The token goes to the
manager's own address and nowhere else: `next` links are followed by their query alone, redirects
not at all.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from cluster_admin.cli.errors import Complaint, Unknown, Unreachable, Usage
from cluster_admin.cli.problems import complaint
from cluster_admin.cli.profiles import Target
from cluster_admin.cli.resources import Answer, identity

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 30.0
PAGE_ROWS = 1000
PART_BYTES = 1 << 16
ACCEPTED = "application/json, application/problem+json, text/plain;q=0.5"
TEXT = "text/plain; charset=utf-8"
Query = Mapping[str, str | int]


class Client:
    """A connection to one manager; close it, or use it in a `with`."""

    def __init__(self, target: Target, transport: httpx.BaseTransport | None = None) -> None:
        self.url = target.url
        headers = {"Accept": ACCEPTED, "User-Agent": "muster"}
        if target.token:
            headers["Authorization"] = f"Bearer {target.token}"
        try:
            base_url = httpx.URL(f"{target.url}/api/v1/")
        except httpx.InvalidURL as error:
            raise Usage(f"{self.url} is no manager's address: {error}; check the URL") from error
        self.http = httpx.Client(
            base_url=base_url,
            headers=headers,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            transport=transport,
            verify=target.url.startswith("https:"),  # loading certificates takes time
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, where: str, query: Query | None = None, accept: str = ACCEPTED) -> Answer:
        """Read one resource."""
        return self._answer("GET", where, params=query, headers={"Accept": accept})

    def rows(self, where: str, query: Query, limit: int) -> tuple[list[Any], int]:
        """Up to `limit` rows of a list (0: all), each once, and how many there are in all."""
        found: list[Any] = []
        seen: set[str] = set()
        for page, count in self._pages(where, query, limit):
            for row in page:
                if (name := identity(row)) not in seen:
                    seen.add(name)
                    found.append(row)
            if limit and len(found) >= limit:
                return found[:limit], count
        return found, max(count, len(found))

    def send(
        self,
        method: str,
        where: str,
        body: Any = None,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a change: JSON, or text when the body is a string."""
        text = isinstance(body, str)
        return self._answer(
            method,
            where,
            params=query,
            json=None if text else body,
            content=body if text else None,
            headers={**({"Content-Type": TEXT} if text else {}), **(headers or {})},
        )

    def upload(self, where: str, body: Mapping[str, Any], advance: Callable[[int], None]) -> Answer:
        """Send a large change, and say how many bytes of it are on their way."""
        content = json.dumps(body).encode()

        def parts() -> Iterator[bytes]:
            for start in range(0, len(content), PART_BYTES):
                yield content[start : start + PART_BYTES]
                advance(min(PART_BYTES, len(content) - start))

        headers = {"Content-Type": "application/json", "Content-Length": str(len(content))}
        return self._answer("POST", where, content=parts(), headers=headers)

    def _pages(self, where: str, query: Query, limit: int) -> Iterator[tuple[list[Any], int]]:
        size = min(limit, PAGE_ROWS) if limit else PAGE_ROWS
        asked: dict[str, str | int] | None = {**query, "page_size": size}
        while asked is not None:
            body = self.get(where, asked).body
            if not isinstance(body, dict) or "results" not in body:
                raise Unreachable(f"{self.url} answers, but not as a manager; check the URL")
            yield body["results"], body["count"]
            following = body["next"]
            asked = dict(parse_qsl(urlsplit(following).query)) if following else None

    def _answer(self, method: str, where: str, **parts: Any) -> Answer:
        try:
            response = self.http.request(method, where, **parts)
        except httpx.HTTPError as error:
            raise self.lost(error, method) from error
        except (httpx.InvalidURL, UnicodeError) as error:
            raise Usage(f"{self.url} cannot be asked for that: {error}; check the URL") from error
        if not response.is_success:
            raise complaint(response, self.url)
        return Answer(
            self._decoded(response), response.headers.get("etag", ""), _revision(response)
        )

    def lost(self, error: httpx.HTTPError, method: str) -> Complaint:
        """The complaint for an answer that never came."""
        connecting = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
        why = str(error).removeprefix("[Errno -2] ") or "no answer in time"
        if method == "GET" or isinstance(error, (*connecting, httpx.UnsupportedProtocol)):
            return Unreachable(
                f"the manager at {self.url} does not answer: {why}; "
                "check that it runs, and the URL (--url, MUSTER_URL or the profile)"
            )
        return Unknown(
            f"the answer of the manager at {self.url} was lost ({why}); "
            "the change may have been made: look before you repeat it"
        )

    def _decoded(self, response: httpx.Response) -> Any:
        kind = response.headers.get("content-type", "")
        if kind.startswith("text/plain"):
            return response.text
        if not response.content:
            return None
        try:
            return json.loads(response.content)
        except ValueError:
            raise Unreachable(
                f"{self.url} answers, but not as a manager ({kind or 'no content type'}); "
                "check the URL"
            ) from None


def _revision(response: httpx.Response) -> int | None:
    told = response.headers.get("x-muster-revision", "")
    return int(told) if told.isdigit() else None
