"""What lines are found by."""

from workers.logs.core.tokens import queue_in, token, tokens

POSTFIX = (
    b"Nov 29 00:45:42 mta1 postfix/smtp[5979]: AAFE620CBE5: to=<X@dead.example>, "
    b"orig_to=<all@example.org>, relay=none, status=deferred"
)
EXIM = (
    b"2026-11-29 00:52:17 1xXT9N-0006ko-2K <= a@example.net H=(c) [127.0.0.1] id=65.3@c.example.net"
)


def test_a_line_of_postfix_has_its_queue_id_and_addresses() -> None:
    assert tokens(POSTFIX) == {b"aafe620cbe5", b"x@dead.example", b"all@example.org"}
    assert queue_in(POSTFIX) == b"aafe620cbe5"


def test_a_message_id_is_found_with_brackets_and_without() -> None:
    head = b"Nov 29 00:45:42 mta1 postfix/cleanup[1]: AAFE620CBE5: "

    assert b"a.b@c" in tokens(head + b"message-id=<A.b@c>")
    assert b"a.b@c" in tokens(head + b"message-id=A.b@c\r\n")


def test_a_line_of_exim_has_its_queue_id_addresses_and_message_id() -> None:
    assert {b"1xxt9n-0006ko-2k", b"a@example.net", b"65.3@c.example.net"} <= tokens(EXIM)
    assert queue_in(EXIM) == b"1xxt9n-0006ko-2k"


def test_a_key_is_what_a_line_has() -> None:
    assert token(" <X@dead.example>\n") in tokens(POSTFIX)
    assert token("1xXT9N-0006ko-2K") in tokens(EXIM)


def test_a_rejection_without_a_message_names_no_queue_id() -> None:
    line = b"Nov 29 00:45:42 mta1 postfix/smtpd[1]: NOQUEUE: reject: RCPT from a[1.2.3.4]: 5.7.1"

    assert queue_in(line) == b""
    assert b"noqueue" not in tokens(line)
