"""The server takes articles, its answer is lost, and the file changes before the next try."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from services.bus.errors import Unavailable
from tests.ingest.desk_kit import Kit, MemoryBus, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import RawArticle


@dataclass
class CutOff(MemoryBus):
    """Takes what is published once more, and doesn't get to say so."""

    cut: bool = False

    async def publish(self, articles: Sequence[RawArticle]) -> None:
        await super().publish(articles)
        if self.cut:
            self.cut = False
            raise Unavailable("server: the connection was cut")


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_articles_whose_publication_nobody_confirmed_stay_accounted_for(kit: Kit, how: str) -> None:
    bus = CutOff()
    kit.bus = bus

    async def scenario() -> None:
        async with opened(kit):
            path = kit.drop("a.txt", "One\nbody\n---\nTwo\nbody")
            bus.cut = True
            await kit.take()
            path.unlink()
            if how == "replaced":
                path.write_text("Three\nbody")
            kit.hand.advance(60)
            await kit.finish()
            await kit.finish()
            gone, *others = kit.receipts()
            told = {line.headline: line.outcome for line in gone.articles}
            assert told == {"One": "indexed", "Two": "indexed"}
            assert gone.note is not None
            assert [receipt.summary for receipt in others] == [{"indexed": 1}] * (how == "replaced")

    asyncio.run(scenario())
