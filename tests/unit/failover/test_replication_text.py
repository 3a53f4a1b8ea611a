"""Tables, limits and exemptions in the file: what is read, and what is refused at which line."""

import pytest

from tests.unit.failover.definitions_samples import EVERYTHING
from workers.failover.core.definitions_text import DefinitionsError, parse, render
from workers.replication.core.definitions import (
    CutOff,
    Exempt,
    Limit,
    Per,
    Replication,
    Subject,
    Table,
    TableType,
)

TOP = 'format = 1\ncluster = "demo"\nsubcluster = "default"\nrevision = 1\n'
LIMIT = '[limit.a]\nsubject = "inbound-messages"\nper = "address"\n'
ANY = f'{LIMIT}most = "5/60s"\n'


def refusal(text: str) -> str:
    with pytest.raises(DefinitionsError) as told:
        parse(TOP + text, "d.toml")
    return str(told.value)


def test_tables_and_limits_are_read_in_order_of_their_names() -> None:
    read = parse(
        f'{TOP}[limit.b]\nsubject = "inbound-open"\nper = "address"\nmost = 20\n{ANY}'
        '[table.in]\ntype = "inbound_cidr"\nclass = "bulk"\n'
        '[exempt.x]\nkey = "192.0.2.0/24"\nmost = 7\n[replication]\ncut_off = "full"\n'
    )

    assert read.replication == Replication(
        (Table("in", TableType.CONNECTIONS_INBOUND, table_class="bulk"),),
        (
            Limit("a", Subject.INBOUND_MESSAGES, Per.ADDRESS, 5, 60),
            Limit("b", Subject.INBOUND_OPEN, Per.ADDRESS, 20),
        ),
        (Exempt("x", "", "192.0.2.0/24", 7),),
        CutOff.FULL,
    )


@pytest.mark.parametrize(
    ("written", "rate"),
    [('"5/60s"', (5, 60)), ('"5/m"', (5, 60)), ('"5/2h"', (5, 7200)), ('"5/0.1m"', (5, 6))],
)
def test_a_window_is_written_as_people_say_it(written: str, rate: tuple[int, float]) -> None:
    [limit] = parse(f"{TOP}{LIMIT}most = {written}\n").replication.limits

    assert (limit.most, limit.window) == rate


def test_a_window_that_seconds_cannot_say_exactly_is_written_as_it_is_read() -> None:
    read = parse(f'{TOP}{LIMIT}most = "5/1.000001m"\n')

    assert parse(render(read)) == read


def test_the_canonical_form_leaves_out_what_is_usual() -> None:
    text = render(parse(f'{TOP}[table.t]\ntype = "cache"\nmax_delay = 1\nsnapshot = true\n{ANY}'))

    assert '[table.t]\ntype = "cache"\n\n[limit.a]\n' in text
    assert '[limit.a]\nsubject = "inbound-messages"\nper = "address"\nmost = "5/60s"\n\n#' in text
    assert "replication" not in text


def test_everything_stands_in_its_place() -> None:
    text = render(EVERYTHING)

    for line in (
        '[replication]\ncut_off = "refuse"\ntest = true\n',
        'parameters = { "window" = "3600" }\nmax_delay = 0.5\nmax_pending = 50\nmax_size = 1000\n',
        'binding_group = "bulk"\nclass = "of \\"all\\""\nsnapshot = false\nscope = "cluster"\n',
        'per = "network"\nmost = "1000/90.5s"\nprefix_v4 = 24\nprefix_v6 = 48\n',
        'throttle = "tickets"\n',
        '[exempt.office]\nlimit = "per-network"\nkey = "192.0.2.0/24"\nmost = 0\n',
        '[exempt.partner]\nkey = "sales@example.net"\n',
    ):
        assert line in text


WRONG = {
    "[replication]\ncutoff = 'full'\n": "6: replication: unknown key cutoff; did you mean cut_off",
    "[replication]\ncut_off = 'half'\n": "6: replication: cut_off is 'half'; write share or full",
    "[replication]\ntest = 1\n": "6: replication: test is 1; write true or false",
    "[table.t]\n": "5: table t: type is missing",
    "[table.t]\ntype = 'inbound'\n": "6: table t: type is 'inbound'; write connections-inbound or",
    "[table.t]\ntype = 'cache'\nscope = 'all'\n": "7: table t: scope is 'all'; write cluster or",
    "[table.t]\ntype = 'cache'\nmax_delay = 0\n": "7: table t: max_delay is 0.0; write 0.01 to 60",
    "[table.t]\ntype = 'cache'\nmax_delay = nan\n": "7: table t: max_delay is nan; write a number",
    "[table.t]\ntype = 'cache'\nmax_size = -1\n": "7: table t: max_size is -1; write a whole",
    "[table.t]\ntype = 'cache'\nclass = '''a\nb'''\n": "7: table t:",
    "[table.t]\ntype = 'cache'\nparameters = { ttl = 5 }\n": "7: table t: parameters: ttl is 5",
    "[table.t]\ntype = 'cache'\nparameters = { tt = '5' }\n": "7: table t: parameter 'tt' is not",
    "[table.T]\ntype = 'cache'\n": "5: table 'T': not a name",
    "[table]\nt = 1\n": "6: table: t is no table",
    f"{LIMIT}": "5: limit a: most is missing; write most = 20, or most = ",
    f"{LIMIT}most = 5\n": "8: limit a: inbound-messages is counted within a window",
    f"{LIMIT}most = '5/60x'\n": "8: limit a: most: '5/60x' is no limit; write",
    f"{LIMIT}most = true\n": "8: limit a: most is True; write a whole number",
    f"{LIMIT}most = 5.5\n": "8: limit a: most is 5.5; write a text",
    f"{LIMIT}most = -5\n": "8: limit a: most is -5; write a whole number",
    f"{ANY}window = 60\n": "9: limit a: unknown key window",
    f"{ANY}prefix_v6 = 129\n": "9: limit a: prefix_v6 is 129; write a whole number, 0 to 128",
    f"{ANY}action = 'drop'\n": "9: limit a: action is 'drop'; write defer or reject or hold",
    f"{ANY}stage = 'rcpt'\n": "9: limit a: stage 'rcpt' is not known; write one of",
    f"{ANY}binding = 'out'\n": "9: limit a: inbound-messages has no binding; remove it",
    f"{ANY}match = '192.0.2.1/24'\n": "9: limit a: match '192.0.2.1/24' is no network",
    f"{ANY}enabled = 'no'\n": "9: limit a: enabled is 'no'; write true or false",
    "[exempt.x]\nmost = 5\n": "5: exempt x: key is missing",
    "[exempt.x]\nkey = 'a'\nlimit = 'a'\n": "7: exempt x: limit 'a' is not defined; correct",
    "[exempt.x]\nkey = 'a'\nmost = '5'\n": "7: exempt x: most is '5'; write a whole number",
    "[exempt.x]\nkey = 'a b'\n": "6: exempt x: key 'a b' is no key",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_has_its_line_and_the_way_out(text: str) -> None:
    assert refusal(text).startswith(f"d.toml:{WRONG[text]}")
