"""A Postfix instance per node: own configuration, queue and data directory, one per namespace.

It accepts mail for the lab's domain on every address the node has or gets (so a VIP needs no
reload) and relays all of it to the sink. No chroot, no DNS, no local delivery.
"""

import grp
import os
import pwd
from pathlib import Path

from workers.lab.commands import tool
from workers.lab.supervision import Program

DOMAIN = "lab.test"
_MAIN = """\
compatibility_level = 3.6
queue_directory = {directory}/spool
data_directory = {directory}/data
maillog_file = /dev/stdout
myhostname = {node}.{lab}.{domain}
mydomain = {lab}.{domain}
smtpd_banner = {node} ESMTP {lab}.{domain}
inet_interfaces = all
inet_protocols = ipv4
mynetworks = {subnet}
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
relay_domains = {domain}
relayhost = [{sink}]:25
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtp_connect_timeout = 5s
minimal_backoff_time = 10s
maximal_backoff_time = 30s
queue_run_delay = 10s
default_process_limit = 20
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


def lay_down(directory: Path, lab: str, node: str, subnet: str, sink: str, role: str) -> Program:
    """Write the instance's files under `directory` and answer the program that runs it."""
    postfix = tool("postfix")
    etc, data = directory / "etc", directory / "data"
    for path in (etc, directory / "spool", data):
        path.mkdir(parents=True, exist_ok=True, mode=0o755)
    os.chown(data, pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postfix").gr_gid)
    values = {"directory": directory, "node": node, "lab": lab, "domain": DOMAIN}
    main = _MAIN.format(**values, subnet=subnet, sink=sink, role=role)
    (etc / "main.cf").write_text(main)
    (etc / "master.cf").write_text(_MASTER)
    return Program("postfix", (postfix, "-c", str(etc), "start-fg"))
