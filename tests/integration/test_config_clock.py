"""A node whose clock is wrong is told all the same: nothing depends on clocks that agree."""

from pathlib import Path

import pytest

from tests.integration.brokers import RunningBroker
from tests.integration.test_config_bus import COMMIT, newest, run
from tests.integration.test_config_managed import WORKER, at_rest, site
from workers.lab.clocks import clock_environment, set_clock

HOUR = 3_600


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_a_node_with_a_wrong_clock_gets_what_is_committed(
    tmp_path: Path, rabbitmq: RunningBroker, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    clock = tmp_path / "clock"
    set_clock(clock, seconds)
    with site(tmp_path, rabbitmq) as (manager, home):
        home.end()
        with monkeypatch.context() as surroundings:
            for name, value in clock_environment(clock).items():
                surroundings.setenv(name, value)
            home.start(WORKER)
        run(manager, COMMIT, "global/clock.cf", f"{seconds}\n")
        at_rest(manager, newest(manager))
