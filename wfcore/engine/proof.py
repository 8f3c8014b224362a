"""From a document to its plan: every check that can be made before anything runs.

The prover reads, resolves and compiles; it runs nothing and stores nothing. All that is wrong is
told at once. The work is linear in nodes, edges and templates, and made of short calls, so that a
large document can be proved in a thread beside an event loop.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from wfcore.engine.configs import ConfigRules
from wfcore.engine.plan import Plan, Step, build_plan, override_plan
from wfcore.engine.references import References
from wfcore.engine.upstream import Upstream
from wfcore.plugins.failure import failure_line
from wfcore.plugins.registry import Registry
from wfcore.problems import Problem, pointer
from wfcore.secrets.chain import ChainedSecrets
from wfcore.secrets.source import SecretSource
from wfcore.templating import BUILT_IN, Compiled, TemplateProblems, Templating
from wfcore.workflow.document import Node, Workflow
from wfcore.workflow.findings import Findings, Vocabulary
from wfcore.workflow.graph import Graph
from wfcore.workflow.input import check_schema
from wfcore.workflow.limits import Limits
from wfcore.workflow.names import quoted
from wfcore.workflow.reading import Outline, read
from wfcore.workflow.source import JSONValue

__all__ = ["Prover"]

_LONGEST_SAID: Final = 300
_FEW: Final = 8


class Prover:
    """Proves documents for one registry of plugins and one set of limits.

    With a source of secrets, those that it does not know are refused.
    """

    def __init__(
        self,
        registry: Registry,
        templating: Templating,
        limits: Limits,
        secrets: SecretSource | None = None,
    ) -> None:
        self._registry = registry
        self._templating = templating
        self._limits = limits
        self._secrets = secrets
        self._handlers = Vocabulary(registry.handlers)
        self._rules = {name: ConfigRules(each) for name, each in registry.handlers.items()}
        self._no_config = templating.compile({}, "")
        self.asks_plugins = isinstance(secrets, ChainedSecrets)
        """Whether proving a document may take long, however small it is."""

    def prove(self, document: JSONValue, plan_hash: str, *, stored: bool = False) -> Plan:
        """Return the plan of a document (from `parse` or `copy_value`), to be known by this hash.

        Of a `stored` one, secrets that are missing by now fail only the nodes that need them, and
        nodes whose handlers are not installed here wait for a process that has them.
        Raises `DocumentRefused` with all problems, in the order of their places.
        """
        findings = Findings(self._limits.max_problems)
        reading = read(document, self._limits, findings)
        graph = Graph(reading.outlines, findings)
        workflow = self._with_sound_schema(reading.workflow(), findings)

        def find(name: str) -> Outline | None:
            index = graph.position.get(name)
            return reading.outlines[index] if index is not None else None

        upstream = Upstream(graph.names, find, self._registry, workflow, findings)
        references = References(upstream, workflow, findings)
        engine = self._engine_of(workflow, findings)
        steps: list[Step] = []
        for index, outline in enumerate(reading.outlines):
            if not stored:
                self._check_handler(outline.handler, f"/dag/nodes/{index}/handler", findings)
            steps.append(self._check_node(index, outline, engine, references, findings))
            if findings.full:
                break
        self._check_distant(references, graph)
        if not stored:
            self._note_unknown_secrets(references.secrets, findings)
        if not findings:
            self._validate(workflow, findings)
        if findings:
            findings.refuse(document)
        return build_plan(
            plan_hash, workflow, graph.successors, steps, self._registry, references.secrets
        )

    def check_secrets(self, plan: Plan) -> None:
        """Refuse a plan that was proved before, where a secret of it is not known now.

        Raises `DocumentRefused`.
        """
        findings = Findings(self._limits.max_problems)
        self._note_unknown_secrets(plan.secrets, findings)
        if findings:
            findings.refuse({})

    def check_handlers(self, plan: Plan) -> None:
        """Refuse a plan of a stored document, where handlers of it are not installed here.

        Raises `DocumentRefused`.
        """
        findings = Findings(self._limits.max_problems)
        for name, at in plan.missing:
            self._check_handler(name, f"/dag/nodes/{at}/handler", findings)
        if findings:
            findings.refuse({})

    def override(self, plan: Plan, overrides: Mapping[str, Any], *, stored: bool = False) -> Plan:
        """Return the plan with config keys of some nodes replaced: `{node id: {key: value}}`.

        Only these nodes are checked; all else is shared. `stored` as in `prove`. Raises
        `DocumentRefused` with pointers into `overrides`.
        """
        findings = Findings(self._limits.max_problems)
        workflow = plan.workflow

        def find(name: str) -> Node | None:
            node = plan.nodes.get(name)
            return workflow.dag.nodes[node.position] if node is not None else None

        upstream = Upstream(Vocabulary(plan.nodes), find, self._registry, workflow, findings)
        references = References(upstream, workflow, findings)
        changed: dict[str, Step] = {}
        for name, replaced in overrides.items():
            node = find(name)
            if node is None:
                message = f"there is no node {quoted(name)}"
                among = upstream.names
                at = pointer(name)
                findings.add("override.unknown_node", at, message, wanted=name, among=among)
            else:
                config = self._check_override(node, replaced, workflow.template_engine, findings)
                changed[name] = Step(config, plan.nodes[name].when)
                self._check_references(node, changed[name], references)
        if references.distant:
            self._check_distant(references, Graph(workflow.dag.nodes, findings))
        if not stored:
            self._note_unknown_secrets(references.secrets, findings)
        if findings:
            findings.refuse(overrides)
        return override_plan(plan, overrides, changed)

    def _check_override(
        self, node: Node, replaced: Any, engine: str, findings: Findings
    ) -> Compiled:
        at = pointer(node.id)
        if not isinstance(replaced, dict):
            findings.add("override.type", at, "should be an object of config keys")
            return self._no_config
        config = {**node.config, **replaced}
        return self._check_config(node.handler, config, at, engine, findings)

    def _with_sound_schema(self, workflow: Workflow, findings: Findings) -> Workflow:
        if workflow.input_schema is None:
            return workflow
        problems = check_schema(workflow.input_schema, "/input_schema", self._limits)
        findings.extend(problems)
        return workflow.model_copy(update={"input_schema": None}) if problems else workflow

    def _engine_of(self, workflow: Workflow, findings: Findings) -> str:
        """Return the template engine that a workflow chooses, the built-in one if there is none."""
        name = workflow.template_engine
        among = self._templating.engine_names
        if name in among:
            return name
        message = f"there is no template engine {quoted(name)}"
        hint = f"known are {', '.join(sorted(among))}"
        findings.add(
            "document.template_engine",
            "/template_engine",
            message,
            hint,
            wanted=name,
            among=Vocabulary(among),
        )
        return BUILT_IN

    def _check_node(
        self,
        index: int,
        outline: Outline,
        engine: str,
        references: References,
        findings: Findings,
    ) -> Step:
        at = f"/dag/nodes/{index}"
        place = f"{at}/config"
        config = self._check_config(outline.handler, outline.config, place, engine, findings)
        when = None
        if outline.when is not True:
            when = self._compile_condition(outline.when, f"{at}/when", engine, findings)
        step = Step(config, when)
        self._check_references(outline, step, references)
        return step

    def _check_handler(self, name: str | None, place: str, findings: Findings) -> None:
        if name is None or name in self._rules:
            return
        owner = self._registry.absent_owner(name)
        if owner is not None:
            message = f"the handler {quoted(name)} is installed but {owner.status}: {owner.error}"
            hint = f"see {owner.origin}"
            code = "handler.broken" if owner.status == "broken" else "handler.blocked"
            findings.add(code, place, message[:_LONGEST_SAID], hint)
        else:
            message = f"there is no handler {quoted(name)}"
            hint = "handlers come from plugins; `wf handlers` lists those that are installed"
            findings.add("handler.unknown", place, message, hint, wanted=name, among=self._handlers)

    def _check_config(
        self,
        handler: str | None,
        config: Mapping[str, Any],
        at: str,
        engine: str,
        findings: Findings,
    ) -> Compiled:
        """Compile a config and check it as far as its handler is known."""
        rules = self._rules.get(handler) if handler is not None else None
        compiled = self._no_config
        templated: Collection[str] = ()
        if config:
            try:
                # Of a handler that is not known, any key may take secrets.
                raw = rules.raw if rules is not None else ()
                secret = rules.secret if rules is not None else config.keys()
                compiled = self._templating.compile(dict(config), at, raw, secret, engine)
                templated = compiled.templated
            except TemplateProblems as error:
                findings.extend(error.problems)
                templated = frozenset(_strings(config, ""))
        if rules is not None:
            rules.check(config, templated, at, findings)
        return compiled

    def _compile_condition(
        self, value: bool | str, at: str, engine: str, findings: Findings
    ) -> Compiled | None:
        try:
            return self._templating.expression(value, at, engine)
        except TemplateProblems as error:
            findings.extend(error.problems)
            return None

    def _check_references(self, part: Outline | Node, step: Step, references: References) -> None:
        places = step.references()
        if places and part.id is not None:
            direct = part.dependencies
            references.check(part.id, set(direct) if len(direct) > _FEW else direct, places)

    def _note_unknown_secrets(self, places: Sequence[tuple[str, str]], findings: Findings) -> None:
        if self._secrets is None or not places:
            return
        known = {name: self._secrets.knows(name) for name in dict.fromkeys(n for _, n in places)}
        for place, name in places:
            if known[name] is False:
                message = f"there is no secret {quoted(name)}"
                hint = f"the operator sets it as APP_SECRET_{name}"
                if self.asks_plugins:
                    hint += ", or a plugin's source has it"
                findings.add("secret.unknown", place, message, hint)

    def _check_distant(self, references: References, graph: Graph) -> None:
        if not references.distant:
            return
        at = graph.position
        pairs = {(at[node], at[other]) for node, other, _ in references.distant}
        wrong = graph.not_upstream(pairs)
        for node, other, place in references.distant if wrong else ():
            if (at[node], at[other]) in wrong:
                references.note_not_upstream(other, place)

    def _validate(self, workflow: Workflow, findings: Findings) -> None:
        """Ask the plugins' validators."""
        for validator in self._registry.validators:
            try:
                for problem in validator(workflow):
                    findings.add(*_parts(problem))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - a plugin's code may raise anything
                name = getattr(validator, "__qualname__", type(validator).__qualname__)
                message = f"the validator {quoted(name)} raised {failure_line(error)}"
                findings.add("plugin.failed", "", message[:_LONGEST_SAID])


def _parts(problem: Problem) -> tuple[str, str, str, str | None]:
    return problem.code, problem.pointer, problem.message, problem.hint


def _strings(value: Any, at: str) -> Iterator[str]:
    """Yield the pointers of all strings in a value."""
    if isinstance(value, str):
        yield at
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _strings(item, at + pointer(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _strings(item, f"{at}/{index}")
