"""Where a collector puts a log."""

import time

import pytest

from workers.logs.core.destination import TemplateError, parsed

USUAL = "/var/log/muster/%Y/%m/%d/%{l}/%{s}/%{n}"


def path(template: str, **names: str) -> str:
    """Of mta1's mail log on 2026-11-29."""
    usual = {"log": "mail", "subcluster": "default", "node": "mta1", **names}
    day = time.struct_time((2026, 11, 29, 1, 2, 3, 6, 333, 0))
    return parsed(template).path(**usual, format_time=lambda form: time.strftime(form, day))


def test_the_usual_one() -> None:
    assert path(USUAL) == "/var/log/muster/2026/11/29/mail/default/mta1"


def test_macros_of_strftime_and_a_percent_sign() -> None:
    assert path("/logs/%%/%F-%H/%j/%{l}-%{n}.log") == "/logs/%/2026-11-29-01/333/mail-mta1.log"


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("logs/%{l}/%{n}", "whole path"),
        ("/logs/%{l}/%{n}/", "whole path"),
        ("/logs/../%{l}/%{n}", "where it leads"),
        ("/logs/%{x}/%{l}/%{n}", r"%\{x\} is not known"),
        ("/logs/%Q/%{l}/%{n}", "%Q is nothing"),
        ("/logs/%{l}/%{n}%", "% is nothing"),
        ("/logs/%{l}", r"add %\{n\}"),
        ("/logs/%{n}", r"add %\{l\}"),
        ("/logs/%%{l}/%{n}", r"add %\{l\}"),
    ],
)
def test_what_cannot_be_used(template: str, sentence: str) -> None:
    with pytest.raises(TemplateError, match=sentence):
        parsed(template)


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "a\0"])
def test_no_name_leads_out_of_the_directory(name: str) -> None:
    with pytest.raises(TemplateError, match="no part of a path"):
        path(USUAL, node=name)


def test_files_of_one_time_and_of_any_are_recognised() -> None:
    destination = parsed("/var/log/100%%/%Y/%{l}.%{n}")
    now = destination.pattern(lambda _macro: "2026")
    ever = destination.pattern()

    assert destination.root == "/var/log"
    assert now.fullmatch("/var/log/100%/2026/mail.mta1")
    assert not now.fullmatch("/var/log/100%/2025/mail.mta1")
    assert ever.fullmatch("/var/log/100%/2025/mail.mta1")
    assert not ever.fullmatch("/var/log/other/2025/mail.mta1")
    assert destination.dated
    assert not parsed("/var/log/100%%/%{l}/%{n}").dated
