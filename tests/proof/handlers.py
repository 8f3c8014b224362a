"""Handlers and documents that the tests of the proof share."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from wfcore.engine.plan import Plan
from wfcore.engine.proof import Prover
from wfcore.errors import DocumentRefused
from wfcore.plugins.context import NodeContext
from wfcore.plugins.handler import Handler, Raw
from wfcore.plugins.registry import Registry
from wfcore.problems import Problem
from wfcore.templating import Templating
from wfcore.workflow.document import Workflow
from wfcore.workflow.limits import Limits
from wfcore.workflow.source import JSONValue, copy_value


class Post(BaseModel):
    title: str
    tags: list[str]
    author: "Author | None" = None


class Author(BaseModel):
    name: str


class Fetch(Handler):
    """Closed output, with lists, models and unions in it."""

    name = "fetch"
    queue = "slow"

    class Config(BaseModel):
        url: str
        retries: int = Field(default=0, ge=0)
        headers: dict[str, str] = {}
        mode: Literal["fast", "slow"] = "fast"

        @field_validator("url")
        @classmethod
        def is_http(cls, url: str) -> str:
            if not url.startswith("http"):
                raise ValueError("only http can be fetched")
            return url

    class Output(BaseModel):
        posts: list[Post]
        first: Post
        count: int
        extra: dict[str, Any] = {}

    def run(self, config: Any, context: NodeContext) -> Any:
        raise NotImplementedError


class Pair(BaseModel):
    model_config = ConfigDict(extra="forbid")
    low: int
    high: int = 10


class Mixed(Handler):
    """A config with everything that models can have; nothing known of its output."""

    name = "mixed"
    gives_result = True

    class Config(BaseModel):
        value: int | list[int] = 0
        pair: Pair | None = None
        aliased: str = Field(default="", alias="as")
        raw: Annotated[str, Raw] = ""
        low: int = 0
        high: int = 10

        @model_validator(mode="after")
        def in_order(self) -> "Mixed.Config":
            if self.low > self.high:
                raise ValueError("low is above high")
            return self

    def run(self, config: Any, context: NodeContext) -> Any:
        raise NotImplementedError


class Open(Handler):
    """Takes any config, and has the output that its config says."""

    name = "open"

    class Config(BaseModel):
        model_config = ConfigDict(extra="allow")

    @classmethod
    def output_schema(cls, config: Mapping[str, Any], workflow: Workflow) -> dict[str, Any] | None:
        schema: Any = config.get("gives")
        if schema == "an error":
            raise RuntimeError("no schema today")
        return schema  # type: ignore[no-any-return]

    def run(self, config: Any, context: NodeContext) -> Any:
        raise NotImplementedError


class Bare(Handler):
    """No config."""

    name = "bare"

    def run(self, config: Any, context: NodeContext) -> Any:
        raise NotImplementedError


HANDLERS: tuple[Handler, ...] = (Fetch(), Mixed(), Open(), Bare())


def registry(**parts: Any) -> Registry:
    return Registry(handlers={each.name: each for each in HANDLERS}, **parts)


def prover(limits: Limits | None = None, **parts: Any) -> Prover:
    return Prover(registry(**parts), Templating(), limits or Limits())


def node(name: str, handler: str = "bare", *dependencies: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "handler": handler, "dependencies": list(dependencies), **fields}


def document(*nodes: Any, **fields: Any) -> dict[str, Any]:
    return {"name": "w", "dag": {"nodes": list(nodes)}, **fields}


FETCH = node("posts", "fetch", config={"url": "http://x"})


def prove(value: Any, by: Prover | None = None) -> Plan:
    return (by or prover()).prove(copy_value(value, Limits()), "hash")


def refusal(value: Any, by: Prover | None = None) -> tuple[Problem, ...]:
    plain: JSONValue = copy_value(value, Limits())
    try:
        (by or prover()).prove(plain, "hash")
    except DocumentRefused as refused:
        return refused.problems
    return ()


def told(value: Any, by: Prover | None = None) -> list[tuple[str, str]]:
    return [(each.code, each.pointer) for each in refusal(value, by)]


def reads(template: Any, *upstream: Any, **fields: Any) -> list[Problem]:
    """Return the problems of a last node whose config holds a template, after `posts`."""
    names = [each["id"] for each in upstream]
    last = node("last", "open", "posts", *names, config={"text": template})
    return list(refusal(document(FETCH, *upstream, last, **fields)))
