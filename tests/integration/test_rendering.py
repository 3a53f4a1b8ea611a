"""Rendering in a process of its own: bounds of time and memory, and a process that dies or lies."""

import itertools
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.config.rendered import FACTS, repository
from workers.config.bounded_templates import BoundedTemplates
from workers.config.core.facts import Facts, Node, Vip, ordered
from workers.config.core.problems import Problem
from workers.config.core.render import Tree, render_node
from workers.config.core.secrets import placeholders
from workers.config.rendering import Renderer, RenderingError
from workers.config.template_process import COMMAND
from workers.config.template_worker import HARD_SECONDS, SOFT_SECONDS

LOOP = "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}"
LADDER = (
    "{% set ns = namespace(a=[1], b=[1]) %}"
    "{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}"
)
"""Two equal lists of 2^60 members in 60 steps: comparing them is one operation without end."""
DOUBLES = (
    "{% set ns = namespace(a='x') %}"
    "{% for i in range(99) %}{% set ns.a = ns.a ~ ns.a %}{% endfor %}"
)


@pytest.fixture(scope="module")
def shared() -> Iterator[Renderer]:
    with Renderer() as one:
        yield one


def render(renderer: Renderer, files: dict[str, str], facts: Facts = FACTS) -> Tree | list[str]:
    listing, contents = repository({f"global/{path}": text for path, text in files.items()})
    found = renderer.render(listing, contents.__getitem__, facts)
    return found if isinstance(found, Tree) else [str(problem) for problem in found]


def refused(renderer: Renderer, files: dict[str, str]) -> str:
    found = render(renderer, files)
    assert isinstance(found, list), found
    (problem,) = found
    return problem


def processor_seconds() -> float:
    """Of this process and of those that it has seen the end of."""
    told = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in told)


def pid(renderer: Renderer) -> int:
    found = renderer._templates.pid
    assert found is not None
    return found


def many(count: int) -> list[Facts]:
    nodes = [Node(f"mta{number}", f"10.0.0.{number}") for number in range(1, count + 1)]
    vips = [Vip(f"198.18.1.{number}", "eth0") for number in range(1, 65)]
    return [ordered("demo", "site", 7, node.name, nodes, vips) for node in nodes]


def test_it_gives_what_rendering_in_this_process_gives(shared: Renderer) -> None:
    listing, contents = repository(
        {
            "global/a.j2": "{{ node.name }} {{ secret('x') }}\n{% include 'd/_i.j2' %}",
            "global/d/_i.j2": "{% for vip in vips %}{{ vip.address }} {% endfor %}",
            "global/b": b"\0\xff",
            "site/mta1/c.j2": "{{ revision }}",
        }
    )
    secrets = {"x": b"value"}.get
    wanted = render_node(listing, contents.__getitem__, FACTS, secrets)

    assert isinstance(wanted, Tree)
    assert shared.render(listing, contents.__getitem__, FACTS, secrets) == wanted
    assert shared.render(listing, contents.__getitem__, FACTS) == render_node(
        listing, contents.__getitem__, FACTS, placeholders
    )


def test_problems_are_the_same_as_in_this_process(shared: Renderer) -> None:
    files = {"a.j2": "\n{{ nod }}", "b.j2": "{% if %}", "_c.j2": "{% endif %}", "d.j2": "fine"}
    listing, contents = repository({f"global/{path}": text for path, text in files.items()})
    found = render(shared, files)

    assert found == [str(one) for one in render_node(listing, contents.__getitem__, FACTS)]
    assert len(found) == 3


