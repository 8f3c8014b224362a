"""A whole plugin as its author writes it: a handler class, a function, every hook."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from wfcore import (
    Handler,
    NodeContext,
    NodeError,
    Problem,
    Raw,
    Templaters,
    Validator,
    Workflow,
    handler,
    hookimpl,
)


class Translate(Handler):
    """Translate a text."""

    name = "translate"
    example = {"text": "Guten Tag", "target": "en"}  # noqa: RUF012 - as authors write it
    errors = {"Busy": "the service has no room"}  # noqa: RUF012

    class Config(BaseModel):
        text: str
        target: str = "en"

    class Output(BaseModel):
        text: str

    async def run(self, config: Config, context: NodeContext) -> Output:
        response = await context.http.request(
            "POST", "https://translate.example.com", json={"q": config.text}, timeout=5
        )
        if response.status == 429:
            raise NodeError("Busy", "try later", retryable=True, retry_after=10)
        context.logger.info("translated to %s", config.target)
        return self.Output(text=response.text)


class Count(Handler):
    """Count the items of every dependency, in a thread."""

    name = "count"
    queue = "cpu"
    cpu_bound = True

    class Config(BaseModel):
        template: Annotated[str, Raw] = ""

    def run(self, config: Config, context: NodeContext) -> dict[str, int]:
        context.progress(0.5, "half way")
        context.heartbeat()
        return {"length": len(config.template)}

    @classmethod
    def output_schema(cls, config: Mapping[str, Any], workflow: Workflow) -> dict[str, Any] | None:
        return {"type": "object", "properties": {"length": {"type": "integer"}}}


class Fixed(Handler):
    """Neither Config nor Output, and arguments of its own."""

    name = "fixed"

    def __init__(self, value: int) -> None:
        self.value = value

    def run(self, config: object, context: NodeContext) -> int:
        return self.value


@handler
def shout(text: str, marks: Annotated[int, Field(ge=0)] = 1) -> str:
    """Say it louder."""
    return text.upper() + "!" * marks


@handler("total", queue="cpu")
async def add_up(numbers: list[float], context: NodeContext) -> float:
    notes = await context.outputs()
    context.notice(f"{len(notes)} dependencies")
    return sum(numbers)


def no_secrets_in_names(workflow: Workflow) -> Iterator[Problem]:
    for index, node in enumerate(workflow.dag.nodes):
        if "password" in node.id:
            yield Problem("acme.secret", f"/dag/nodes/{index}/id", "a node id is no secret")


def initials(text: str) -> str:
    return "".join(word[0] for word in text.split())


@hookimpl
def wfcore_register_handlers() -> list[type[Handler] | Handler]:
    return [Translate, Count, Fixed(3), shout, add_up]


@hookimpl
def wfcore_register_validators() -> list[Validator]:
    return [no_secrets_in_names]


@hookimpl
def wfcore_register_templaters() -> Templaters:
    return Templaters(filters={"initials": initials})


async def calls_keep_their_types(context: NodeContext) -> tuple[str, float]:
    said: str = shout("hello", marks=2)
    return said, await add_up([1.5, 2], context)
