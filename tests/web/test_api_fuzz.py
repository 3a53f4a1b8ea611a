"""Requests made up from the OpenAPI document: no bug, no status or shape that it does not say.

Runs against the real web process, with the same seed each time, but as far as the time allows:
what comes of a request depends on those before it. MUSTER_FUZZ_SEED=N makes up others.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.web.serving import Serving, serving

pytestmark = pytest.mark.one_database
SECONDS = 30
CONFIGURATION = """
[checks]
# What the document allows may still be refused: nodes could not act on it.
positive_data_acceptance.enabled = false
negative_data_rejection.expected-statuses = [
  400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 429
]

[[operations]]
# It would end the token in use.
include-path = "/api/v1/logout/"
enabled = false

[[operations]]
# It never ends.
include-path = "/api/v1/events/stream/"
enabled = false

[[operations]]
# Nor does it.
include-path = "/api/v1/logs/tail/"
enabled = false

[[operations]]
# Nobody owns a VIP here, which is a 503 for load balancers.
include-path = "/api/v1/vips/{address}/owner/"
checks.not_a_server_error.enabled = false

[[operations]]
# Nobody counts mail here, which is a 503 that says what to start.
include-path = "/api/v1/mail/counts/"
checks.not_a_server_error.enabled = false

[[operations]]
# No listener hears what nodes count here, which is a 503 that says what to start.
include-path-regex = "^/api/v1/(limits/(usage|explain|refusals)|shared(/rows|/chart|/nodes)?)/$"
checks.not_a_server_error.enabled = false

[[operations]]
# No broker can be told of accounts here, which is a 503 that says what to set.
include-path = "/api/v1/nodes/{name}/join-token/"
checks.not_a_server_error.enabled = false
"""
SCHEMATHESIS = "from schemathesis.cli import schemathesis; schemathesis()"


def test_made_up_requests_find_nothing_that_the_document_does_not_say(tmp_path: Path) -> None:
    seed = int(os.environ.get("MUSTER_FUZZ_SEED") or 625711199)
    print(f"MUSTER_FUZZ_SEED={seed}")
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION)
    with serving(tmp_path) as web:
        done = subprocess.run(_command(web, seed), cwd=tmp_path, check=False)
        log = web.log.read_text()
        alive = httpx.get(f"{web.url}/healthz").is_success

    print(log[-3000:])
    assert done.returncode == 0, "see above; a run with the same seed repeats it"
    assert "Traceback" not in log
    assert alive


def _command(web: Serving, seed: int) -> list[str]:
    options = {
        "--header": f"Authorization: Bearer {web.token}",
        "--phases": "coverage,fuzzing,stateful",
        "--max-examples": "5",
        "--max-time": str(SECONDS),
        "--seed": str(seed),
        "--generation-database": "none",
        "--warnings": "off",
    }
    told = [f"{name}={value}" for name, value in options.items()]
    where = f"{web.url}/api/v1/schema/"
    command = [sys.executable, "-c", SCHEMATHESIS, "run", where, "--no-shrink", "--no-color"]
    return [*command, "--continue-on-failure", *told]


def test_a_body_beyond_the_limit_is_refused_by_the_real_process(tmp_path: Path) -> None:
    pieces = 0

    def endless() -> object:
        nonlocal pieces
        while True:
            pieces += 1
            yield b"x" * 65_536

    with serving(tmp_path) as web:
        began = time.monotonic()
        try:
            answer = httpx.post(f"{web.url}/api/v1/login/", content=endless())  # type: ignore[arg-type]
            assert answer.status_code == 413
        except httpx.WriteError:
            pass  # the connection was closed on what was still being sent
        alive = httpx.get(f"{web.url}/healthz").is_success

    assert alive
    assert time.monotonic() - began < 20
    assert pieces < 1_000
