"""What went wrong is told in one sentence on stderr, with the exit code that scripts rely on."""

from pathlib import Path

import httpx
import pytest

from tests.unit.cli.manager import URL, Manager, problem, vip
from tests.unit.cli.operator import Operator

SHOW, ADD = "vip show 198.18.0.101", "vip add 198.18.0.120 -s default --no-wait"
HTML = httpx.Response(200, headers={"content-type": "text/html"}, text="<h1>router</h1>")
REASONS = [
    {"path": "global/a.j2", "line": 2, "node": "mta1", "sentence": "'x' is undefined"},
    {"path": "global/B", "line": 0, "node": "", "sentence": "global/B differs"},
]
UNFIT = httpx.Response(
    422,
    headers={"content-type": "application/problem+json"},
    json={"code": "unfit", "detail": "all at once", "problems": REASONS, "more": 7},
)
CONNECT, READ = httpx.ConnectError("Connection refused"), httpx.ReadTimeout("")


@pytest.mark.parametrize(
    ("answer", "exit_code", "says"),
    [
        (problem(400, "invalid", "weight is 0; write 1 to 100."), 2, "weight is 0"),
        (problem(400, "invalid", "Wrong.", {"weight": ["write 1 to 100"]}), 2, "weight: write 1"),
        (problem(401, "unauthenticated", "Who are you?"), 3, "muster login"),
        (problem(401, "token_expired", "It ended."), 3, "It ended; log in again"),
        (problem(403, "forbidden", "You may not."), 3, "You may not."),
        (problem(403, "read_only_token", "The token reads only."), 3, "reads only"),
        (problem(404, "not_found", "No such VIP."), 3, "No such VIP."),
        (problem(409, "refused", "It is in no topology."), 3, "in no topology"),
        (problem(412, "stale", "Changed."), 3, "look again"),
        (problem(413, "too_large", "Too large."), 2, "Too large."),
        (UNFIT, 3, "global/a.j2:2: 'x' is undefined (for mta1)\nglobal/B differs\nand 7 more\n"),
        (problem(504, "not_replicated", "r7 is committed."), 6, "r7 is committed."),
        (problem(429, "throttled", "Too many."), 3, "Too many"),
        (problem(503, "unavailable", "Nobody owns it."), 1, "Nobody owns it."),
        (httpx.Response(500, text="oops"), 1, "look at its log"),
        (httpx.Response(502, text="bad gateway"), 4, "does not answer"),
        (httpx.Response(404, text="nothing"), 4, "not as a manager"),
        (httpx.Response(301, headers={"location": "https://x.test/"}), 4, "https://x.test/"),
        (HTML, 4, "not as a manager"),
        (CONNECT, 4, "Connection refused"),
        (READ, 4, "does not answer"),
    ],
)
def test_an_answer_is_an_exit_code(
    answer: httpx.Response | Exception,
    exit_code: int,
    says: str,
    operator: Operator,
    manager: Manager,
) -> None:
    manager.refusals["GET vips/198.18.0.101/"] = answer

    done = operator.types(SHOW)

    assert done.exit_code == exit_code
    assert says in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("lost", "exit_code", "says"),
    [(CONNECT, 4, "does not answer"), (READ, 6, "may have been made")],
)
def test_a_lost_answer_to_a_change_is_unknown_not_failed(
    lost: Exception, exit_code: int, says: str, operator: Operator, manager: Manager
) -> None:
    manager.refusals["POST vips/"] = lost

    done = operator.types(ADD)

    assert done.exit_code == exit_code
    assert says in done.stderr


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("vip list --columns nonsense", "known are address, state"),
        ("vip list --filter nonsense=1", "subcluster, owner, state"),
        ("vip list --filter owner", "KEY=VALUE"),
        ("vip list -o xml", "xml"),
        ("vip list --watch 0.01", "or equal to 0.1"),
        ("vip list --limit -1", "or equal to 0"),
        ("vip show ''", "is no name"),
        ("node show ..", "is no name"),
        (f"node show {'x' * 2000}", "is no name"),
        ("vip edit 198.18.0.101", "nothing to change"),
        ("node add mta9 --interface eth0", "KEY=VALUE"),
        ("events --since yesterday", "10m, 2h"),
        ("events --follow --until 1h", "leave out --until"),
        ("topology show 10.0.0.0/8", "muster topology list"),
        ("token revoke nonsense", "muster token list"),
        ("token create t --expires soon", "30d"),
        ("subcluster definitions default --import /nonexistent", "No such file"),
        ("vip list --url ftp://x", "https://HOST"),
        ("vip list --url http://xn--zzzzé", "no manager's address"),
        ("vip list --url https://me:secret@x", "must not carry a password"),
        ("vip list --profile a/b", "is no name"),
        ("vip list --profile unknown", "muster login URL --profile unknown"),
        ("vip list --token 'a b'", "no token has"),
        ("vip list nonsense", "nonsense"),
    ],
)
def test_a_wrong_command_line_says_the_way_out(
    command: str, says: str, operator: Operator, manager: Manager
) -> None:
    done = operator.types(command)

    assert done.exit_code == 2
    assert says in " ".join(done.stderr.replace("│", " ").split())
    assert done.stdout == ""
    assert not manager.sent("POST") + manager.sent("PUT") + manager.sent("PATCH")


def test_no_manager_known_says_how_to_name_one(operator: Operator) -> None:
    operator.environment = {"HOME": "/nonexistent"}

    done = operator.types("status")

    assert done.exit_code == 2
    assert "muster login URL" in done.stderr


def test_a_definitions_file_that_is_no_text_is_refused(operator: Operator, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")

    done = operator.types(f"subcluster definitions default --import {tmp_path}/x.toml --yes")

    assert done.exit_code == 2
    assert "UTF-8" in done.stderr


def test_of_two_subclusters_one_has_to_be_named(operator: Operator, manager: Manager) -> None:
    manager.rows["subclusters"].append({"name": "outbound"})

    done = operator.types("settings list")

    assert done.exit_code == 2
    assert "default, outbound" in done.stderr


def test_the_token_goes_to_no_other_address(operator: Operator, manager: Manager) -> None:
    manager.rows["vips"] = [vip(f"2001:db8::{number:x}", "mta1") for number in range(1, 1002)]

    operator.types("vip list")

    assert len(manager.requests) > 2, "the second page is named by a link to elsewhere"
    assert {request.url.host for request in manager.requests} == {httpx.URL(URL).host}
