import pytest

from wfcore.templating import RenderError, Scope, Templating


@pytest.mark.parametrize(
    ("source", "message", "path"),
    [
        (
            "{{ get_posts.output.titel }}",
            "`get_posts.output` has no `titel`; did you mean `title`?",
            "get_posts.output.titel",
        ),
        (
            "x {{ get_posts.output.data[0].autor.name }}",
            "`get_posts.output.data[0]` has no `autor`; did you mean `author`?",
            "get_posts.output.data[0].autor",
        ),
        (
            "{{ get_posts.output.object.zzz }}",
            "`get_posts.output.object` has no `zzz`; it has `b`, `a`",
            "get_posts.output.object.zzz",
        ),
        (
            "{{ get_posts.output.data[7].title }}",
            "`get_posts.output.data` has 2 items, none at 7",
            "get_posts.output.data[7]",
        ),
        (
            "{{ get_posts.output.data.title }}",
            "`get_posts.output.data` is a list, it has no `title`",
            "get_posts.output.data.title",
        ),
        (
            "{{ get_posts.output.nothing.x }}",
            "`get_posts.output.nothing` is null, it has no `x`",
            "get_posts.output.nothing.x",
        ),
        (
            "{{ nodes['get-posts'].output.y }}",
            "`nodes['get-posts'].output` has no `y`; it has `x`",
            "nodes['get-posts'].output.y",
        ),
        (
            "{{ get_post.output }}",
            "there is no `get_post` here; did you mean `get_posts`?",
            "get_post",
        ),
        (
            "{% for p in get_posts.output.data %}{{ p.titel }}{% endfor %}",
            "`p` has no `titel`; did you mean `title`?",
            "p.titel",
        ),
        (
            "{{ get_posts.output.data | map(attribute='titel') | join }}",
            "the filter `map` failed: `(...)` has no `titel`; did you mean `title`?",
            "(...).titel",
        ),
        (
            "{{ get_posts.output.data[get_posts.output.count].id }}",
            "`get_posts.output.data` has 2 items, none at 2",
            "get_posts.output.data[2]",
        ),
        ("{% if false %}{% set x = 1 %}{% endif %}{{ x }}", "`x` is not set", "x"),
        ("{{ [] | first }}", "a list is empty and has no first item", None),
    ],
)
def test_what_is_not_there_is_an_error_with_its_path_and_the_nearest_match(
    source: str, message: str, path: str | None, templating: Templating, scope: Scope
) -> None:
    with pytest.raises(RenderError) as caught:
        templating.compile({"prompt": source}, "/dag/nodes/1/config").render(scope)
    assert caught.value.message == message
    assert caught.value.details == {"pointer": "/dag/nodes/1/config/prompt", "path": path}


@pytest.mark.parametrize(
    "source",
    [
        "{{ gone.output.a }}",
        "{{ get_posts.output.gone }}",
        "{{ get_posts.output.gone.deeper[0].still }}",
        "{{ get_posts.output.data[9].title }}",
        "{{ get_posts.output.nothing.x }}",
        "{{ get_posts.output.data[get_posts.output.count].title }}",
        "{{ nodes['no-such'].output }}",
        "{{ [] | first }}",
        "{{ get_posts.output.gone if true else 1 }}",
    ],
)
def test_default_and_is_defined_hold_along_the_whole_path(
    source: str, templating: Templating, scope: Scope
) -> None:
    inner = source[2:-2].strip()
    for written, value in [
        (f"{{{{ ({inner}) | default('x') | upper }}}}", "X"),
        (f"{{{{ ({inner}) | d(none) }}}}", None),
        (f"{{{{ ({inner}) is defined }}}}", False),
        (f"{{{{ ({inner}) is undefined }}}}", True),
        (f"{{% set v = {inner} %}}{{{{ v | default('x') }}}}", "x"),
    ]:
        assert templating.compile(written, "").render(scope) == value


@pytest.mark.parametrize(
    "use",
    [
        "{{ M }}",
        "a {{ M }}",
        "{% if M %}{% endif %}",
        "{{ M or 1 }}",
        "{{ not M }}",
        "{{ M == 1 }}",
        "{{ 1 == M }}",
        "{{ M + 1 }}",
        "{{ 'a' ~ M }}",
        "{{ [M] }}",
        "{{ {'a': M} }}",
        "{{ M | upper }}",
        "{{ 'a' | replace('a', M) }}",
        "{{ M is none }}",
        "{{ 1 is eq(M) }}",
        "{% for i in M %}{% endfor %}",
        "{{ [1][M] }}",
        "{{ range(M) }}",
        "{% set a, b = M %}",
    ],
)
def test_every_other_use_of_what_is_missing_fails(
    use: str, templating: Templating, scope: Scope
) -> None:
    source = use.replace("M", "get_posts.output.gone")
    with pytest.raises(RenderError, match=r"`get_posts\.output` has no `gone`"):
        templating.compile(source, "").render(scope)


def test_default_keeps_values_that_are_there_unless_asked(
    templating: Templating, scope: Scope
) -> None:
    assert templating.compile("{{ '' | default('x') }}", "").render(scope) == ""
    assert templating.compile("{{ '' | default('x', true) }}", "").render(scope) == "x"
    assert templating.compile("{{ none | default('x') }}", "").render(scope) is None


def test_a_number_that_is_no_number_is_not_silently_zero(
    templating: Templating, scope: Scope
) -> None:
    for name in ("int", "float"):
        with pytest.raises(RenderError, match=rf"the filter `{name}` failed: a text 'abc' is not"):
            templating.compile(f"{{{{ 'abc' | {name} }}}}", "").render(scope)
        assert templating.compile(f"{{{{ 'abc' | {name}(0) }}}}", "").render(scope) == 0
