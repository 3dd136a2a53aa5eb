"""The API as one application: its routes, its errors, and what every answer has in common."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import FastAPI

from services.indexer.api.edges import Edges
from services.indexer.api.problems import add_handlers
from services.indexer.api.routes import welcome

if TYPE_CHECKING:
    from services.indexer.api.context import ApiContext

ROUTERS = (welcome.router,)
"""Every router, in the order in which the OpenAPI document shows them."""


def create_app(context: ApiContext) -> FastAPI:
    """The API over ``context``, without access control."""
    app = FastAPI(
        title="Wiredesk",
        version=version("wiredesk"),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.context = context
    add_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(Edges)
    return app
