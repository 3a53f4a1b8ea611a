"""What a configuration says of its host, and whether two say the same."""

from workers.config.core.postfix_host import HOST, can_log, same_host, values_in

LISTING = """\
config_directory = /etc/postfix
maillog_file =
mail_owner = postfix
something = else
queue_directory = /var/spool/a = b
"""
VALUES = dict.fromkeys(HOST, "x")


def test_values_are_those_of_the_listing() -> None:
    assert values_in(LISTING) == {
        "config_directory": "/etc/postfix",
        "maillog_file": "",
        "mail_owner": "postfix",
        "queue_directory": "/var/spool/a = b",
    }


def test_the_same_host_is_said_in_every_word() -> None:
    assert same_host(VALUES, VALUES | {"maillog_file": "/var/log/mail"})
    assert not same_host(VALUES, {})
    assert not same_host({}, {})
    assert not any(same_host(VALUES, VALUES | {name: "y"}) for name in HOST)


def test_a_log_file_needs_its_service() -> None:
    service = "smtp inet n - n - - smtpd\npostlog   unix-dgram n - n - 1 postlogd\n"

    assert can_log({}, "")
    assert can_log({"maillog_file": "/dev/stdout"}, service)
    assert not can_log({"maillog_file": "/dev/stdout"}, service.replace("postlog ", "#postlog"))
    assert not can_log({"maillog_file": "/dev/stdout"}, service.replace("unix-dgram", "unix"))
