"""The whole stage once more, on PostgreSQL: a second run of pytest with a server of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.postgresql import running

HERE = Path(__file__).parent
ON_IT = os.environ.get("DATABASE_URL", "").startswith("postgres")


@pytest.mark.skipif(ON_IT, reason="this is the run on PostgreSQL")
def test_everything_else_passes_on_postgresql_too() -> None:
    with running() as url:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        second = subprocess.run(
            [*command, "-m", "not one_database", str(HERE)],
            env={**os.environ, "DATABASE_URL": url},
            cwd=HERE.parents[1],
            check=False,
        )

    assert second.returncode == 0, "it passes on SQLite, but not on PostgreSQL: see above"
