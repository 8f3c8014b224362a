"""The door: reads templates, alone or in a config, with the words that plugins add."""

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache, partial
from typing import Any, Final

from wfcore.problems import Problem, pointer
from wfcore.templating.compiled import Array, Compiled, Fixed, Object, Part, Slot
from wfcore.templating.engine import TemplateEngine, is_foreign, read_foreign
from wfcore.templating.failure import Refusal, TemplateProblem, TemplateProblems
from wfcore.templating.grammar import Sandbox
from wfcore.templating.limits import TemplateLimits
from wfcore.templating.path import has_marks, read_plain
from wfcore.templating.predicate import FUNCTIONS, TESTS
from wfcore.templating.reference import Reference
from wfcore.templating.scalar import SCALAR_FILTERS
from wfcore.templating.scope import SECRETS
from wfcore.templating.sequence import SEQUENCE_FILTERS
from wfcore.templating.template import ProgramTemplate, Template
from wfcore.templating.text import utf8_length
from wfcore.templating.tree import read_usual
from wfcore.templating.vocabulary import Vocabulary, built_in
from wfcore.workflow.source import JSONValue

__all__ = ["BUILT_IN", "Templating"]

BUILT_IN: Final = "jinja"
"""The engine of documents that choose none."""

_CACHED: Final = 2_048
_CACHED_LENGTH: Final = 4_096
# They look at one value once, or at its ends: cheap on any data that a node can have.
_LIGHT_FILTERS: Final = frozenset(
    [
        "abs",
        "capitalize",
        "count",
        "d",
        "default",
        "first",
        "float",
        "int",
        "last",
        "length",
        "lower",
        "round",
        "string",
        "tojson",
        "trim",
        "truncate",
        "upper",
    ]
)
_HEAVY_TESTS: Final = frozenset({"in"})


class Templating:
    """Reads templates; one for an engine, used by all its threads.

    Args:
        limits: bounds on templates and on rendering them.
        filters, tests: plugins' own, called with the value and the arguments, all JSON values.
            They must not change what they are given.
        globals: plugins' functions and JSON values, by the names that templates use.
        engines: plugins' whole engines, by the names that documents choose.

    Raises `PluginError` where one of these cannot be had.
    """

    def __init__(
        self,
        limits: TemplateLimits | None = None,
        *,
        filters: Mapping[str, Callable[..., Any]] | None = None,
        tests: Mapping[str, Callable[..., Any]] | None = None,
        globals: Mapping[str, Any] | None = None,
        engines: Mapping[str, TemplateEngine] | None = None,
    ) -> None:
        self.limits = limits or TemplateLimits()
        self._engines = dict(engines or {})
        own = Vocabulary(
            filters=built_in("filter", {**SCALAR_FILTERS, **SEQUENCE_FILTERS}, _LIGHT_FILTERS),
            tests=built_in("test", TESTS, frozenset(TESTS) - _HEAVY_TESTS),
            functions=built_in("function", FUNCTIONS, frozenset()),
            values={},
        )
        self._vocabulary = own.with_plugins(filters or {}, tests or {}, globals or {})
        self._words = self._vocabulary.functions.keys() | self._vocabulary.values.keys()
        self._sandbox = Sandbox(self.limits)
        self._read_cached = lru_cache(maxsize=_CACHED)(self._read)

    @property
    def global_names(self) -> frozenset[str]:
        """Names that mean a function or a value: a node of that name is read by `nodes['name']`."""
        return frozenset(self._words)

    @property
    def engine_names(self) -> frozenset[str]:
        """What a document's `template_engine` may say."""
        return frozenset({BUILT_IN, *self._engines})

    def marks(self, engine: str) -> Callable[[str], bool]:
        """Return what tells whether a string is a template of an engine."""
        foreign = self._engines.get(engine)
        return has_marks if foreign is None else partial(is_foreign, foreign)

    def parse(self, source: str, pointer: str, engine: str = BUILT_IN) -> Template:
        """Read one template that stands at `pointer`; raises `TemplateProblem`."""
        try:
            foreign = self._engines.get(engine)
            if foreign is not None:
                return self._read_foreign(foreign, source)
            if len(source) <= _CACHED_LENGTH:
                return self._read_cached(source)
            return self._read(source)
        except Refusal as refusal:
            raise TemplateProblem(refusal.problem(pointer, source)) from None

    def compile(
        self,
        value: JSONValue,
        pointer: str,
        raw: Collection[str] = (),
        secret: Collection[str] = (),
        engine: str = BUILT_IN,
    ) -> Compiled:
        """Read every template in a value that stands at `pointer`; keys are not templates.

        `raw` names keys of the value whose contents are left alone, `secret` those in which secrets
        may be named. Raises `TemplateProblems`.
        """
        reading = _Reading(self, pointer, engine, secret)
        if isinstance(value, dict) and raw:
            part = reading.object(value, "", raw)
        else:
            part = reading.part(value, "")
        return reading.finish(part or Fixed(value))

    def expression(self, value: JSONValue, pointer: str, engine: str = BUILT_IN) -> Compiled:
        """Read a value that is a literal, or a string that is exactly one `{{ }}`.

        Raises `TemplateProblems`, for a string that is no such expression too.
        """
        reading = _Reading(self, pointer, engine)
        if not isinstance(value, str):
            return reading.finish(Fixed(value))
        return reading.finish(reading.template(value, "", only_expression=True))

    def _read_foreign(self, engine: TemplateEngine, source: str) -> Template:
        self._check_size(source)
        return read_foreign(engine, source)

    def _check_size(self, source: str) -> None:
        size = utf8_length(source)
        if size > self.limits.max_source_bytes:
            allowed = self.limits.max_source_bytes
            raise Refusal("too_large", f"a template has {size:,} bytes, more than {allowed:,}")

    def _read(self, source: str) -> Template:
        self._check_size(source)
        plain = read_plain(source, self._words, self.limits.max_parts)
        if plain is not None:
            return plain
        tree = read_usual(source, self.limits) or self._sandbox.read(source)
        return ProgramTemplate(tree, self._vocabulary, self.limits)


