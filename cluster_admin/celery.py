"""The manager's Celery app: tasks that use the ORM, on the queue `manager`.

Nodes are reached by task name on their own queues, `node.N`. JSON only; nothing is kept of results.
Loaded by whoever needs it, since package `__init__` files stay empty.
"""

import os
import socket

from celery import Celery

from workers.bus.celery_parts import TaskAmqp

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cluster_admin.settings.development")

from django.conf import settings  # needs the variable above

USER_TIMEOUT_MS = 2_000
"""A broker that acknowledges nothing for so long is left."""
QUEUE = "manager"

app = Celery("muster.manager", amqp=TaskAmqp)
app.conf.update(
    broker_url=list(settings.MUSTER_BROKERS) or "memory://",
    broker_connection_timeout=2,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "max_retries": 1,
        "interval_start": 0,
        "confirm_publish": True,  # what the broker did not take in is known at once
        "socket_settings": {socket.TCP_USER_TIMEOUT: USER_TIMEOUT_MS},
    },
    task_default_queue=QUEUE,
    task_create_missing_queues=True,
    task_serializer="json",
    result_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    enable_utc=True,
    timezone="UTC",
)
app.conf.beat_schedule = {
    # What waits longer than until the next turn is not worth doing twice.
    "events.deliver": {"task": "events.deliver", "schedule": 2.0, "options": {"expires": 2}},
    "configs.follow": {"task": "configs.follow", "schedule": 10.0, "options": {"expires": 10}},
    "configs.prune": {"task": "configs.prune", "schedule": 60.0, "options": {"expires": 60}},
    "configs.tidy": {"task": "configs.tidy", "schedule": 600.0, "options": {"expires": 600}},
    "joining.look": {"task": "joining.look", "schedule": 15.0, "options": {"expires": 15}},
    "joining.prune": {"task": "joining.prune", "schedule": 600.0, "options": {"expires": 600}},
    "audit.prune": {"task": "audit.prune", "schedule": 60.0, "options": {"expires": 60}},
    "events.prune": {"task": "events.prune", "schedule": 60.0, "options": {"expires": 60}},
}
app.autodiscover_tasks(lambda: list(settings.INSTALLED_APPS))
