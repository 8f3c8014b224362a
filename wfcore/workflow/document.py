"""The models of a workflow document: its fields, their defaults and their bounds.

`docs/workflow.md` says what each field does. Whole documents are read node by node
(`wfcore.workflow.reading`), so that no single call into the validator is long.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    PlainValidator,
    Strict,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from wfcore.workflow.names import ID_PATTERN, RESERVED

__all__ = ["Dag", "Header", "Join", "Node", "OnError", "Retry", "Workflow"]

Join = Literal["all_success", "all_done", "any_success"]
OnError = Literal["fail", "continue"]

_MOST_LABELS: Final = 64
_TEN_YEARS: Final = 10 * 365 * 24 * 3600


def _not_reserved(name: str) -> str:
    if name in RESERVED:
        message = '"{name}" has a meaning of its own in templates and cannot be a node id'
        raise PydanticCustomError("reserved_id", message, {"name": name})
    return name


def _condition(value: object) -> bool | str:
    if isinstance(value, bool | str):
        return value
    raise PydanticCustomError("condition_type", "should be true, false or one {{ expression }}")


def _few(labels: object) -> object:
    """Refuse very many labels before each of them is looked at."""
    if isinstance(labels, dict) and len(labels) > _MOST_LABELS:
        message = "should be at most {most} labels, not {given}"
        raise PydanticCustomError("too_long", message, {"most": _MOST_LABELS, "given": len(labels)})
    return labels


Seconds = Annotated[float, Field(gt=0, le=_TEN_YEARS, allow_inf_nan=False)]
NodeId = Annotated[str, StringConstraints(pattern=ID_PATTERN), AfterValidator(_not_reserved)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Description = Annotated[str, StringConstraints(max_length=4096)]
Label = Annotated[str, StringConstraints(max_length=256)]
Condition = Annotated[bool | str, PlainValidator(_condition, json_schema_input_type=bool | str)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Retry(_Part):
    """How often and how soon a failed attempt is repeated; what is unset is the engine's default.

    Intervals and `total_timeout` are seconds.
    """

    max_attempts: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Attempts in all, the first included."""
    backoff: Literal["exponential", "linear", "fixed"] | None = None
    """How the wait grows with the failures."""
    initial_interval: Annotated[float, Field(ge=0, le=_TEN_YEARS, allow_inf_nan=False)] | None = (
        None
    )
    """The wait after the first failure."""
    multiplier: Annotated[float, Field(ge=1, le=1000, allow_inf_nan=False)] | None = None
    """What an exponential wait grows by; a linear one grows by `initial_interval`."""
    max_interval: Seconds | None = None
    """No wait is longer, unless the error itself asks for it."""
    jitter: bool | None = None
    """True: the wait is drawn evenly between nothing and what the backoff says."""
    retry_on: (
        Annotated[tuple[Name, ...], Strict(strict=False), Field(min_length=1, max_length=64)] | None
    ) = None
    """Names of error types, `*` and `?` allowed; other errors are final."""
    total_timeout: Seconds | None = None
    """From the start of the first attempt; no attempt starts after it."""


class Node(_Part):
    """One step of the DAG."""

    id: NodeId
    """What templates and other nodes call it. Case matters."""
    handler: Name
    """What the node runs: a name that a plugin registered."""
    dependencies: Annotated[tuple[str, ...], Strict(strict=False), FailFast()] = ()
    """The nodes that it waits for."""
    config: dict[str, Any] = Field(default_factory=dict)
    """For the handler. Strings in it may be templates."""
    description: Description = ""
    """For readers."""
    retry: Retry | None = None
    """How often and how soon a failed attempt is repeated."""
    timeout: Seconds | None = None
    """Seconds for one attempt."""
    when: Condition = True
    """False: the node is SKIPPED. A template is judged when the join has decided to run it."""
    join: Join = "all_success"
    """What must have become of the dependencies for the node to run."""
    on_error: OnError = "fail"
    """What a failure of this node means for the others; `continue`: it is data for them."""


class Dag(_Part):
    """The nodes; their `dependencies` are the edges."""

    nodes: Annotated[tuple[Node, ...], Strict(strict=False), Field(min_length=1)]
    """At least one; their order does not matter."""


class Header(_Part):
    """What a workflow says about itself, apart from its nodes."""

    name: Name
    """What the workflow is called; `{{ execution.name }}`."""
    description: Description = ""
    """For readers."""
    labels: Annotated[dict[Name, Label], BeforeValidator(_few), Field(max_length=_MOST_LABELS)] = (
        Field(default_factory=dict)
    )
    """Stored with each execution; `{{ execution.labels.team }}`."""
    timeout: Seconds | None = None
    """Seconds for the whole execution, from its trigger."""
    input_schema: dict[str, Any] | None = None
    """JSON Schema (2020-12) that the execution's input must match."""
    template_engine: Name = "jinja"
    """How its templates are written: another than `jinja` comes from a plugin."""


class Workflow(Header):
    """A workflow document."""

    dag: Dag
    """The nodes and their edges."""