def test_many_nodes_are_rendered_by_one_process_each_with_its_facts() -> None:
    listing, contents = repository(
        {
            f"global/{number}.j2": f"{number} {{{{ node.name }}}}\n"
            "{% for vip in vips %}{{ vip.address }}\n{% endfor %}"
            for number in range(10)
        }
    )
    nodes = many(100)
    with Renderer() as renderer:
        began = time.process_time()
        found = list(renderer.render_all(listing, contents.__getitem__, nodes))
        ours = time.process_time() - began
        times = Path(f"/proc/{pid(renderer)}/stat").read_text().rpartition(")")[2].split()[11:13]

    theirs = sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
    assert ours + theirs < 5.0
    for facts, tree in found:
        assert isinstance(tree, Tree)
        assert tree.files["3"].content.startswith(f"3 {facts.node.name}\n198.18.1.1\n".encode())


@pytest.mark.parametrize(
    ("template", "line", "why"),
    [
        (f"\n{LOOP}", 2, "takes too long; look for a loop"),
        (f"\n\n{DOUBLES}", 3, "takes too"),
        (f"{LADDER}\n{{{{ ns.a | string | length }}}}", 0, "takes too"),
        (f"{LADDER}\n{{{{ ns.a == ns.b }}}}", 0, "takes too long within one operation"),
        ("\n{{ ('%2000000000d' % 1) | length }}", 2, "takes too much memory"),
        ("\n{{ 'x' | center(10 ** 9) | length }}", 2, "takes too much memory"),
        (
            f"\n{{% set x %}}{LOOP.replace('{% endfor', 'xxxx{% endfor', 1)}{{% endset %}}",
            2,
            "takes",
        ),
        ("{{ " + "1 + " * 200_000 + "1 }}", 0, "takes too long; look for a loop"),
    ],
    ids=["loop", "doubling", "text", "one-operation", "format", "center", "set", "sum"],
)
def test_what_never_ends_is_refused_soon(
    shared: Renderer, template: str, line: int, why: str
) -> None:
    shared.close()
    before = processor_seconds()
    problem = refused(shared, {"ok.j2": "fine", "z.cf.j2": template})
    took = processor_seconds() - before

    place = f"global/z.cf.j2:{line}: " if line else "global/z.cf.j2"
    assert problem.startswith(place)
    assert why in problem
    assert took < 2.0
    assert isinstance(render(shared, {"a.j2": "{{ node.name }}"}), Tree)


def test_the_bounds_leave_two_seconds_for_all() -> None:
    assert SOFT_SECONDS < HARD_SECONDS <= 1.0


def test_the_file_that_is_to_blame_is_named_and_not_tried_for_other_nodes(shared: Renderer) -> None:
    includers = {f"global/{number}.j2": "{% include '_i.j2' %}" for number in range(50)}
    listing, contents = repository({**includers, "global/_i.j2": f"\n{LOOP}"})

    began = time.process_time()
    found = list(shared.render_all(listing, contents.__getitem__, many(50)))

    # All of it takes what one takes; fifty times fifty would take an hour.
    assert time.process_time() - began < 5.0
    for _, problems in found:
        assert isinstance(problems, list)
        assert [(one.path, one.line) for one in problems] == [("global/_i.j2", 2)]


def test_a_template_that_was_given_up_is_tried_again_at_the_next_revision(shared: Renderer) -> None:
    template = "{% if revision == 7 %}" + LOOP + "{% endif %}fine"
    later = ordered("demo", "site", 8, "mta1", FACTS.nodes, FACTS.vips)

    assert isinstance(render(shared, {"a.j2": template}), list)
    assert isinstance(render(shared, {"a.j2": template}, later), Tree)


def test_a_process_that_was_killed_is_started_again(shared: Renderer) -> None:
    assert isinstance(render(shared, {"a.j2": "{{ node.name }}"}), Tree)
    first = pid(shared)
    os.kill(first, signal.SIGKILL)

    assert isinstance(render(shared, {"a.j2": "{{ node.name }}", "b.j2": "x"}), Tree)
    assert pid(shared) != first


def test_sources_are_sent_again_to_a_new_process_and_processes_do_not_grow() -> None:
    with Renderer() as renderer:
        pids = set()
        for number in range(24):
            assert isinstance(render(renderer, {"a.j2": f"{number}" + "x" * 1_000_000}), Tree)
            pids.add(pid(renderer))

    assert len(pids) == 3


