"""The page at /docs: Swagger UI from this package, so that it works with no internet.

The files in `swagger_ui` are swagger-ui-dist 5.35.0 as published, without source maps.
"""

from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.staticfiles import StaticFiles

__all__ = ["add_docs"]

_FILES: Final = Path(__file__).parent / "swagger_ui"


def add_docs(app: FastAPI) -> None:
    """Serve the docs page and its files, and lead from / to it."""
    app.mount("/docs/files", StaticFiles(directory=_FILES), name="docs-files")
    app.add_api_route("/docs", _page, include_in_schema=False)
    app.add_api_route("/", _to_docs, include_in_schema=False)


async def _page() -> HTMLResponse:
    return get_swagger_ui_html(
        openapi_url="openapi.json",
        title="wfcore: API",
        swagger_js_url="docs/files/swagger-ui-bundle.js",
        swagger_css_url="docs/files/swagger-ui.css",
        swagger_favicon_url="docs/files/favicon-32x32.png",
    )


async def _to_docs() -> RedirectResponse:
    return RedirectResponse("docs")
