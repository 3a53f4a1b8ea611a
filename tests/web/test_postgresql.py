"""The whole stage once more, on PostgreSQL: a second run of pytest with a server of its own."""

import pytest

from tests.web.conftest import ON_POSTGRESQL, SecondRun

RUN_SECONDS = 250


@pytest.mark.skipif(ON_POSTGRESQL, reason="this is the run on PostgreSQL")
def test_everything_else_passes_on_postgresql_too(second_run: SecondRun) -> None:
    code = second_run.process.wait(RUN_SECONDS)

    print(second_run.output.read_text(errors="replace"))
    assert code == 0, "it passes on SQLite, but not on PostgreSQL: see above"
