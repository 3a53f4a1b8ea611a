"""One POST to somebody's server: within a deadline, whatever that server does.

No redirect is followed and no answer is read, so that a receiver decides nothing but its status.
"""

import asyncio

import httpx

TIMEOUT_SECONDS = 5.0
"""From looking up the name to the status line, all together."""
FAULTS = (OSError, TimeoutError, httpx.HTTPError, httpx.InvalidURL, ValueError)
"""What `post` raises when there is no status."""


def post(
    url: str, data: bytes, headers: dict[str, str], timeout_seconds: float = TIMEOUT_SECONDS
) -> int:
    """The status of the answer; raises one of `FAULTS`."""
    try:
        return asyncio.run(
            asyncio.wait_for(_post(url, data, headers, timeout_seconds), timeout_seconds)
        )
    except TimeoutError:
        raise TimeoutError(f"no answer within {timeout_seconds:g} s") from None


async def _post(url: str, data: bytes, headers: dict[str, str], timeout_seconds: float) -> int:
    async with (
        httpx.AsyncClient(timeout=timeout_seconds, follow_redirects=False) as client,
        client.stream("POST", url, content=data, headers=headers) as answer,
    ):
        return answer.status_code
