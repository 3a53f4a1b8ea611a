"""Settings for tests: no debug pages, fast passwords, nothing sent anywhere."""

from cluster_admin.settings.base import *  # noqa: F403

DEBUG = False
SECRET_KEY = "only for tests, where nothing is secret, and long enough for the checks"  # noqa: S105
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1", "[::1]"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MUSTER_CLUSTER = "demo"
MUSTER_BROKERS = ()
MUSTER_KEY_FILE = ""
MUSTER_METRICS_OPEN = False
