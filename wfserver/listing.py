"""The list of executions, page by page."""

from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BeforeValidator, Field

from wfcore import Filter, Status
from wfcore.engine.views import execution_summary
from wfserver import examples
from wfserver.description import answers
from wfserver.moments import Moment
from wfserver.parameters import Parameters
from wfserver.schemas import ExecutionList
from wfserver.serving import ServingEngine

__all__ = ["StatusName", "router"]

router = APIRouter(tags=["executions"])

_PAGE: Final = 50
_MOST: Final = 500

StatusName = Annotated[Status, BeforeValidator(lambda s: s.upper() if isinstance(s, str) else s)]


def _label(given: object) -> object:
    key, colon, _ = str(given).partition(":")
    if not key or not colon:
        raise ValueError("should be of the form key:value")
    return given


class ListParameters(Parameters):
    """Which executions to list; all that is given must hold."""

    status: Annotated[
        list[StatusName], Field(description="Those that stand here; may be repeated.")
    ] = Field(default_factory=list)
    name: Annotated[str | None, Field(description="The workflow's name, exactly.")] = None
    label: Annotated[
        list[Annotated[str, Field(pattern=r"^[^:]+:"), BeforeValidator(_label)]],
        Field(description="`key:value`, exactly; may be repeated.", examples=[["team:support"]]),
    ] = Field(default_factory=list)
    created_after: Annotated[
        Moment | None,
        Field(description="From this time on (RFC 3339, or seconds since the epoch)."),
    ] = None
    created_before: Annotated[Moment | None, Field(description="Before this time.")] = None
    retry_of: Annotated[str | None, Field(description="The retries of this execution.")] = None
    retried: Annotated[bool | None, Field(description="Whether a retry of it exists.")] = None
    limit: Annotated[int, Field(ge=1, le=_MOST, description="How many to a page.")] = _PAGE
    cursor: Annotated[str, Field(description="The `next` of the page before.")] = ""

    def filter(self) -> Filter:
        """Return what the engine is asked for."""
        return Filter(
            statuses=tuple(self.status),
            name=self.name,
            labels=dict(self._labels()),
            created_from=self.created_after,
            created_before=self.created_before,
            retry_of=self.retry_of,
            retried=self.retried,
        )

    def _labels(self) -> list[tuple[str, str]]:
        parted = (each.partition(":") for each in self.label)
        return [(key, value) for key, _, value in parted]


@router.get(
    "/workflows",
    summary="List executions",
    operation_id="list",
    responses=answers(ExecutionList, examples.LIST, 422, 503),
)
async def executions(
    request: Request, engine: ServingEngine, asked: Annotated[ListParameters, Query()]
) -> JSONResponse:
    """Return executions, the newest first. `next` is the `cursor` of the next page."""
    page = await engine.executions(asked.filter(), asked.cursor, asked.limit)
    body = {
        "executions": [execution_summary(record) for record in page.records],
        "next": page.next or None,
    }
    return JSONResponse(body, headers=_link(request, page.next))


def _link(request: Request, cursor: str) -> dict[str, str]:
    """Name the next page for clients that follow links (RFC 8288)."""
    if not cursor:
        return {}
    asked = [(name, value) for name, value in request.query_params.multi_items()]
    query = urlencode([each for each in asked if each[0] != "cursor"] + [("cursor", cursor)])
    return {"Link": f'<{request.url.path}?{query}>; rel="next"'}