def test_all_templates_together_have_a_time() -> None:
    listing, contents = repository({"global/a.j2": "x", "global/b.j2": "x"})
    with Renderer(BoundedTemplates(all_seconds=0.0)) as renderer:
        found = [t for _, t in renderer.render_all(listing, contents.__getitem__, many(3))]

    assert found[0] == found[1] == found[2]
    assert isinstance(found[0], list)
    assert [str(problem) for problem in found[0]] == [
        "global/a.j2: all templates together take longer than 0 s, this one the longest; "
        "make it do less"
    ]


def test_templates_that_never_end_count_for_that_time() -> None:
    nodes = many(4)
    listing, contents = repository(
        {f"site/{facts.node.name}/a.j2": f"{number}{LOOP}" for number, facts in enumerate(nodes)}
    )
    with Renderer(BoundedTemplates(all_seconds=1.5)) as renderer:
        found = [str(t) for _, t in renderer.render_all(listing, contents.__getitem__, nodes)]

    assert ["takes too long" in one for one in found] == [True, True, False, False]
    assert ["longer than 1.5 s" in one for one in found] == [False, False, True, True]


def test_what_templates_yield_is_not_gathered_without_bound(shared: Renderer) -> None:
    template = "{% set x = 'x' * 1000000 %}{% for i in range(9) %}{{ x }}{% endfor %}"
    files = {f"{number}.j2": template for number in range(10)}

    assert "7.j2: the tree of this node grows above 64 MiB" in refused(shared, files)
    assert isinstance(render(shared, {"a.j2": "x"}), Tree)


def test_a_closed_renderer_leaves_no_process_and_can_go_on() -> None:
    renderer = Renderer()
    assert isinstance(render(renderer, {"a.j2": "x"}), Tree)
    process = Path(f"/proc/{pid(renderer)}")
    assert process.exists()
    renderer.close()
    assert not process.exists()
    assert isinstance(render(renderer, {"a.j2": "x"}), Tree)
    renderer.close()


def test_a_warm_one_has_its_process_before_it_is_needed() -> None:
    with Renderer() as renderer:
        renderer.warm()
        first = pid(renderer)
        assert isinstance(render(renderer, {"a.j2": "x"}), Tree)
        renderer.warm()
        assert pid(renderer) == first
        renderer.close()
        renderer.warm()
        assert pid(renderer) != first


def test_no_process_is_started_for_a_tree_without_templates() -> None:
    with Renderer(BoundedTemplates(["/nonexistent"])) as renderer:
        assert isinstance(render(renderer, {"a": "x"}), Tree)


def liar(program: str) -> Renderer:
    return Renderer(BoundedTemplates([sys.executable, "-c", program]))


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("print('Traceback: hello', flush=True)", "gave an answer of 1416782179 bytes"),
        ("import os; os.write(1, b'\\0\\0\\0\\3abc')", "gave something that is no answer"),
        ("import os; os.write(1, b'\\0\\0\\0\\1\\x80')", "gave an empty answer"),
    ],
)
def test_garbage_is_no_answer(program: str, why: str) -> None:
    with (
        liar(f"{program}; import sys; sys.stdin.read()") as renderer,
        pytest.raises(RenderingError, match=why),
    ):
        render(renderer, {"a.j2": "x"})
    assert renderer._templates.pid is None


@pytest.mark.parametrize(
    ("program", "how"),
    [
        ("raise SystemExit(3)", "status 3"),
        ("import sys; sys.stdin.buffer.read(4); raise SystemExit(3)", "status 3"),
        ("import os; os.write(1, b'\\0\\0\\0\\5abc'); os.kill(os.getpid(), 11)", "signal 11"),
    ],
)
def test_a_process_that_dies_every_time_is_told_with_the_template(program: str, how: str) -> None:
    with liar(program) as renderer:
        problem = refused(renderer, {"a.j2": "x", "b.j2": "y"})

    assert problem.startswith("global/a.j2: cannot be rendered: the process that renders templates")
    assert f"ended with {how}" in problem


