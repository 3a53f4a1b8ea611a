"""Templates: what they write, what they cannot reach, and how they are refused with their line."""

import pytest

from tests.unit.config.rendered import FACTS, problems, refused, repository, tree, written
from workers.config.core.render import Tree, render_node
from workers.config.core.templates import OUTPUT_BYTES, InProcess, Source


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("a\nb\n", "a\nb\n"),
        ("a\nb", "a\nb"),
        ("\n\na\n\n", "\n\na\n\n"),
        ("x\n  {% if true %}\n  y\n  {% endif %}\nz\n", "x\n  y\nz\n"),
        ("{% for n in nodes %}\n{{ n.name }}\n{% endfor %}\n", "mta1\nmta2\n"),
        ("{# gone #}\nx = {{ revision + 1 }} é\n", "x = 8 é\n"),
        ("{{ '<&\"' }}", '<&"'),
        ("{% raw %}{{ $x }}{% endraw %}", "{{ $x }}"),
        ("{{ 2 ** 10 }} {{ '-' * 3 }} {{ 1.5 }} {{ '%02d' % 7 }}", "1024 --- 1.5 07"),
        ("{{ node.missing | default('d') }}{{ nope is defined }}", "dFalse"),
        (
            "{% set ns = namespace(n=0) %}{% for i in range(3) %}{% set ns.n = ns.n + i %}"
            "{% endfor %}{{ ns.n }}",
            "3",
        ),
    ],
)
def test_templates_write_what_configuration_files_need(template: str, text: str) -> None:
    assert written(template) == text


def test_templates_include_import_and_extend_what_is_in_the_tree() -> None:
    files = {
        "global/d/_base.j2": "<{% block inner %}{{ node.name }}{% endblock %}>\n",
        "global/_m.j2": "{% macro m(v) %}{{ v }}@{{ cluster }}{% endmacro %}",
        "global/a.j2": "{% extends 'd/_base.j2' %}{% block inner %}{{ super() }}!{% endblock %}",
        "global/b.j2": "{% import '_m.j2' as m %}{{ m.m('x') }} {% include 'a.j2' %}",
        "global/c.j2": "{% include ['no.j2', 'a.j2'] %}{% include 'no.j2' ignore missing %}",
    }

    assert tree(files) == {"a": b"<mta1!>\n", "b": b"x@demo <mta1!>\n", "c": b"<mta1!>\n"}


def test_settings_can_differ_by_layer() -> None:
    files = {
        "global/_settings.j2": "{% set limit = 10 %}",
        "site/mta1/_settings.j2": "{% set limit = 20 %}",
        "global/main.cf.j2": "{% import '_settings.j2' as settings %}x = {{ settings.limit }}\n",
    }

    assert tree(files) == {"main.cf": b"x = 20\n"}


