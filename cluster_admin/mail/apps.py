"""What happened to mail, counted from collected logs."""

from django.apps import AppConfig


class MailConfig(AppConfig):
    """It has no rows of its own: a collector counts, this reads."""

    name = "cluster_admin.mail"
