"""Limits in a lab: what its definitions say, the worker of each node, and how Postfix asks it.

Postfix asks when a client connects, for each recipient and at the end of each message. Who does not
answer in time stops no mail. The lab's limits are wide: they show what counts, and refuse nobody
until somebody makes them narrow.
"""

from pathlib import Path

from workers.lab.state import Record, directory
from workers.lab.supervision import Program, python_program
from workers.replication.core.definitions import Limit, Per, Replication, Subject

METRICS = "metrics"
POLICY_SOCKET, LIMITS_SOCKET = "policy.sock", "limits.sock"
"""Beside the agent's socket."""
ANSWER_SECONDS = 1
"""How long Postfix waits for an answer."""
_LIMITS = (
    Limit("client-connections", Subject.INBOUND_CONNECTIONS, Per.ADDRESS, 100_000, 60.0),
    Limit("client-messages", Subject.INBOUND_MESSAGES, Per.ADDRESS, 100_000, 60.0),
    Limit("client-recipients", Subject.INBOUND_RECIPIENTS, Per.ADDRESS, 100_000, 60.0),
    Limit("domain-connections", Subject.OUTBOUND_CONNECTIONS, Per.DOMAIN, 1_000),
    Limit("domain-messages", Subject.OUTBOUND_MESSAGES, Per.DOMAIN, 100_000, 60.0),
)
_POSTFIX = """\
smtpd_delay_reject = no
smtpd_policy_service_default_action = DUNNO
smtpd_policy_service_timeout = {seconds}s
smtpd_policy_service_try_limit = 1
smtpd_client_restrictions = check_policy_service unix:{socket}
smtpd_recipient_restrictions = check_policy_service unix:{socket}
smtpd_end_of_data_restrictions = check_policy_service unix:{socket}
{{% set own = transports[""] %}}
default_destination_concurrency_limit = {{{{ own.destination_concurrency_limit }}}}
default_destination_rate_delay = {{{{ own.destination_rate_delay }}}}s
default_transport_rate_delay = {{{{ own.transport_rate_delay }}}}s
"""


def replication_of(record: Record) -> Replication:
    """What the lab's nodes limit together."""
    return Replication(limits=_LIMITS) if record.limits else Replication()


def limits_socket(record: Record, node: str) -> Path:
    """Where a node tells of its limits."""
    return directory(record.name) / node / LIMITS_SOCKET


def postfix_lines(record: Record, node: str) -> str:
    """What main.cf says of limits; `node` may be the node's name as templates say it."""
    if not record.limits:
        return ""
    socket = directory(record.name) / node / POLICY_SOCKET
    return _POSTFIX.format(seconds=ANSWER_SECONDS, socket=socket)


def metrics_program(settings: Path) -> Program:
    """What counts and limits on a node."""
    return python_program(METRICS, "workers.metrics", "--config", str(settings))
