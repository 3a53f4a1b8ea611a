"""Who has another limit, or none."""

import pytest

from workers.replication.core.definitions import Exempt, Limit, Per, Subject
from workers.replication.core.exemptions import Exemptions

EXEMPTS = Exemptions(
    [
        Exempt("all", "", "10.0.0.0/8", 1),
        Exempt("some", "", "10.1.0.0/16", 2),
        Exempt("this", "a", "10.0.0.0/8", 3),
        Exempt("one", "", "2001:db8::1"),
        Exempt("below", "", ".example.org", 4),
        Exempt("domain", "", "mail.Example.org", 5),
        Exempt("user", "", "a@mail.example.org", 6),
        Exempt("star", "g", "*", 7),
    ]
)


@pytest.mark.parametrize(
    ("name", "per", "text", "most"),
    [
        ("b", Per.ADDRESS, "10.2.0.1", 1),
        ("b", Per.ADDRESS, "10.1.0.1", 2),
        ("a", Per.NETWORK, "10.1.0.1", 3),
        ("b", Per.ADDRESS, "2001:db8:0::1", None),
        ("b", Per.ADDRESS, "11.0.0.1", 99),
        ("b", Per.ADDRESS, "nonsense", 99),
        ("b", Per.SENDER, "x@a.b.example.org", 4),
        ("b", Per.SENDER_DOMAIN, "x@example.org", 4),
        ("b", Per.SENDER, "x@mail.example.org", 5),
        ("b", Per.SENDER, "A@mail.example.org", 6),
        ("b", Per.DOMAIN, "mail.example.org", 5),
        ("b", Per.SENDER, "x@badexample.org", 99),
        ("g", Per.GLOBAL, "RCPT", 7),
        ("b", Per.SENDER, "." * 5_000, 99),
    ],
)
def test_the_most_specific_exemption_holds(
    name: str, per: Per, text: str, most: int | None
) -> None:
    assert EXEMPTS.most(Limit(name, Subject.NAMED, per, 99, 60.0), text) == most
