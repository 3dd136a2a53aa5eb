"""``wiredesk reenrich``: stored articles through enrichment again, behind whatever is fresh.

The run lives in this process: it reads the store page by page, takes what its conditions say, and
sends it while little waits (:mod:`services.bus.reenrich`).  How far it is, is kept in the store, so
it goes on where it was.  Killed at any point, a page is read again: what is on its way isn't added
again, what has its outcome isn't sent again, and what the server lost is.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID

from services.bus.errors import Unavailable
from services.bus.reenrich import drop_of, raw_again
from services.console.reenrich_runs import WRITE_EVERY

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from schemas.article import EnrichedArticle, Provenance, RawArticle
    from services.bus.reenrich import Resender
    from services.console.reenrich_choice import Choice
    from services.console.reenrich_runs import Run, Runs
    from services.indexer.store.base import ArticleStore, Position

PAGE = 25
"""Articles looked at in one step: a tenth of a second where all are read and none is taken."""

IN_FLIGHT = 4
"""How many times ``bulk_backlog`` may be on its way in all, also behind enrichment: where the
indexer stands still, no more than 256 articles are added to the stream before it."""

PAUSE = 0.1
"""Seconds until it looks again whether there is room: two batches last longer than that."""

PAUSE_AWAY = 2.0
"""Seconds until a server or a store that is away is asked again."""


@dataclass(slots=True)
class Page:
    """Articles to look at, and where to go on behind them (None: at the end)."""

    ids: Sequence[UUID]
    after: Position | None = None
    index: int = 0
    last: bool = True


def next_page(
    store: ArticleStore, choice: Choice, after: Position | None, index: int, size: int = PAGE
) -> Page:
    """The articles behind a position of the search, or behind so many of the given ids."""
    if choice.ids:
        ids = choice.ids[index : index + size]
        end = index + len(ids)
        return Page(ids, index=end, last=end >= len(choice.ids))
    found = store.page(replace(choice.query, limit=size), after)
    return Page([hit.article_id for hit in found.hits], found.next, last=found.next is None)


def chosen(store: ArticleStore, choice: Choice, ids: Sequence[UUID]) -> Iterator[EnrichedArticle]:
    """Of these articles those that can be found and are to be taken."""
    for article_id in ids:
        article = live(store, article_id)
        if article is not None and choice.takes(article):
            yield article


def live(store: ArticleStore, article_id: UUID) -> EnrichedArticle | None:
    """An article that a search can find: neither withdrawn nor hidden behind another."""
    record = store.record(article_id)
    return store.get(article_id) if record is not None and record.state == "live" else None


@dataclass
class Progress:
    """A run on its way; what it holds in memory is bounded by a page and what is in flight.

    ``most``: articles of it that may be in flight.  ``tell`` hears why it waits, None when it
    goes on.
    """

    store: ArticleStore
    resender: Resender
    runs: Runs
    run: Run
    most: int
    tell: Callable[[str | None], None] = lambda _reason: None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    page_size: int = PAGE
    _page: Page | None = None
    _taken: int = 0
    _ready: list[RawArticle] = field(default_factory=list)
    _sent_all: bool = False
    _written: float = float("-inf")
    _settled: float = float("-inf")

    async def work(self, *, wait: bool = True) -> Run:
        """Send everything; ``wait`` until it has its outcomes, too.

        ``Cancelled`` and ``Refused`` end it; what is away is waited for.
        """
        while True:
            try:
                moved = await self._step()
                if self._sent_all and not (wait and self.run.flying):
                    self._change(state="done")
                    return await self._write()
                if self.clock() - self._written >= WRITE_EVERY:
                    await self._write()
            except Unavailable as error:
                self.tell(str(error))
                await self.sleep(PAUSE_AWAY)
                continue
            self.tell(None)
            if not moved:
                await self.sleep(PAUSE)

    async def _step(self) -> bool:
        """Look what has arrived, and send what there is room for; whether it got on."""
        if self.clock() - self._settled >= PAUSE:
            await self._settle()
        if self._sent_all:
            return False
        if self._page is None:
            self._page = await asyncio.to_thread(self._look)
        sent = bool(self._ready) and await self._send()
        if self._ready:
            return sent
        self._turn(self._page)
        return True

    def _look(self) -> Page:
        run = self.run
        page = next_page(self.store, run.choice, run.position, run.index, self.page_size)
        articles = list(chosen(self.store, self.run.choice, page.ids))
        sent = self._filed([article.article_id for article in articles]) | set(run.flying)
        self._taken = len(articles)
        self._ready = [
            raw_again(article, run.run_id) for article in articles if article.article_id not in sent
        ]
        return page

    async def _send(self) -> bool:
        """Send as many as there is room for; whether there was."""
        room = min(await self.resender.room(), self.most - len(self.run.flying))
        sending = self._ready[: max(0, room)]
        await self.resender.send(sending)
        del self._ready[: len(sending)]
        self._change(flying=(*self.run.flying, *(each.article_id for each in sending)))
        return bool(sending)

    def _turn(self, page: Page) -> None:
        """All of the page is sent: go on behind it."""
        after = page.after
        self._change(
            looked_at=self.run.looked_at + len(page.ids),
            chosen=self.run.chosen + self._taken,
            place=None if after is None else after.place,
            as_of=None if after is None else after.as_of,
            index=page.index,
        )
        self._page, self._taken, self._sent_all = None, 0, page.last

    def _filed(self, ids: Sequence[UUID]) -> set[UUID]:
        """Of these articles those that have their outcome of this run."""
        drops = [str(drop_of(self.run.run_id, each)) for each in ids]
        return {UUID(each.article_id) for each in self.store.filed_for(drops)}

    async def _settle(self) -> None:
        """Forget what has its outcome, and send again what the server has lost."""
        self._settled = self.clock()
        flying = self.run.flying
        if not flying:
            return
        filed = await asyncio.to_thread(self._filed, flying)
        left = [each for each in flying if each not in filed]
        places = dict(
            zip(left, await self.resender.whereabouts(self.run.run_id, left), strict=True)
        )
        # Filed between the two looks, it has an outcome on its stream too.
        ended = [each for each, place in places.items() if place == "buried"]
        filed |= await asyncio.to_thread(self._filed, ended)
        buried = {each for each in ended if each not in filed}
        withdrawn = await self._send_again([e for e, place in places.items() if place == "gone"])
        over = filed | buried | withdrawn
        self._change(
            flying=tuple(each for each in flying if each not in over),
            buried=self.run.buried + len(buried),
            withdrawn=self.run.withdrawn + len(withdrawn),
        )

    async def _send_again(self, lost: Sequence[UUID]) -> set[UUID]:
        """Send what the server has lost; gives back those that are no longer to be found."""
        found = {each: await asyncio.to_thread(live, self.store, each) for each in lost}
        again = [raw_again(each, self.run.run_id) for each in found.values() if each is not None]
        await self.resender.send(again)
        return {each for each, article in found.items() if article is None}

    def _change(self, **over: object) -> None:
        self.run = self.run.model_copy(update=over)

    async def _write(self) -> Run:
        self.run = await asyncio.to_thread(self.runs.write, self.run)
        self._written = self.clock()
        return self.run


@dataclass(slots=True)
class Preview:
    """What a run would take; ``made``: articles by who made each block, of those looked at."""

    looked_at: int = 0
    chosen: int = 0
    made: Counter[tuple[str, str]] = field(default_factory=Counter)


def preview(store: ArticleStore, choice: Choice) -> Preview:
    """Look at everything that a run would look at, and change nothing."""
    seen, page = Preview(), Page(())
    while True:
        page = next_page(store, choice, page.after, page.index)
        for article in chosen(store, choice, page.ids):
            seen.chosen += 1
            seen.made.update((each.block, maker_of(each)) for each in article.provenance)
        seen.looked_at += len(page.ids)
        if page.last:
            return seen


def maker_of(block: Provenance) -> str:
    """Who made a block, with every version that a condition may be about."""
    parts = [f"{block.annotator} {block.version}"]
    if block.model is not None:
        parts.append(f"{block.model} {block.model_version or '?'}")
    if block.knowledge_version is not None:
        parts.append(f"knowledge {block.knowledge_version}")
    return ", ".join(parts) + ("" if block.status == "done" else f" ({block.status})")
