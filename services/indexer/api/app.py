"""The API as one application: its routes, its errors, and what every answer has in common."""

from __future__ import annotations

from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware

from services.indexer.api.document import document
from services.indexer.api.edges import Edges
from services.indexer.api.parameters import check_query
from services.indexer.api.problems import add_handlers
from services.indexer.api.routes import (
    articles,
    changes,
    desk,
    entities,
    events,
    facets,
    openapi,
    page,
    stories,
    topics,
    welcome,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from services.indexer.api.context import ApiContext
    from services.settings import Settings

ROUTERS = (
    welcome.router,
    articles.router,
    facets.router,
    entities.router,
    topics.router,
    stories.router,
    changes.router,
    events.router,
    desk.router,
    openapi.router,
    page.router,
)
"""Every router, in the order in which the OpenAPI document shows them."""

PREFLIGHT_SECONDS = 600
"""For which a browser may keep what it was told of CORS; browsers take no more than hours."""


def create_app(context: ApiContext) -> FastAPI:
    """The API over ``context``: without access control, which goes around it.

    Where web pages of other origins may call, :func:`with_cors` goes around both.
    """
    app = FastAPI(
        title="Wiredesk",
        version=version("wiredesk"),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(check_query)],
    )
    app.state.context = context
    # The documented way to make another document.
    app.openapi = partial(document, app)  # type: ignore[method-assign]
    add_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    # Now, and not with the first requests: they come at once, and it can't be made by two threads.
    app.openapi()
    app.add_middleware(Edges)
    return app


def with_cors(app: ASGIApp, settings: Settings) -> ASGIApp:
    """``app``, which the settings' origins may call from a browser; ``app`` itself without any.

    It goes around access control: a browser asks first, without a token, whether it may.
    """
    if not settings.api_cors_origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=settings.api_cors_origins,
        allow_methods=("GET", "HEAD"),
        allow_headers=("Authorization", "If-None-Match", "Last-Event-ID"),
        expose_headers=("ETag", "Retry-After", "X-Request-Id"),
        max_age=PREFLIGHT_SECONDS,
    )
