"""What the manager's processes leave in their log: the faults that their answers speak of."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FAIL = """
import django; django.setup()
from django.core.handlers.exception import response_for_exception
from django.test import RequestFactory
from django.core.exceptions import DisallowedHost
for error in (RuntimeError("a fault of ours"), DisallowedHost("of a scanner")):
    try:
        raise error
    except Exception as caught:
        print(response_for_exception(RequestFactory().get("/api/v1/"), caught).status_code)
"""


def test_a_fault_leaves_its_traceback_and_a_strange_host_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAIL],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "cluster_admin.settings.test"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout.split() == ["500", "400"], done.stderr
    assert "Traceback" in done.stderr
    assert "RuntimeError: a fault of ours" in done.stderr
    assert "scanner" not in done.stderr
