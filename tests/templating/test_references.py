# ruff: noqa: E501 - a template stands on one line
import pytest

from wfcore.templating import Reference, Templating
from wfcore.workflow.source import JSONValue


def _ref(root: str, *path: str | int, optional: bool = False, is_node: bool = True) -> Reference:
    return Reference(root, path, optional, is_node)


@pytest.mark.parametrize(
    ("source", "references"),
    [
        ("no template", []),
        ("{{ a.output.b }}", [_ref("a", "output", "b")]),
        ("{{ a.output.b }} {{ a.output.b }}", [_ref("a", "output", "b")]),
        ("{{ a.output.b[0]['c'].d }}", [_ref("a", "output", "b", 0, "c", "d")]),
        ("{{ a.output.b[-1] }}", [_ref("a", "output", "b", -1)]),
        ("{{ a }}", [_ref("a")]),
        ("{{ nodes['a-b'].output.x }}", [_ref("a-b", "output", "x")]),
        ('{{ nodes["a-b"].output.x | upper }}', [_ref("a-b", "output", "x")]),
        ("{{ nodes.a.output }}", [_ref("a", "output")]),
        ("{{ execution.input.c }}", [_ref("execution", "input", "c", is_node=False)]),
        ("{{ secrets.KEY }}", [_ref("secrets", "KEY", is_node=False)]),
        (
            "{{ a.output.list[b.output.i].title }}",
            [_ref("a", "output", "list"), _ref("b", "output", "i")],
        ),
        (
            "{{ a.output.list[1:b.output.n] }}",
            [_ref("a", "output", "list"), _ref("b", "output", "n")],
        ),
        (
            "{{ a.output.b | default(c.output.d) | upper }}",
            [_ref("a", "output", "b", optional=True), _ref("c", "output", "d")],
        ),
        ("{{ a.output.b | upper | default('x') }}", [_ref("a", "output", "b")]),
        ("{{ a.output.b is defined }}", [_ref("a", "output", "b", optional=True)]),
        ("{{ a.output.b is not defined }}", [_ref("a", "output", "b", optional=True)]),
        ("{{ a.output.b is none }}", [_ref("a", "output", "b")]),
        (
            "{% if a.output.b is defined %}{{ a.output.b }}{{ a.output.b.c }}{{ a.output.d }}{% endif %}",
            [
                _ref("a", "output", "b", optional=True),
                _ref("a", "output", "b", "c", optional=True),
                _ref("a", "output", "d"),
            ],
        ),
        (
            "{% if a.output.b is defined %}{% else %}{{ a.output.b }}{% endif %}",
            [_ref("a", "output", "b", optional=True), _ref("a", "output", "b")],
        ),
        (
            "{% if a.output.b is undefined %}{% elif x.output.y %}{{ a.output.b }}{% endif %}",
            [_ref("a", "output", "b", optional=True), _ref("x", "output", "y")],
        ),
        (
            "{% if a.output.b is defined %}{% endif %}{{ a.output.b | upper }}",
            [_ref("a", "output", "b", optional=True), _ref("a", "output", "b")],
        ),
        (
            "{{ a.output.b if a.output.b is defined and a.output.b else 1 }}",
            [_ref("a", "output", "b", optional=True)],
        ),
        (
            "{{ 1 if not (nodes['a'].output.b is defined) else a.output.b }}",
            [_ref("a", "output", "b", optional=True)],
        ),
        (
            "{{ a.output.b is not defined or a.output.b.c }}",
            [_ref("a", "output", "b", optional=True), _ref("a", "output", "b", "c", optional=True)],
        ),
        (
            "{% for p in a.output.posts %}{{ p.title }}{{ loop.index }}{{ p.x | default(1) }}{% endfor %}",
            [_ref("a", "output", "posts")],
        ),
        (
            "{% for p in a.output %}{% else %}{{ p.title }}{% endfor %}{{ p.x }}",
            [_ref("a", "output"), _ref("p", "title"), _ref("p", "x")],
        ),
        ("{% for p in p.output %}{{ p }}{% endfor %}", [_ref("p", "output")]),
        ("{{ x.y }}{% set x = a.output %}{{ x.z }}", [_ref("x", "y"), _ref("a", "output")]),
        ("{% set x, y = a.output.pair %}{{ x.z }}{{ y }}", [_ref("a", "output", "pair")]),
        ("{% set t %}{{ a.output.b }}{% endset %}{{ t }}", [_ref("a", "output", "b")]),
        ("{# {{ a.output.b }} #}", []),
        ("{% raw %}{{ a.output.b }}{% endraw %}", []),
        ("{{ '{{ a.output.b }}' }}", []),
        ("{{ unknown }}", [_ref("unknown")]),
        ("{{ config.__class__ }}", [_ref("config", "__class__")]),
        ("{{ range(a.output.n) }}", [_ref("a", "output", "n")]),
        (
            "{{ [a.output.b, {'k': c.output.d}] }}",
            [_ref("a", "output", "b"), _ref("c", "output", "d")],
        ),
        (
            "{{ a.output.l | map(attribute='t') | join(b.output.s) }}",
            [
                _ref("a", "output", "l"),
                _ref("b", "output", "s"),
            ],
        ),
        (
            "{{ a.output.l | selectattr('n', 'gt', b.output.s) }}",
            [
                _ref("a", "output", "l"),
                _ref("b", "output", "s"),
            ],
        ),
        ("{{ 1 is divisibleby(a.output.n) }}", [_ref("a", "output", "n")]),
    ],
)
def test_references_are_what_the_template_names(
    source: str, references: list[Reference], templating: Templating
) -> None:
    assert list(templating.parse(source, "").references) == references


def test_references_come_with_the_pointer_of_their_string(templating: Templating) -> None:
    value: JSONValue = {"a/b": ["{{ x.output }}", {"c": "and {{ y.output.z }}"}], "d": "plain"}
    compiled = templating.compile(value, "/dag/nodes/0/config")
    assert compiled.references == (
        ("/dag/nodes/0/config/a~1b/0", _ref("x", "output")),
        ("/dag/nodes/0/config/a~1b/1/c", _ref("y", "output", "z")),
    )
    assert compiled.templated == {"/a~1b/0", "/a~1b/1/c"}