class _Reading:
    """One walk through a value, gathering what its templates need and what is wrong with them."""

    def __init__(
        self,
        templating: Templating,
        pointer: str,
        engine: str,
        secret: Collection[str] | None = None,
    ) -> None:
        self._templating = templating
        self._engine = engine
        self._has_marks = templating.marks(engine)
        self._secret = secret
        self._pointer = pointer
        self._references: list[tuple[str, Reference]] = []
        self._templated: list[str] = []
        self._problems: list[Problem] = []
        self._heavy = False

    def part(self, value: JSONValue, at: str) -> Part | None:
        """Read a value; None: no template is in it."""
        if isinstance(value, str):
            return self.template(value, at) if self._has_marks(value) else None
        if isinstance(value, dict):
            return self.object(value, at, ())
        if isinstance(value, list):
            parts = [self.part(item, f"{at}/{index}") for index, item in enumerate(value)]
            if not any(parts):
                return None
            return Array([part or Fixed(item) for part, item in zip(parts, value, strict=True)])
        return None

    def object(self, value: dict[str, JSONValue], at: str, raw: Collection[str]) -> Part | None:
        """Read an object whose keys in `raw` are left alone."""
        parts = {
            key: self.part(item, at + pointer(key)) if key not in raw else None
            for key, item in value.items()
        }
        if not any(parts.values()):
            return None
        return Object({key: part or Fixed(value[key]) for key, part in parts.items()})

    def template(self, source: str, at: str, *, only_expression: bool = False) -> Part:
        """Read a string that is a template."""
        place = self._pointer + at
        try:
            template = self._templating.parse(source, place, self._engine)
        except TemplateProblem as refused:
            self._problems.append(refused.problem)
            return Fixed(source)
        if only_expression and not template.is_expression:
            message = "this is not one expression"
            hint = "write exactly one expression, with no text around it"
            if self._engine == BUILT_IN:
                hint = "write exactly one {{ ... }}, with no text around it"
            self._problems.append(Problem("template.not_an_expression", place, message, hint))
        if SECRETS in source or self._engine != BUILT_IN:
            self._check_secrets(template, at)
        self._templated.append(at)
        for reference in template.references:
            self._references.append((place, reference))
        self._heavy |= template.heavy
        return Slot(place, template)

    def _check_secrets(self, template: Template, at: str) -> None:
        """Refuse a secret where the handler did not ask for secrets; `None`: in a condition."""
        fields = self._secret or ()
        here = at.startswith("/") and any(f"{at}/".startswith(f"{pointer(key)}/") for key in fields)
        if here or all(reference.root != SECRETS for reference in template.references):
            return
        hint = "its handler takes secrets in none of its fields"
        if self._secret is None:
            hint = "a condition cannot hold one"
        elif fields:
            hint = f"its handler takes secrets in {', '.join(sorted(fields))}"
        problem = Problem("template.secret", self._pointer + at, "no secret can stand here", hint)
        self._problems.append(problem)

    def finish(self, part: Part) -> Compiled:
        """Return what was read; raises `TemplateProblems` with all that was found wrong."""
        if self._problems:
            raise TemplateProblems(self._problems)
        return Compiled(
            references=tuple(self._references),
            literal=not self._templated,
            heavy=self._heavy,
            templated=frozenset(self._templated),
            part=part,
            limits=self._templating.limits,
        )
