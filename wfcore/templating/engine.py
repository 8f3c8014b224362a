"""Template engines beside the built-in one: what they are, and how their templates are run."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, Protocol

from wfcore.errors import NodeError
from wfcore.templating.budget import Budget
from wfcore.templating.failure import Refusal, RenderError
from wfcore.templating.reference import Reference
from wfcore.templating.scope import OTHER_ROOTS
from wfcore.templating.template import Template

__all__ = ["EngineTemplate", "ForeignTemplate", "TemplateEngine", "is_foreign", "read_foreign"]


class EngineTemplate(Protocol):
    """One template that an engine has read. Any number of threads may render it at once."""

    @property
    def paths(self) -> Sequence[Sequence[str | int]]:
        """Every path that it names: `("get_posts", "output", "data", 0)`.

        The first step is a node's id, `execution`, or `secrets`. They are checked at submit, and
        what they lead to is there when the template is rendered: leave none out.
        """
        ...

    @property
    def is_expression(self) -> bool:
        """Whether its value may be any JSON value; else it is a text."""
        ...

    def render(self, names: Mapping[str, Any]) -> Any:
        """Return its value from JSON values by name, its own copies.

        It has to end soon whatever the data: it runs in a thread, which nobody can stop. What it
        raises fails the node with a `TemplateError`.
        """
        ...


class TemplateEngine(Protocol):
    """Reads the templates of documents that choose it by their `template_engine`."""

    def is_template(self, text: str) -> bool:
        """Whether a string of a config is a template; quick, and pure."""
        ...

    def read(self, text: str) -> EngineTemplate:
        """Read a template; raises `ValueError` with what is wrong with it."""
        ...


class ForeignTemplate(Template):
    """A template of a plugin's engine. It counts as heavy: what it does nobody knows."""

    __slots__ = ("_template",)

    def __init__(self, template: EngineTemplate) -> None:
        self._template = template
        found = (tuple(path) for path in template.paths if path)
        self.references = tuple(dict.fromkeys(map(_reference, found)))
        self.is_expression = template.is_expression
        self.heavy = True

    def value(self, names: Mapping[str, Any], budget: Budget) -> Any:  # noqa: ARG002 - its own
        try:
            # A copy: what others see of these nodes must stay as it is.
            return self._template.render(deepcopy(dict(names)))
        except NodeError as error:
            raise RenderError(error.message) from error
        except Exception as error:
            raise RenderError(f"{type(error).__name__}: {error}") from error


def is_foreign(engine: TemplateEngine, source: str) -> bool:
    """Whether a plugin's engine sees a template in a string."""
    try:
        return bool(engine.is_template(source))
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - a plugin's code; reading the string says what is wrong
        return True


def read_foreign(engine: TemplateEngine, source: str) -> Template:
    """Read a template with a plugin's engine; raises `Refusal`."""
    try:
        return ForeignTemplate(engine.read(source))
    except ValueError as error:
        raise Refusal("syntax", str(error)) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise Refusal("syntax", f"its engine raised {type(error).__name__}: {error}") from error


def _reference(path: tuple[str | int, ...]) -> Reference:
    root = str(path[0])
    return Reference(root, path[1:], is_node=root not in OTHER_ROOTS)
