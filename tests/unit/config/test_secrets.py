"""Secrets: their values reach the node's files, and nothing else."""

import logging

import pytest

from tests.unit.config.rendered import outcome, problems, refused, tree, written
from workers.config.core.render import Tree
from workers.config.core.secrets import CLOSE, OPEN, SECRET_BYTES, Span, conceal

VALUE = b"hunter2\xff\n"
SECRETS = {"relay": VALUE, "key": b"-----BEGIN-----\nabc\n-----END-----\n", "empty": b""}.get


def made(template: str, **files: str) -> Tree:
    found = outcome(
        {"global/a.j2": template, **{f"global/{p}": t for p, t in files.items()}}, SECRETS
    )
    assert isinstance(found, Tree), found
    return found


def test_the_manager_sees_a_fixed_placeholder() -> None:
    assert written("user:{{ secret('relay') }}\n") == "user:<secret relay>\n"


def test_the_node_gets_the_value_less_one_newline_whatever_its_bytes() -> None:
    file = made("user:{{ secret('relay') }}!\n").files["a"]

    assert file.content == b"user:hunter2\xff!\n"
    assert file.secrets == (Span(5, 13, "relay"),)


def test_what_is_shown_is_what_the_manager_sees() -> None:
    template = "é{{ secret('relay') }}{{ secret('empty') }}\n{{ secret('key') }}"
    shown = made(template).files["a"].shown

    assert shown.decode() == "é<secret relay><secret empty>\n<secret key>" == written(template)
    assert b"hunter2" not in shown


def test_values_are_not_in_representations() -> None:
    found = made("{{ secret('relay') }}")

    assert "hunter2" not in repr(found)
    assert found.secret_files == {"a"}
    assert made("nothing").secret_files == frozenset()


def test_secrets_pass_through_macros_includes_variables_and_text() -> None:
    found = made(
        "{% import '_m.j2' as m %}{% set s = secret('relay') %}{% set t = 'a' ~ s %}"
        "{{ m.line('x') }}{{ t }} {{ [s, 'b'] | join(':') }} {{ '{}={}'.format('k', s) }}\n",
        **{"_m.j2": "{% macro line(name) %}{{ name }}={{ secret('key') }};{% endmacro %}"},
    ).files["a"]

    assert file_names(found.secrets) == ["key", "relay", "relay", "relay"]
    assert b"x=-----BEGIN-----\nabc\n-----END-----;ahunter2\xff " in found.content
    assert conceal(found.content, found.secrets) == found.shown


def test_a_secret_in_settings_serves_every_file_that_imports_them() -> None:
    importing = "{% import '_s.j2' as s %}{{ s.password }}"
    files = {
        "global/_s.j2": "{% set password = secret('relay') %}",
        "global/a.j2": importing,
        "global/b.j2": importing,
    }

    assert tree(files, secrets=SECRETS) == {"a": b"hunter2\xff", "b": b"hunter2\xff"}


def file_names(spans: tuple[Span, ...]) -> list[str]:
    return [span.name for span in spans]


def test_an_unknown_secret_is_told_with_its_line_in_the_file_that_asks() -> None:
    files = {"global/a.j2": "{% include 'd/_i.j2' %}", "global/d/_i.j2": "\n\n{{ secret('no') }}"}

    assert problems(files, secrets=SECRETS) == [
        "global/d/_i.j2:3: secret 'no' is not known on this node; "
        "put its value into secrets/no of the node's state directory"
    ]


def test_problems_beside_a_known_secret_do_not_tell_its_value(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    found = problems({"global/a.j2": "{{ secret('relay') }}{{ secret('no') }}"}, secrets=SECRETS)

    assert len(found) == 1
    assert "hunter2" not in f"{found}{caplog.text}"


def test_a_secret_that_is_too_long_is_refused() -> None:
    secrets = {"x": b"x" * (SECRET_BYTES + 2)}.get

    assert refused("{{ secret('x') }}", secrets=secrets).startswith("1: secret 'x' is too long")
    assert written("{{ secret('x') }}", secrets={"x": b"x" * SECRET_BYTES + b"\n"}.get)


def test_secrets_count_for_the_size_of_a_file() -> None:
    template = "{% for i in range(200) %}{{ secret('x') }}{% endfor %}"

    assert "more than 10 MiB with its secrets" in refused(
        template, secrets={"x": b"x" * SECRET_BYTES}.get
    )


@pytest.mark.parametrize(
    "use",
    [
        "{% if secret('relay') %}{% endif %}",
        "{{ secret('relay') == 'hunter2' }}",
        "{{ secret('relay') < 'i' }}",
        "{{ 'h' in secret('relay') }}",
        "{% for c in secret('relay') %}{{ c }}{% endfor %}",
        "{{ secret('relay') | upper }}",
        "{{ secret('relay') | length }}",
        "{{ secret('relay') | tojson }}",
        "{{ [secret('relay')] | tojson }}",
        "{{ ['a' ~ secret('relay')] | tojson }}",
        "{{ secret('relay') | replace('r', 's') }}",
        "{{ secret('relay') | urlencode }}",
        "{{ [secret('relay')] | map('upper') | join }}",
        "{{ secret('relay')[0] }}",
        "{{ secret('relay')._name }}",
        "{{ '{:>20}'.format(secret('relay')) }}",
        "{{ '{0._name}'.format(secret('relay')) }}",
        "{{ '%.3s' | format(secret('relay')) }}",
        "{{ ('x' ~ secret('relay')).upper() }}",
        "{{ ('x' ~ secret('relay'))[:4] }}",
        f"{OPEN}relay{CLOSE}",
        f"{CLOSE}",
        "{{ '\\ufdd0relay\\ufdd1' }}",
        "{{ secret('../relay') }}",
        "{{ secret('') }}",
        "{{ secret() }}",
        "{{ secret(1) }}",
        "{{ secret('a' * 65) }}",
        "{{ secret('a\nb') }}",
    ],
)
def test_nothing_can_be_done_with_a_secret_but_to_write_it(use: str) -> None:
    on_node, on_manager = refused(use, secrets=SECRETS), refused(use)

    assert on_node == on_manager
    assert "hunter2" not in on_node


@pytest.mark.parametrize(
    "use", ["{% set s = secret %}{{ s('no') }}", "{{ secret('no', muster_place=3) }}"]
)
def test_unusual_calls_are_refused_as_well(use: str) -> None:
    assert refused(use, secrets=SECRETS)


def test_a_secret_that_is_asked_for_and_not_written_is_not_needed() -> None:
    assert tree({"global/a.j2": "{% set s = secret('no') %}x"}, secrets=SECRETS) == {"a": b"x"}
