"""What the API's routes work with."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.requests import Request

from services.indexer.api.readers import Readers
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.bus.board import Board
    from services.bus.feed import Feed


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class ApiContext:
    """What one API serves from; whoever makes it closes its ``readers``.

    ``feed``: the stream of events, None where it isn't served.  ``board``: the desk as
    operators see it, None likewise.
    """

    settings: Settings
    readers: Readers
    feed: "Feed | None" = None
    board: "Board | None" = None
    clock: "Callable[[], datetime]" = field(default=_now)


def context_of(request: Request) -> ApiContext:
    """The context of the app that got the request."""
    context = request.app.state.context
    assert isinstance(context, ApiContext)  # noqa: S101  (create_app put it there)
    return context


Context = Annotated[ApiContext, Depends(context_of)]
"""A route's parameter of this type gets the context."""