def test_templates_leave_nothing_behind_for_others() -> None:
    files = {
        "global/_n.j2": "{% set kept = namespace(count=0) %}",
        "global/a.j2": "{% import '_n.j2' as n %}{% set kept = n.kept %}"
        "{% set kept.count = kept.count + 1 %}{{ n.kept.count }}",
    }
    files["global/b.j2"] = files["global/a.j2"]

    assert tree(files) == {"a": b"1", "b": b"1"}


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("a\n{{ nod.name }}", "2: 'nod' is not defined; templates know cluster, subcluster,"),
        ("\n\n{{ node.nam }}", "3: Node has no 'nam'; it has name, address, segment"),
        ("{{ {'a': 1}.b }}", "1: dict has no 'b'"),
        ("{{ vips[9] }}", "1: tuple has no 9"),
        ("{% if nope %}{% endif %}", "1: 'nope' is not defined"),
        ("{{ node.name.x }}", "1: str has no 'x'"),
        ("x\n{% for vip in vips %}\n{{ vip.adress }}\n{% endfor %}", "3: Vip has no 'adress'"),
        ("\n{% for x in %}", "2: Expected an expression"),
        ("a\n\n{% endfor %}", "3: Encountered unknown tag 'endfor'"),
        ("{% if a %}\nb", "2: Unexpected end of template"),
        ("\n{{ 'a }}", "2: unexpected char"),
        ("\n{{ a | nope }}", "2: No filter named 'nope'"),
        ("\n{{ a is nope }}", "2: No test named 'nope'"),
        ("\n{{ 1 / 0 }}", "2: cannot be rendered: division by zero"),
        ("\n{{ 'a' + 1 }}", "2: cannot be rendered: can only concatenate str"),
        ("\n{{ vips | sort | first }}", "2: cannot be rendered: '<' not supported"),
        ("\n{{ none }}", "2: nothing (none) would be written"),
        ("\n{{ nodes }}", "2: a tuple cannot be written"),
        ("\n{{ node }}", "2: a Node cannot be written"),
        ("\n{{ range }}", "2: a function cannot be written"),
        ("\n{{ range ~ '' }}", "2: writes an object of Python"),
        ("\n{{ [cycler(1).next, 'x'.join] | join(' ') }}", "2: writes an object of Python"),
        ("{{ '\\ud800' }}", "1: writes half a surrogate pair"),
        ("{% include 'no.j2' %}", "1: includes 'no.j2', which the tree of this node does not have"),
        ("{% include ['n.j2', 'o.j2'] %}", "1: includes 'n.j2' or 'o.j2', which"),
        ("{% include 'plain' %}", "1: includes 'plain', which the tree"),
        ("{% include '/etc/passwd' %}", "1: '/etc/passwd' lies outside the tree"),
        ("\n{% include '../x.j2' %}", "2: '../x.j2' lies outside the tree"),
        ("{% include 'd/../../x' ignore missing %}", "1: 'd/../../x' lies outside the tree"),
        ("{% import node.name ~ '/../x' as x %}", "1: 'mta1/../x' lies outside the tree"),
        ("{% extends 'b.j2' %}{% extends 'b.j2' %}", "1: includes 'b.j2', which"),
        (
            "{{ ''.__class__ }}",
            "1: access to attribute '__class__' of 'str' object is unsafe; temp",
        ),
        ("{% include 5 %}", "1: cannot be rendered"),
        ("{% include none %}", "1: includes nothing"),
    ],
)
def test_a_bad_template_is_refused_with_its_line(template: str, why: str) -> None:
    assert refused(template).startswith(why)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        (b"a\nb\r\nc\r\n", "2: has a carriage return (CR)"),
        (b"a\n\xff", "2: is not UTF-8 text"),
        ("é\né\n".encode("latin-1"), "1: is not UTF-8 text"),
        (b"a\n\x7fELF\0", "2: is binary"),
        (b"\xff\n\0", "1: is not UTF-8 text"),
        (b"\xef\xbb\xbfa", "1: begins with a byte order mark"),
        ("a".encode("utf-16"), "1: is not UTF-8 text"),
    ],
)
def test_a_template_that_is_no_text_is_refused(template: bytes, why: str) -> None:
    assert refused(template).startswith(why)


def test_a_problem_is_told_in_the_file_that_has_it_and_once() -> None:
    files = {
        "global/_i.j2": "\n{{ nod }}",
        "global/a.j2": "{% include '_i.j2' %}",
        "global/b.j2": "{% include '_i.j2' %}",
        "site/mta1/c.j2": "{% import '_broken.j2' as x %}",
        "site/mta1/_broken.j2": "\n\n{% if %}",
    }
    found = problems(files)

    assert [one.split(": ")[0] for one in found] == ["site/mta1/_broken.j2:3", "global/_i.j2:2"]


def test_a_template_that_nobody_includes_is_checked_too() -> None:
    (problem,) = problems({"global/_i.j2": "{{ nothing.at.all }}\n{% else %}", "global/a": ""})

    assert problem.startswith("global/_i.j2:2: ")


SANDBOX = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ '' | attr('__class__') }}",
    "{{ ('' | attr('__cla' ~ 'ss__')).mro() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__ }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ dict.__base__ }}",
    "{{ range.__globals__ }}",
    "{{ secret.__globals__ }}",
    "{{ secret.__self__ }}",
    "{{ secret.__func__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(node) }}",
    "{{ '{x.__class__}'.format_map({'x': node}) }}",
    "{{ ('{0.__class__}' | attr('format'))(node) }}",
    "{% set f = '{0.__class__}'.format %}{{ f(node) }}",
    "{{ [node] | map('attr', '__class__') | join }}",
    "{{ [node] | map(attribute='__class__.__init__') | join }}",
    "{{ ['{0.__class__}'] | map('format', node) | join ~ nope }}",
    "{{ node.__struct_fields__ }}",
    "{{ node.__class__ }}",
    "{% macro m() %}{% endmacro %}{{ m._func }}{{ m.__init__.__globals__ }}",
    "{% for i in [1] %}{{ loop.__class__ }}{% endfor %}",
    "{{ ().__class__.__bases__ }}",
    "{% set x = [] %}{{ x.append(1) }}",
    "{% set x = {} %}{{ x.update({'a': 1}) }}",
    "{{ config }}",
    "{{ request }}",
    "{{ __builtins__ }}",
    "{{ environment }}",
    "{% set node.name = 'x' %}",
]


