"""Settings that hold everywhere. No secrets here: production reads them from the environment."""

from pathlib import Path

from cluster_admin.settings import environment, mail
from cluster_admin.settings.rest import REST_FRAMEWORK, SPECTACULAR_SETTINGS  # noqa: F401

BASE_DIR = Path(__file__).resolve().parent.parent.parent

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.admin",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "cluster_admin.audit",
    "cluster_admin.accounts",
    "cluster_admin.inventory",
    "cluster_admin.vips",
    "cluster_admin.events",
    "cluster_admin.logs",
    "cluster_admin.replication",
    "cluster_admin.configs",
    "cluster_admin.joining",
    "cluster_admin.api",
    "cluster_admin.dashboard",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "cluster_admin.dashboard.policy.ContentPolicy",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
ROOT_URLCONF = "cluster_admin.urls"
ASGI_APPLICATION = "cluster_admin.asgi.application"

DATA_DIRECTORY = Path(environment.text("MUSTER_DATA_DIRECTORY", str(BASE_DIR)))
DATABASES = {"default": environment.database(DATA_DIRECTORY)}
MUSTER_REPOSITORY_DIRECTORY = Path(
    environment.text("MUSTER_REPOSITORY_DIRECTORY", str(DATA_DIRECTORY / "configuration.git"))
)
"""The configuration repository; it belongs with the database, and outlives it."""
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["cluster_admin.accounts.throttle.Backend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "dashboard:login"
LOGIN_REDIRECT_URL = "/"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

BODY_MAX_BYTES = 6 * 1024 * 1024
"""The largest request: a definitions file of 10,240 VIPs takes about a third of it."""
COMMIT_MAX_BYTES = 20 * 1024 * 1024
"""The same for commits: a file of the configuration has at most 10 MiB, a third more in base64."""
DATA_UPLOAD_MAX_MEMORY_SIZE = BODY_MAX_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

LANGUAGE_CODE = "en-us"
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
"""Files are served from the apps: nobody has to collect them first."""

MUSTER_CLUSTER = environment.text("MUSTER_CLUSTER", "demo")
MUSTER_BROKERS = tuple(environment.words(environment.text("MUSTER_BROKER_URL")))
MUSTER_BROKER_MANAGEMENT = tuple(
    environment.words(environment.text("MUSTER_BROKER_MANAGEMENT_URL"))
)
"""The broker's management API with an administrator's account; without it no host can join."""
MUSTER_NODE_BROKERS = tuple(environment.words(environment.text("MUSTER_NODE_BROKERS")))
"""What joining nodes are told, without accounts; the managers' brokers unless said."""
MUSTER_KEY_FILE = environment.text("MUSTER_KEY_FILE")
MUSTER_PUBLIC_URL = environment.text("MUSTER_PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
MUSTER_METRICS_OPEN = environment.switch("MUSTER_METRICS_OPEN")
"""Whether /metrics needs no login; otherwise a token with the scope `read`."""
MUSTER_EVENTS_KEPT = environment.number("MUSTER_EVENTS_KEPT", 1_000_000)
"""Events in the history; the oldest go first."""
MUSTER_EVENTS_DAYS = environment.number("MUSTER_EVENTS_DAYS", 365)

MUSTER_SHARED_SOCKET = Path(
    environment.text("MUSTER_SHARED_SOCKET", str(DATA_DIRECTORY / "shared.sock"))
)
"""Where the listener tells web processes on this host what nodes count."""
MUSTER_LOGS_DESTINATION = environment.destination(
    "MUSTER_LOGS_DESTINATION", "/var/log/muster/%Y/%m/%d/%{l}/%{s}/%{n}"
)
"""Where the collector on this host puts logs: its `destination`."""
MUSTER_LOGS_INDEX = environment.text("MUSTER_LOGS_INDEX", "/var/lib/muster/collector/index")
"""The collector's index of them: `index` in its `state_directory`."""
MUSTER_MAIL_COUNTS = environment.text(
    "MUSTER_MAIL_COUNTS", "/var/lib/muster/collector/mail.sqlite3"
)
"""What the collector counted of mail: `mail.sqlite3` in its `state_directory`."""

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"named": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "named"}},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "ERROR"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
"""A fault of ours leaves its traceback in the journal, which Django alone would not see to; whoever
scans for other hosts leaves nothing."""

globals().update(mail.settings(environment.text("MUSTER_EMAIL_URL")))
