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
    "Alive",
    "ExecutionList",
    "ExecutionResults",
    "ExecutionStatus",
    "ExecutionView",
    "HandlerList",
    "HandlerView",
    "JsonSchema",
    "NodeDetails",
    "PluginList",
    "ProblemDetails",
    "Readiness",
    "RetriedMany",
    "RetryRequest",
    "RetryStarted",
    "ServerSentEvent",
    "StartedOrEnded",
    "TriggerRequest",
    "Validation",
    "WorkflowRequest",
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ProblemView(_Body):
    """One thing wrong. `pointer` is a JSON pointer (RFC 6901) into the request's body."""

    code: str
    pointer: str
    message: str
    hint: str | None


class WorkflowRequest(Workflow):
    """A workflow document, and beside `dag` the execution's input, if it is known by now."""

    input: JsonValue = Field(default=None)
    """The input of this execution. It is no part of the document."""


class TriggerRequest(RootModel[dict[str, dict[str, JsonValue]] | None]):
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
    """Where a node stands. `output` is `{}` until there is one; `error` is there if it failed.

    With `outputs=false` there is no `output`.
    """

    state: NodeState
    output: dict[str, JsonValue] | None = None
    error: Error | None = None


Usage = dict[str, float]


class ExecutionView(_Body):
    """Where an execution and each of its nodes stand, in the order of the document.

    `usage` sums what its attempts metered (tokens, cost), where any did.
    """

    execution_id: str
    status: Status
    nodes: dict[str, NodeView]
    retry_of: str | None = None
    usage: Usage | None = None


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


class ProblemDetails(_Body):
    """An error (RFC 9457), with everything that was found wrong."""

    type: str
    title: str
    status: int
    detail: str
    problems: list[ProblemView]


class StartedOrEnded(RootModel[ExecutionStatus | ExecutionResults]):
    """Where an execution stands; with `wait`, how it ended."""


class Validation(_Body):
    """Whether a document could be submitted, and all that is wrong with it."""

    valid: bool
    problems: list[ProblemView]


class ExecutionSummary(_Body):
    """An execution without its nodes. Times are RFC 3339 in UTC, or null."""

    execution_id: str
    name: str
    status: Status
    labels: dict[str, str]
    created: str
    started: str | None
    ended: str | None
    retry_of: str | None = None
    usage: Usage | None = None


class ExecutionList(_Body):
    """A page of executions, the newest first; `next` is the cursor of the next page, or null."""

    executions: list[ExecutionSummary]
    next: str | None


class RetryRequest(RootModel[dict[str, dict[str, JsonValue]] | None]):
    """Config keys to replace, by node id. These nodes, and those after them, run anew."""


class RetryStarted(_Body):
    """A retry: a new execution, linked to the one that it takes up again."""

    execution_id: str
    status: Status
    retry_of: str


class RetryRefused(_Body):
    """An execution that could not be taken up again, and why."""

    execution_id: str
    problems: list[ProblemView]


class RetriedMany(_Body):
    """The retries that were started; `next` is the cursor with which to go on, or null."""

    retried: list[RetryStarted]
    refused: list[RetryRefused]
    next: str | None


class Attempt(BaseModel):
    """One attempt of a node. Times are RFC 3339 in UTC, or null."""

    attempt: int
    started: str | None
    ended: str | None
    outcome: str
    """RUNNING, or how it ended: COMPLETED, FAILED, WAITING (for the next), LOST, RELEASED, ..."""
    log: list[JsonValue]
    error: Error | None = None
    retry_in_ms: int | None = None
    resumes_in_ms: int | None = None
    reused: str | None = None
    """The execution whose output was taken over."""


class NodeProgress(_Body):
    """How far a running handler says it is."""

    fraction: float | None
    message: str


class NodeDetails(BaseModel):
    """A node, with all that is known of it. `config` has secrets as `***`."""

    execution_id: str
    key: str
    handler: str
    dependencies: list[str]
    state: NodeState
    output: dict[str, JsonValue]
    error: Error | None = None
    started: str | None
    ended: str | None
    config: JsonValue
    """As it was rendered; null while it cannot be, and `config_error` says why."""
    config_error: str | None = None
    attempts: list[Attempt]
    log: list[JsonValue]
    """Lines of the last attempt, also while it runs here."""
    progress: NodeProgress | None = None


class Origin(_Body):
    """The plugin that a handler comes from."""

    name: str
    distribution: str | None
    version: str | None


class PluginSettingView(_Body):
    """A variable that the operator may set for a plugin."""

    variable: str
    type: str
    default: str | None
    meaning: str
    secret: bool


class HandlerView(BaseModel):
    """A handler. `config` and `output` are JSON Schemas; `output` is null where it depends.

    `raw` and `secret` name config keys: whose templates are not rendered, and which may name
    secrets. `errors` says of each type of error when it comes.
    """

    name: str
    summary: str
    description: str
    queue: str
    cpu_bound: bool
    gives_result: bool
    config: dict[str, JsonValue]
    raw: list[str]
    secret: list[str]
    output: dict[str, JsonValue] | None
    example: dict[str, JsonValue] | None
    errors: dict[str, str]
    plugin: Origin | None
    settings: list[PluginSettingView]


class HandlerList(_Body):
    """The handlers that nodes can name here."""

    handlers: list[HandlerView]


class PluginView(BaseModel):
    """How loading a plugin went."""

    name: str
    module: str
    status: Literal["loaded", "broken", "blocked"]
    seconds: float
    slow: bool
    distribution: str | None
    version: str | None
    api: str | None
    hooks: list[str]
    handlers: list[str]
    settings: list[PluginSettingView]
    error: str | None = None
    traceback: str | None = None
    printed: str | None = None


class PluginList(_Body):
    """The plugins that were found here."""

    plugins: list[PluginView]


class JsonSchema(RootModel[dict[str, JsonValue]]):
    """A JSON Schema (2020-12)."""


class ServerSentEvent(_Body):
    """One event of a stream. `data` is JSON; `id` goes into `Last-Event-ID`."""

    event: Literal["snapshot", "transition", "message", "end"]
    data: str
    id: str | None = None


class Alive(_Body):
    """The process is alive."""

    status: Literal["alive"]


class StoreHealth(_Body):
    """Whether the store answers, and what an acknowledgement survives."""

    answers: bool
    durability: str


class BusHealth(_Body):
    """Whether hints travel; without them everything goes on, later."""

    healthy: bool


class BrokenPlugin(Origin):
    """A plugin that was left out, and why."""

    error: str | None


class PluginHealth(_Body):
    """Which plugins are there."""

    loaded: list[Origin]
    broken: list[BrokenPlugin]


class Readiness(_Body):
    """Whether the server can serve."""

    status: Literal["ready", "not ready"]
    store: StoreHealth
    bus: BusHealth
    plugins: PluginHealth


MODELS: tuple[type[BaseModel], ...] = (
    WorkflowRequest,
    TriggerRequest,
    RetryRequest,
    ExecutionStatus,
    StartedOrEnded,
    ExecutionView,
    ExecutionResults,
    ExecutionList,
    Validation,
    RetryStarted,
    RetriedMany,
    NodeDetails,
    HandlerView,
    HandlerList,
    PluginList,
    JsonSchema,
    ServerSentEvent,
    Alive,
    Readiness,
    ProblemDetails,
)