@pytest.mark.parametrize(
    "program", ["import sys; sys.stdin.read()", "import signal; signal.pause()"]
)
@pytest.mark.parametrize("template", ["x", "x" * 1_000_000])
def test_a_process_that_stands_still_is_not_waited_for(program: str, template: str) -> None:
    with (
        Renderer(BoundedTemplates([sys.executable, "-c", program], 0.3)) as renderer,
        pytest.raises(RenderingError, match=r"not rendered within 0\.3 s; see whether this host"),
    ):
        render(renderer, {"a.j2": template})


def test_a_program_that_cannot_be_started_is_told() -> None:
    with (
        Renderer(BoundedTemplates(["/nonexistent/python"])) as renderer,
        pytest.raises(RenderingError) as told,
    ):
        render(renderer, {"a.j2": "x"})

    assert "/nonexistent/python: cannot be started: No such file" in str(told.value)


def test_an_error_of_the_reader_harms_nothing(shared: Renderer) -> None:
    listing, _ = repository({"global/a.j2": "x"})
    with pytest.raises(KeyError):
        shared.render(listing, {}.__getitem__, FACTS)

    assert isinstance(render(shared, {"a.j2": "x"}), Tree)


def test_the_process_has_no_environment_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, shared: Renderer
) -> None:
    monkeypatch.setenv("MUSTER_SECRET_KEY", "s3cret")
    with Renderer() as renderer:
        listing, contents = repository({"global/a.j2": "{{ secret('x') }}"})
        found = renderer.render(listing, contents.__getitem__, FACTS, {"x": b"s3cret"}.get)
        environment = Path(f"/proc/{pid(renderer)}/environ").read_bytes()

    assert isinstance(found, Tree)
    assert found.files["a"].content == b"s3cret"
    assert b"s3cret" not in environment
    assert {one.split(b"=")[0] for one in environment.split(b"\0") if one} == {
        b"PYTHONPATH",
        b"LANG",
    }


def test_a_file_is_read_once_for_many_nodes(shared: Renderer) -> None:
    listing, contents = repository(
        {"global/a.j2": "{{ node.name }}", "global/b": "plain", "global/c": "plain"}
    )
    reads: list[str] = []

    def read(blob: str) -> bytes:
        reads.append(blob)
        return contents[blob]

    found = list(shared.render_all(listing, read, many(5)))

    assert sorted(reads) == sorted(contents)
    assert not any(isinstance(tree, list) for _, tree in found)


def test_nothing_is_written_beside_the_answers(capfd: pytest.CaptureFixture[str]) -> None:
    with Renderer() as renderer:
        assert "1: cannot be rendered" in refused(renderer, {"a.j2": "{{ 1[0:2] }}"})
        assert isinstance(render(renderer, {"a.j2": "x"}), Tree)

    assert capfd.readouterr() == ("", "")


def test_the_command_is_this_interpreter() -> None:
    assert COMMAND[0] == sys.executable


def test_a_consumer_may_stop_in_between(shared: Renderer) -> None:
    listing, contents = repository({"global/a.j2": "{{ node.name }}"})
    found = shared.render_all(listing, contents.__getitem__, many(5))
    names = [facts.node.name for facts, _ in itertools.islice(found, 2)]
    found.close()

    assert names == ["mta1", "mta2"]
    assert isinstance(render(shared, {"a.j2": "x"}), Tree)


def test_a_problem_is_a_value(shared: Renderer) -> None:
    listing, contents = repository({"global/a.j2": "{{ x }}"})

    assert shared.render(listing, contents.__getitem__, FACTS) == [
        Problem(
            "global/a.j2",
            1,
            "'x' is not defined; templates know cluster, subcluster, revision, node, nodes, vips, "
            "transports and secret(name)",
        )
    ]
