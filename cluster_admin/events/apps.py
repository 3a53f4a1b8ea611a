"""The events app: what happened, the listener that hears it, and who is told."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Registers the app under the label `events`."""

    name = "cluster_admin.events"
    verbose_name = "History"
