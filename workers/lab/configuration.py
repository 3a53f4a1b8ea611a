"""The configuration that a lab begins with: the tree of its repository, and what nodes get of it.

One set of files serves every node: Postfix's directories and names come from the node's facts. What
somebody may want to change while the lab runs stands in `_settings.j2`, which each subcluster and
node can replace. A node's first tree is laid down before its Postfix starts, by the code that
applies trees; the manager's first revision yields the same files, so it changes nothing there.
"""

import contextlib
from dataclasses import dataclass
from pathlib import Path

from workers.config.core.facts import facts_of
from workers.config.core.manifests import Rendered
from workers.config.core.render import Tree, render_node
from workers.config.core.reports import Outcome, Result
from workers.config.errors import ConfigError
from workers.config.profiles import Postfix
from workers.config.state import State
from workers.config.switching import Switcher
from workers.failover.core.definitions import Definitions
from workers.lab.errors import LabError
from workers.lab.processes import ROLE_VARIABLE

DOMAIN = "lab.test"
SETTINGS = "global/_settings.j2"
SUBDIRECTORY = "postfix"
"""Of the tree, for Postfix's own files."""
MAIN, MASTER, TRANSPORT = (
    f"global/{SUBDIRECTORY}/{name}" for name in ("main.cf.j2", "master.cf", "transport")
)
FILE_MODE = 0o100644
_SETTINGS = """\
{# What layers may want to differ in: put a file of this name into a later layer. #}
{% set message_size_limit = 20480000 %}
{% set process_limit = 20 %}
"""
_MAIN = """\
{{% import "_settings.j2" as settings %}}
# {{{{ cluster }}}}/{{{{ subcluster }}}}: made for {{{{ node.name }}}}; change it in the repository.
compatibility_level = 3.6
queue_directory = {home}/spool
data_directory = {home}/data
maillog_file = {maillog}
maillog_file_prefixes = {maillog}
myhostname = {{{{ node.name }}}}.{{{{ cluster }}}}.{domain}
mydomain = {{{{ cluster }}}}.{domain}
smtpd_banner = {{{{ node.name }}}} ESMTP {{{{ cluster }}}}.{domain}
inet_interfaces = all
inet_protocols = ipv4
mynetworks = {subnet}
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
relay_domains = {domain}
transport_maps = hash:$config_directory/transport
relayhost = [{sink}]:25
message_size_limit = {{{{ settings.message_size_limit }}}}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtp_connect_timeout = 5s
minimal_backoff_time = 10s
maximal_backoff_time = 30s
queue_run_delay = 10s
service_throttle_time = 1s
default_process_limit = {{{{ settings.process_limit }}}}
{limits}\
import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ POSTLOG_SERVICE POSTLOG_HOSTNAME {role}
"""
_MASTER = """\
smtp      inet  n  -  n  -  -  smtpd
pickup    unix  n  -  n  60 1  pickup
cleanup   unix  n  -  n  -  0  cleanup
qmgr      unix  n  -  n  300 1 qmgr
rewrite   unix  -  -  n  -  -  trivial-rewrite
bounce    unix  -  -  n  -  0  bounce
defer     unix  -  -  n  -  0  bounce
trace     unix  -  -  n  -  0  bounce
verify    unix  -  -  n  -  1  verify
flush     unix  n  -  n  1000? 0 flush
proxymap  unix  -  -  n  -  -  proxymap
proxywrite unix -  -  n  -  1  proxymap
smtp      unix  -  -  n  -  -  smtp
relay     unix  -  -  n  -  -  smtp
showq     unix  n  -  n  -  -  showq
error     unix  -  -  n  -  -  error
retry     unix  -  -  n  -  -  error
discard   unix  -  -  n  -  -  discard
anvil     unix  -  -  n  -  1  anvil
scache    unix  -  -  n  -  1  scache
postlog   unix-dgram n - n  -  1  postlogd
"""
_TRANSPORT = """\
# Domains that leave by a way of their own; all others go to the relay.
discarded.test          discard:
"""


@dataclass(frozen=True, slots=True)
class Place:
    """What the configuration must know of the machine. `home` is Postfix's on the node."""

    home: str
    """With the node's name as templates say it, where it is in the path."""
    subnet: str
    sink: str
    maillog: str = "/dev/stdout"
    """Where its log goes, `home` alike."""
    limits: str = ""
    """Lines of main.cf about whom it asks."""


@dataclass(frozen=True, slots=True)
class _Stored:
    blob: str
    mode: int = FILE_MODE


class BeforeItRuns(Postfix):
    """The profile of a Postfix that is not started yet: nobody to reload, or to ask how it is."""

    __slots__ = ()

    def reload(self, live: Path) -> Result:
        """Always good."""
        return Result(True)

    def check(self, live: Path) -> Result:
        """Always good."""
        return Result(True)


def tree(place: Place) -> dict[str, bytes]:
    """Every file of the repository, by path, but for the definitions."""
    main = _MAIN.format(
        home=place.home,
        domain=DOMAIN,
        subnet=place.subnet,
        sink=place.sink,
        maillog=place.maillog,
        role=ROLE_VARIABLE,
        limits=place.limits,
    )
    files = {
        SETTINGS: _SETTINGS,
        MAIN: main,
        MASTER: _MASTER,
        TRANSPORT: _TRANSPORT,
    }
    return {path: text.encode() for path, text in files.items()}


def write_tree(directory: Path, files: dict[str, bytes]) -> None:
    """Write it where `manage.py bootstrap --configuration` reads it."""
    for path, content in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)


def rendered(files: dict[str, bytes], definitions: Definitions, node: str) -> Rendered:
    """What a node gets of it; raises `LabError`."""
    listing = {path: _Stored(path) for path in files}
    facts = facts_of(definitions, definitions.revision, node)
    found = render_node(listing, files.__getitem__, facts)
    if not isinstance(found, Tree):
        raise LabError("the lab's configuration is wrong: " + "; ".join(map(str, found)))
    return found.contents


def lay_down(directory: Path, postfix: BeforeItRuns, files: Rendered) -> None:
    """Make the first tree live in a node's `<state>/config`; raises `LabError`."""
    report = Switcher(directory, postfix).apply(0, files)[-1]
    if report.outcome is not Outcome.APPLIED:
        raise LabError(f"{report.sentence}: {report.output}")


def live_revision(directory: Path) -> int | None:
    """The revision that is live in a node's `<state>/config`: 0 is the tree laid down, None none.

    Read from its disk, so it needs nobody who answers.
    """
    with contextlib.suppress(ConfigError, OSError):
        live = State(directory).live()
        return live.revision if live.hash else None
    return None
