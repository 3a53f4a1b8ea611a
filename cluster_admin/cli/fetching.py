"""One quick GET with the standard library alone, for completion, which is to be fast.

No redirect is followed and no page after the first read; whatever goes wrong is an OSError or a
ValueError. Commands use `client` instead.
"""

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from cluster_admin.cli.profiles import Target

PATIENCE_SECONDS = 1.0
LARGEST_BYTES = 4_000_000


def fetch(target: Target, where: str, query: Mapping[str, str | int]) -> Any:
    """The JSON that the manager has at `where` below /api/v1/."""
    parts = urlsplit(target.url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS)
    headers = {"Accept": "application/json", "User-Agent": "muster"}
    if target.token:
        headers["Authorization"] = f"Bearer {target.token}"
    try:
        connection.request(
            "GET", f"{parts.path}/api/v1/{where}?{urlencode(query)}", headers=headers
        )
        answer = connection.getresponse()
        body = answer.read(LARGEST_BYTES)
    except HTTPException as error:
        raise OSError(str(error)) from error
    finally:
        connection.close()
    if answer.status != 200:
        raise OSError(f"status {answer.status}")
    return json.loads(body)
