"""A node against a repository that no check has seen: every revision is refused, the desk lives.

The manager checks what it commits; this is what is left of that where a manager is older, was
talked into it, or somebody else wrote to its repository.
"""

from pathlib import Path

import pytest

from tests.integration.configuring import DEFINITIONS, Manager, live
from tests.integration.node_parts import text
from tests.integration.test_config_desk import desk
from tests.unit.repository.stage import commit
from workers.config.core.reports import Outcome
from workers.failover.core.definitions_text import FIRST_LINE
from workers.repository.history import Revision

LOOP = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
GROWING = (
    "{% set a = namespace(x='x' * 999999) %}"
    "{% for i in range(99) %}{% set a.x = a.x ~ a.x %}{% endfor %}"
)
HOSTILE: dict[str, tuple[dict[str, str | bytes], str]] = {
    "loop": ({"global/x.j2": LOOP}, "global/x.j2:1: takes too long"),
    "memory": ({"global/x.j2": GROWING}, "takes too much memory"),
    "undefined": ({"global/x.j2": "a\n{{ nothing }}"}, "global/x.j2:2: 'nothing' is not defined"),
    "itself": ({"global/x.j2": "{% include 'x.j2' %}"}, "nested too deeply"),
    "outside": ({"global/x.j2": "{% include '/etc/shadow' %}"}, "lies outside the tree"),
    "encoding": ({"global/x.j2": b"\xff\xfe"}, "is not UTF-8 text"),
    "crlf": ({"global/x.j2": "a\r\n"}, "has a carriage return"),
    "twice": ({"global/x.j2": "a", "global/x": "b"}, "keep one of them"),
    "file and directory": ({"global/x": "a", "default/default/x/y": "b"}, "needs a directory"),
    "many": ({f"global/{n // 100}/{n}": "" for n in range(10_001)}, "too many for one node"),
    "secret": ({"global/x.j2": "{{ secret('none') }}"}, "secret"),
    "definitions": ({DEFINITIONS: "[" * 100_000}, "definitions.toml"),
    "not a node": ({DEFINITIONS: text(2).replace(FIRST_LINE, "#").replace("mta1", "mta2")}, "mta1"),
}


def _unchecked(manager: Manager, files: dict[str, str | bytes]) -> Revision:
    given = {p: one.encode() if isinstance(one, str) else one for p, one in files.items()}
    return commit(manager.repository, given)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_no_check_has_seen_is_refused_on_the_node_and_the_desk_lives(
    tmp_path: Path, name: str
) -> None:
    manager = Manager(tmp_path / "manager.git")
    good = manager.commit(main_cf="good\n")
    files, words = HOSTILE[name]
    with desk(tmp_path / "node") as (one, heard):
        one.order(manager.order())
        heard.applied(1)

        bad = _unchecked(manager, files)
        one.order(manager.order(good))
        report = heard.applied(2, Outcome.REFUSED).report

        assert words in f"{report.sentence}\n{report.output}"
        assert live(tmp_path / "node" / "config") == {"main.cf": b"good\n"}
        away = dict.fromkeys(files) | (
            {DEFINITIONS: text(3).encode()} if DEFINITIONS in files else {}
        )
        commit(manager.repository, {**away, "global/main.cf": b"better\n"})
        one.order(manager.order(bad))
        heard.applied(3)
        assert live(tmp_path / "node" / "config") == {"main.cf": b"better\n"}
