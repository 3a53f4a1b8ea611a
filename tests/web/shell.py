"""Somebody who types commands at the real API, in this process."""

from pathlib import Path
from typing import Any

import httpx
from django.core.wsgi import get_wsgi_application

from tests.unit.cli.manager import Manager
from tests.unit.cli.operator import Operator


class Shell(Operator):
    """Types at the API, with somebody's token."""

    def __init__(self, home: Path, secret: str, **around: Any) -> None:
        super().__init__(Manager(), home, **around)
        self.transport = httpx.WSGITransport(app=get_wsgi_application())
        self.environment |= {
            "MUSTER_URL": "http://testserver",
            "MUSTER_TOKEN": secret,
            "NO_COLOR": "1",
        }
