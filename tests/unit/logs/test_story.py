"""From a queue id to other nodes, and never into another message's lines."""

from workers.logs.core.lines import Line
from workers.logs.core.story import Story
from workers.logs.core.tokens import tokens

FIRST = [
    ("n1", "AAAAAA1", "client=c[198.18.0.1]"),
    ("n1", "AAAAAA1", "message-id=<one@example.net>"),
    ("n1", "AAAAAA1", "to=<b@example.org>, relay=n2[198.18.0.2]:25, delay=1, status=sent (ok)"),
    ("n1", "AAAAAA1", "removed"),
    ("n2", "BBBBBB2", "message-id=<one@example.net>"),
    ("n2", "BBBBBB2", "to=<b@example.org>, relay=mx[198.18.0.3]:25, delay=1, status=sent (ok)"),
    ("n2", "BBBBBB2", "removed"),
]
AGAIN = [
    ("n1", "AAAAAA1", "client=c[198.18.0.1]"),
    ("n1", "AAAAAA1", "message-id=<two@example.net>"),
    ("n1", "AAAAAA1", "removed"),
    ("n2", "AAAAAA1", "message-id=<three@example.net>"),
]


def lines_of(said: list[tuple[str, str, str]]) -> list[Line]:
    return [
        Line(
            "east",
            node,
            "mail",
            float(number),
            f"Nov 29 00:45:42 {node} postfix/smtpd[1]: {name}: {text}",
            f"/logs/{node}",
            number,
        )
        for number, (node, name, text) in enumerate(said)
    ]


def told(key: str, lines: list[Line]) -> list[int]:
    """The offsets of the lines that a story has when all that it wants is found."""
    story = Story(key)
    while wanted := story.wanted():
        story.take(
            line
            for line in lines
            for one in wanted
            if one.server in (None, (line.subcluster, line.node))
            and one.token in tokens(line.text.encode())
        )
    return sorted(line.offset for line in story.lines())


def test_a_queue_id_leads_to_the_next_node() -> None:
    assert told("BBBBBB2", lines_of(FIRST)) == list(range(7))


def test_a_message_id_has_all_its_queue_ids() -> None:
    assert told("<one@example.net>", lines_of(FIRST + AGAIN)) == list(range(7))


def test_a_queue_id_used_again_is_another_message() -> None:
    assert told("two@example.net", lines_of(FIRST + AGAIN)) == [7, 8, 9]


def test_a_queue_id_that_was_several_messages_gives_them_all() -> None:
    assert told("AAAAAA1", lines_of(FIRST + AGAIN)) == list(range(11))


def test_an_address_gives_its_messages_and_rejections() -> None:
    said = [*FIRST, ("n1", "NOQUEUE", "reject: RCPT from c[1.2.3.4]: 5.7.1; to=<b@example.org>")]

    assert told("B@example.org", lines_of(said + AGAIN)) == list(range(8))


def test_nothing_is_found_for_nothing() -> None:
    assert told(" <> ", lines_of(FIRST)) == []
