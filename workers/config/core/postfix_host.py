"""What a configuration of Postfix says of its host: programs, queue, users and directories.

`postfix check` spends nearly all of its time on these, and a queue of a million files makes it take
minutes. They are looked at when Postfix starts, and again when one of these values changes.
"""

import re
from collections.abc import Mapping

CONFIG_DIRECTORY, LOG_FILE = "config_directory", "maillog_file"
HOST = (
    *("command_directory", "daemon_directory", "data_directory", "html_directory", "mail_owner"),
    *("mailq_path", "manpage_directory", "newaliases_path", "queue_directory", "readme_directory"),
    *("sample_directory", "sendmail_path", "setgid_group", "shlib_directory", "meta_directory"),
    *("hash_queue_names", "hash_queue_depth", "enable_long_queue_ids"),
)
"""Every parameter that `post-install`, `postsuper` and the looks for owners and modes go by."""
ASKED = (CONFIG_DIRECTORY, LOG_FILE, *HOST)
_LOG_SERVICE = re.compile(r"^postlog[ \t]+unix-dgram[ \t]", re.MULTILINE)


def values_in(listing: str) -> dict[str, str]:
    """Parameter -> value, as `postconf` lists them."""
    pairs = (line.partition(" =") for line in listing.splitlines())
    return {name: value.strip() for name, _, value in pairs if name in ASKED}


def same_host(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two configurations say the same of the host, and all of it."""
    return all(name in one and one[name] == other.get(name) for name in HOST)


def can_log(values: Mapping[str, str], services: str) -> bool:
    """Whether master.cf, the text `services`, has the service that writes the log file, if any."""
    return not values.get(LOG_FILE) or bool(_LOG_SERVICE.search(services))
