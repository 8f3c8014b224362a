"""The class that a handler's author writes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict

from wfcore.plugins.context import NodeContext
from wfcore.plugins.schema import closed_schema
from wfcore.workflow.document import Workflow

__all__ = ["Handler", "HandlerLike", "NoConfig", "Raw", "Secret", "raw_keys", "secret_keys"]


class NoConfig(BaseModel):
    """The Config of a handler that takes none."""

    model_config = ConfigDict(extra="forbid")


class Raw:
    """Marks a field of a Config whose templates are left alone: `body: Annotated[str, Raw]`."""


class Secret:
    """Marks a field of a Config in which secrets may be named: `token: Annotated[str, Secret]`.

    The handler gets their values. What it returns, raises, logs and tells is masked; what it sends
    anywhere, or prints, is its own to answer for.
    """


class Handler:
    """What a node runs. Subclass it, give it a `name` and a `run`, and register the class.

    One instance serves every node of an engine, many at the same time: what a run needs belongs
    into local variables.
    """

    name: ClassVar[str]
    """What a node's `handler` says."""
    Config: ClassVar[type[BaseModel]] = NoConfig
    """The node's `config`: checked at submit, validated after its templates are rendered."""
    Output: ClassVar[type[BaseModel] | None] = None
    """The output, where its shape is known: what templates name of it is then checked at submit."""
    queue: ClassVar[str] = "default"
    """Where nodes of this handler wait for a worker, unless the node names a queue."""
    cpu_bound: ClassVar[bool] = False
    """A hint that `run` keeps a processor busy; the operator decides where it runs."""
    gives_result: ClassVar[bool] = False
    """Whether the outputs of its nodes are merged into the execution's aggregated results."""

    example: ClassVar[Mapping[str, Any] | None] = None
    """A config for the handler's page; it may hold templates."""
    errors: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """For the handler's page: the types of its errors, and when each comes."""

    def run(self, config: Any, context: NodeContext) -> Any:
        """Do the work of one attempt, as `def` (in a thread of its own) or as `async def`.

        `config` is an instance of `Config`. Return an `Output`, else a dict of JSON values; any
        other JSON value becomes `{"value": it}`. Raise `NodeError` to say how to go on; any other
        exception fails the attempt, and is tried again.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of what the runs share (clients, pools): the engine closes; it may open again."""

    @classmethod
    def output_schema(
        cls,
        config: Mapping[str, Any],  # noqa: ARG003 - for those who override it
        workflow: Workflow,  # noqa: ARG003
    ) -> dict[str, Any] | None:
        """Return the JSON Schema of the output that a node with this config has, None if unknown.

        Override it where the shape depends on the config, whose templates are not yet rendered.
        Called at submit for every node: it must be quick, and pure. The caller never changes what
        it returns.
        """
        return closed_schema(cls.Output) if cls.Output is not None else None


HandlerLike: TypeAlias = type[Handler] | Handler
"""What can be registered: a class, an instance, or a function under `@handler`."""


def raw_keys(config: type[BaseModel]) -> frozenset[str]:
    """Return the config keys that are marked `Raw`."""
    return _marked(config, Raw)


def secret_keys(config: type[BaseModel]) -> frozenset[str]:
    """Return the config keys that are marked `Secret`."""
    return _marked(config, Secret)


def _marked(config: type[BaseModel], wanted: type) -> frozenset[str]:
    return frozenset(
        field.alias or name
        for name, field in config.model_fields.items()
        if any(mark is wanted or isinstance(mark, wanted) for mark in field.metadata)
    )