@pytest.mark.parametrize("template", SANDBOX)
def test_no_template_leaves_the_sandbox(template: str) -> None:
    assert refused(template)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ 'a' * 10 ** 10 }}", "1: a repetition is too long"),
        ("{{ 10 ** 10 * 'a' }}", "1: a repetition is too long"),
        ("{{ [[[1] * 1000] * 1000] * 10000000 }}", "1: a repetition is too long"),
        ("\n{% for i in range(10 ** 12) %}{% endfor %}", "2: a range is too long"),
        ("{{ 9 ** (9 ** 9) }}", "1: a power is too big"),
        ("{{ 10 ** 100000 }}", "1: a power is too big"),
        (
            "{% set ns = namespace(a=3) %}{% for i in range(100) %}{% set ns.a = ns.a * ns.a %}"
            "{% endfor %}",
            "1: a product is too big",
        ),
        ("{% include 'a.cf.j2' %}", "1: is nested too deeply"),
        ("{% extends 'a.cf.j2' %}", "1: is nested too deeply"),
        ("{% import 'a.cf.j2' as a %}", "1: is nested too deeply"),
        ("\n{% macro m() %}\n{{ m() }}{% endmacro %}{{ m() }}", "3: is nested too deeply"),
        ("{{ " + "(" * 100_000 + " }}", "is nested too deeply"),
        ("{{ " + "-" * 100_000 + "1 }}", "is nested too deeply"),
        ("{% if 1 %}" * 150 + "{% endif %}" * 150, "cannot be compiled: too many"),
        ("x" * (1024 * 1024 + 1), "is too long; a template has at most 1 MiB"),
    ],
)
def test_what_would_grow_without_bound_is_refused(template: str, why: str) -> None:
    assert refused(template).startswith(why)


def test_includes_in_a_circle_are_refused() -> None:
    files = {"global/a.j2": "{% include '_b.j2' %}", "global/_b.j2": "{% include 'a.j2' %}"}
    (problem,) = problems(files)

    assert "calls itself" in problem


def test_a_file_and_a_tree_have_a_size() -> None:
    writes = "{% set x = 'x' * 1000000 %}\n{% for i in range(COUNT) %}{{ x }}{% endfor %}"

    assert len(written(writes.replace("COUNT", "10"))) == 10_000_000 < OUTPUT_BYTES
    assert refused(writes.replace("COUNT", "11")).startswith("2: writes more than 10 MiB")
    big = b"x" * (13 * 1024 * 1024)
    (problem,) = problems({f"global/{number}": big for number in range(5)})
    assert problem == "global/4: the tree of this node grows above 64 MiB here; divide it"


def test_the_templates_of_a_node_have_a_size() -> None:
    (problem,) = problems({f"global/{number:02}.j2": "x" * 1_000_000 for number in range(12)})

    assert problem.startswith("global/08.j2: the templates of this node grow above 8 MiB here")


def test_a_template_is_compiled_once_for_many_nodes() -> None:
    engine = InProcess()
    listing, contents = repository(
        {"global/a.j2": "{{ node.name }}", "global/b.j2": "{{ nodes | length }}"}
    )
    trees = [render_node(listing, contents.__getitem__, FACTS, engine=engine) for _ in range(3)]

    assert all(isinstance(one, Tree) and one == trees[0] for one in trees)
    assert len(engine._compiled) == 2


def test_the_same_path_with_another_content_is_another_template() -> None:
    engine = InProcess()
    texts = [
        engine(FACTS, {"a.j2": Source("global/a.j2", blob, blob.encode())}, frozenset())["a.j2"]
        for blob in ("x", "y")
    ]

    assert [getattr(one, "text", "") for one in texts] == ["x", "y"]
