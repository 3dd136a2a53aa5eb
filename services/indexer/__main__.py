"""The indexer service: ``python -m services.indexer``.

Files what is enriched, tells subscribers what operators changed, sends webhooks, and serves the
API and page.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from services.bus.changes import announcing
from services.bus.companions import together
from services.bus.keys import INDEXER
from services.bus.service import exit_with, prepare, run
from services.bus.vitals import Pulse
from services.indexer.counted import CountedStore
from services.indexer.standing import StoreStanding
from services.indexer.store.opening import open_store
from services.indexer.webhooks.delivering import delivering
from services.settings import Settings

if TYPE_CHECKING:
    import asyncio

    from services.bus.companions import Companion
    from services.bus.stage import Handler
    from services.bus.vitals import Vitals
    from services.indexer.api.server import ApiServer
    from services.indexer.store.base import ArticleStore

GARBAGE_AFTER = 100_000
"""Objects, more than have gone, after which Python looks for garbage. An article is about 700 while
it is worked on, and none of it is garbage; after every 700, as Python has it, full batches would be
looked through again and again, which takes 0.2 to 1 ms an article. So much garbage would take
some 20 MB, and hardly anything here makes any."""


def main() -> int:
    """Run until stopped; the exit code."""
    settings = Settings()
    prepare("indexer", settings)
    gc.set_threshold(GARBAGE_AFTER)
    opened: list[ArticleStore] = []
    api = _api(settings)

    def handler() -> Handler:
        opened.append(open_store(settings))
        if api is not None:
            api.check()
        return opened[0].file

    standing = StoreStanding(settings, opened)
    webhooks = Pulse("webhooks", settings.handler_timeout)

    def watch(vitals: Vitals) -> None:
        vitals.ready("store", standing.verdict)
        vitals.gauge(standing.look)
        vitals.watch(webhooks)
        if api is not None:
            vitals.watch(api.pulse)

    companions = [
        announcing(lambda: opened[0], settings),
        delivering(lambda: opened[0], settings, pulse=webhooks),
    ]
    if api is not None:
        companions.append(_serving(api))
    counted = CountedStore(settings, lambda: opened[0])
    return run(
        INDEXER,
        settings,
        handler,
        batch_size=settings.index_batch_size,
        companion=together(*companions),
        details=lambda: {**({} if api is None else api.details()), **counted.details()},
        watch=watch,
    )


def _api(settings: Settings) -> ApiServer | None:
    if not settings.api:
        return None
    # An indexer that serves nothing doesn't load what serves.
    from services.indexer.api.server import ApiServer  # noqa: PLC0415

    return ApiServer(settings)


def _serving(api: ApiServer) -> Companion:
    async def serve(_redis: object, stop: asyncio.Event) -> None:
        await api.run(stop)

    return serve


if __name__ == "__main__":
    exit_with(main())
