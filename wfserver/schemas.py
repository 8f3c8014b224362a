"""The bodies of the API as models: what its description (`/openapi.json`) is made of.

Answers are written from plain values, in the order in which they stand here; a test holds them
against these models.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, RootModel

from wfcore.workflow.document import Workflow
from wfcore.workflow.states import NodeState, Status

__all__ = [
    "MODELS",
    "ExecutionResults",
    "ExecutionStatus",
    "ExecutionView",
    "ProblemDetails",
    "TriggerRequest",
    "WorkflowRequest",
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WorkflowRequest(Workflow):
    """A workflow document, and beside `dag` the execution's input, if it is known by now."""

    input: JsonValue = Field(default=None)
    """The input of this execution. It is no part of the document."""


class TriggerRequest(RootModel[dict[str, dict[str, JsonValue]]]):
    """Config keys to replace, by node id; under `execution`, `{"input": ...}`."""


class ExecutionStatus(_Body):
    """Where an execution stands."""

    execution_id: str
    status: Status


class Error(BaseModel):
    """Why a node failed."""

    type: str
    message: str
    retryable: bool
    status: int | None = None
    details: JsonValue = None


class NodeView(_Body):
    """Where a node stands. `output` is `{}` until there is one; `error` is there if it failed."""

    state: NodeState
    output: dict[str, JsonValue]
    error: Error | None = None


class ExecutionView(_Body):
    """Where an execution and each of its nodes stand, in the order of the document."""

    execution_id: str
    status: Status
    nodes: dict[str, NodeView]


class Results(_Body):
    """What the `output` nodes collected, or else the nodes that nothing depends on."""

    final_status: Literal[
        "workflow_pending",
        "workflow_running",
        "workflow_paused",
        "workflow_completed",
        "workflow_failed",
        "workflow_cancelled",
    ]
    aggregated_results: dict[str, JsonValue]


class ExecutionResults(_Body):
    """How an execution ended, or where it stands; `errors` is there if nodes failed."""

    execution_id: str
    status: Status
    completed: bool
    results: Results
    message: str
    errors: dict[str, Error] | None = None


class ProblemView(_Body):
    """One thing wrong. `pointer` is a JSON pointer (RFC 6901) into the request's body."""

    code: str
    pointer: str
    message: str
    hint: str | None


class ProblemDetails(_Body):
    """An error (RFC 9457), with everything that was found wrong."""

    type: str
    title: str
    status: int
    detail: str
    problems: list[ProblemView]


MODELS: tuple[type[BaseModel], ...] = (
    WorkflowRequest,
    TriggerRequest,
    ExecutionStatus,
    ExecutionView,
    ExecutionResults,
    ProblemDetails,
)
