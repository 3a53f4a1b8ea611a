"""Settings for a real manager; MUSTER_SECRET_KEY, _ALLOWED_HOSTS and _CLUSTER must be set.

Everything is TLS unless MUSTER_PLAIN_HTTP=1 says that nothing but this machine is asked (the lab).
A proxy in front that ends TLS is believed by uvicorn's `--forwarded-allow-ips`, not here.
"""

from cluster_admin.settings import environment
from cluster_admin.settings.base import *  # noqa: F403

DEBUG = False
SECRET_KEY = environment.required("MUSTER_SECRET_KEY")
ALLOWED_HOSTS = environment.words(environment.required("MUSTER_ALLOWED_HOSTS"))
MUSTER_CLUSTER = environment.required("MUSTER_CLUSTER")
MUSTER_PUBLIC_URL = environment.text("MUSTER_PUBLIC_URL", f"https://{ALLOWED_HOSTS[0]}").rstrip("/")
CSRF_TRUSTED_ORIGINS = [MUSTER_PUBLIC_URL]

PLAIN_HTTP = environment.switch("MUSTER_PLAIN_HTTP")
SECURE_SSL_REDIRECT = not PLAIN_HTTP
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # what watches asks the process itself
SESSION_COOKIE_SECURE = not PLAIN_HTTP
CSRF_COOKIE_SECURE = not PLAIN_HTTP
SECURE_HSTS_SECONDS = 0 if PLAIN_HTTP else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = not PLAIN_HTTP
SECURE_HSTS_PRELOAD = not PLAIN_HTTP
if PLAIN_HTTP:
    # Asked for: nothing to be warned of at every start.
    SILENCED_SYSTEM_CHECKS = [f"security.W{number:03}" for number in (4, 8, 12, 16)]
