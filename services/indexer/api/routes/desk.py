"""``/v1/desk``: the desk as operators see it."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.bus.errors import StopWorking, Unavailable
from services.bus.keys import DEAD_STREAM, WEBHOOK_GROUP_PREFIX
from services.indexer.api.answers import answer_of
from services.indexer.api.context import ApiContext, Context
from services.indexer.api.models import (
    DeadView,
    DeskView,
    GroupView,
    ReceiptView,
    StreamView,
    WorkerView,
)
from services.indexer.api.problems import ProblemError

if TYPE_CHECKING:
    from typing import Literal

    from services.bus.board import DeadNote, Sight
    from services.bus.overview import GroupState, StreamState

router = APIRouter(tags=["desk"])


@router.get(
    "/v1/desk",
    operation_id="desk",
    summary="Streams, lag, workers, dead letters, receipts",
    response_model=DeskView,
)
async def desk(request: Request, context: Context) -> Response:
    """The desk now, at most a second old. Holds nothing of what articles say."""
    view = await _view(context)
    return answer_of(request.headers, view.model_dump_json().encode())


async def _view(context: ApiContext) -> DeskView:
    board = context.board
    if board is None:
        raise ProblemError(503, "unavailable", "This API doesn't look at the desk.")
    sight = await board.look()
    articles = await _articles(context)
    if sight is None:
        return _down(context, board.interval, articles)
    return DeskView(
        at=context.clock(),
        server="up",
        interval_seconds=board.interval,
        streams=tuple(_stream(sight, each) for each in sight.state.streams),
        workers=tuple(WorkerView.model_validate(_known(each)) for each in sight.state.workers),
        dead_letters=sum(s.length for s in sight.state.streams if s.stream == DEAD_STREAM),
        dead=tuple(_dead(each) for each in sight.dead),
        receipts=tuple(ReceiptView.model_validate(each.model_dump()) for each in sight.receipts),
        articles=articles,
    )


def _down(context: ApiContext, interval: float, articles: int | None) -> DeskView:
    return DeskView(
        at=context.clock(),
        server="down",
        interval_seconds=interval,
        streams=(),
        workers=(),
        dead_letters=0,
        dead=(),
        receipts=(),
        articles=articles,
    )


async def _articles(context: ApiContext) -> int | None:
    """Articles that a search can find; None where the store doesn't answer now."""
    try:
        return await context.readers.read(lambda store: store.count())
    except (ProblemError, Unavailable, StopWorking):
        return None


def _stream(sight: "Sight", state: "StreamState") -> StreamView:
    rates = sight.rates[state.stream.name]
    return StreamView(
        name=state.stream.name,
        length=state.length,
        added=rates.added,
        per_minute=rates.per_minute,
        recent=rates.recent,
        groups=tuple(_group(group) for group in state.groups),
    )


def _group(state: "GroupState") -> GroupView:
    return GroupView(
        name=state.name,
        kind=_kind(state),
        lag=state.lag,
        pending=state.pending,
        oldest_seconds=state.oldest_seconds,
    )


def _kind(state: "GroupState") -> "Literal['stage', 'subscriber', 'webhook']":
    if state.name.startswith(WEBHOOK_GROUP_PREFIX):
        return "webhook"
    return "stage" if state.ours else "subscriber"


def _known(worker: dict[str, object]) -> dict[str, object]:
    """Of a sign of life what the view has: paths of files in work aren't for it."""
    return {name: worker[name] for name in WorkerView.model_fields if name in worker}


def _dead(note: "DeadNote") -> DeadView:
    return DeadView.model_validate(asdict(note))
