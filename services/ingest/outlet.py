"""How articles leave ingest; see :mod:`services.bus` for what stands behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import RawArticle
    from schemas.events import Outcome


class Bus(Protocol):
    """What ingest asks of the bus.

    Publish and report share one mark per (drop, article): whichever came first
    for it counts, the later call adds nothing.  Both raise
    :class:`services.bus.errors.Unavailable` when the server can't take it now;
    a part may have been taken then, and the call is made again.
    """

    async def publish(self, articles: Sequence[RawArticle]) -> None:
        """Put the articles on their way, each once."""

    async def report(self, outcomes: Sequence[Outcome]) -> None:
        """Put outcomes that ingest decided where all outcomes go, from where they come back too."""

    async def room(self, *, bulk: bool = False) -> bool:
        """Whether more may be published now; false is back-pressure.

        ``bulk``: more of a long file, which stops long before the others do.
        """
