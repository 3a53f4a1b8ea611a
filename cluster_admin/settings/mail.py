"""MUSTER_EMAIL_URL as Django's mail settings: smtp://USER:PASSWORD@HOST:PORT/?from=ADDRESS.

`smtp` without encryption, `smtp+tls` with STARTTLS, `smtps` with TLS from the first byte. Unset, no
mail is sent, and whoever is to get some is told why.
"""

from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

PORTS = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
TIMEOUT_SECONDS = 10


def settings(url: str) -> dict[str, object]:
    """Names and values of Django's settings."""
    found: dict[str, object] = {"EMAIL_HOST": "", "EMAIL_TIMEOUT": TIMEOUT_SECONDS}
    if not url:
        return found
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in PORTS or not parts.hostname:
        message = (
            "MUSTER_EMAIL_URL cannot be used; write smtp://USER:PASSWORD@HOST:PORT/?from=ADDRESS "
            "(smtp+tls: with STARTTLS, smtps: TLS from the first byte)"
        )
        raise ImproperlyConfigured(message)
    sender = parse_qs(parts.query).get("from", [f"muster@{parts.hostname}"])[0]
    return found | {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or PORTS[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "DEFAULT_FROM_EMAIL": sender,
        "SERVER_EMAIL": sender,
    }
