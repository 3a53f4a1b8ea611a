"""Settings for a real manager; MUSTER_SECRET_KEY and MUSTER_ALLOWED_HOSTS must be set."""

import os

from django.core.exceptions import ImproperlyConfigured

from cluster_admin.settings.base import *  # noqa: F403


def _required(variable: str) -> str:
    value = os.environ.get(variable, "")
    if not value:
        message = f"{variable} is not set: the manager does not start without it"
        raise ImproperlyConfigured(message)
    return value


DEBUG = False
SECRET_KEY = _required("MUSTER_SECRET_KEY")
ALLOWED_HOSTS = _required("MUSTER_ALLOWED_HOSTS").split(",")
SECURE_SSL_REDIRECT = True
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
