"""The rows of the failover bench, each with its bound in seconds; their names are fixed."""

import statistics

from bench.figures import outage, outage_after_lease, two_owners
from bench.report import Bound, Kind

POWER_LOSS_SECONDS = 0.8
LEASE_SECONDS = 0.150

KINDS = (
    Kind(
        name="control.outage",
        scenario="control",
        figure=outage,
        over=statistics.median,
        bound=Bound.REPORTED,
    ),
    *(
        Kind(
            name=f"{name}.outage", scenario=name, figure=outage, over=statistics.median, bound=bound
        )
        for name, bound in (
            ("power-loss", POWER_LOSS_SECONDS),
            ("kill-agent", Bound.UNNOTICED),
            ("split", Bound.UNNOTICED),
            ("broker-kill", Bound.UNNOTICED),
            ("broker-kill+power-loss", POWER_LOSS_SECONDS),
        )
    ),
    Kind(
        name="stop-agent.outage_after_lease",
        scenario="stop-agent",
        figure=outage_after_lease,
        over=statistics.median,
        bound=LEASE_SECONDS,
    ),
    *(
        Kind(name=f"{name}.two_owners", scenario=name, figure=two_owners, over=max, bound=0.0)
        for name in (
            "power-loss",
            "kill-agent",
            "stop-agent",
            "freeze",
            "split",
            "broker-kill",
            "broker-kill+power-loss",
        )
    ),
)
