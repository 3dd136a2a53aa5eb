"""The store's side of the ledger: how many outcomes it has kept, counted where they are kept.

What holds for every store (``tests/conformance/test_store_tallies.py``):

* A tally changes in the transaction that keeps the outcome, by a trigger of the database: nobody
  can keep one and forget to count it, and a row that is taken away by hand is counted out.
* Numbers of outcomes rise in the order of commits, so whoever reads on from the ``last`` of a
  :class:`Tally` sees exactly what it hasn't counted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from schemas.events import Outcome

HOUR = 3600
"""Seconds of the times that the ledger counts by."""


@dataclass(frozen=True, slots=True)
class Filed:
    """One outcome in short: the ``number`` under which it is kept, and what it is counted by.

    ``hour``: of receipt, in hours since 1970.  ``source``: empty where there is none.
    """

    number: int
    drop_id: str
    article_id: str
    inbox_id: str
    hour: int
    source: str
    outcome: str


@dataclass(frozen=True, slots=True)
class TallyRow:
    """So many outcomes of one kind, of articles of one inbox, hour of receipt and source."""

    inbox_id: str
    hour: int
    source: str
    outcome: str
    articles: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Everything that was counted up to the outcome ``last``, that one included."""

    last: int
    rows: tuple[TallyRow, ...]


class Tallies(ABC):
    """See the module's docstring for what must hold."""

    @abstractmethod
    def tally(self) -> Tally:
        """What was counted, and up to which outcome, as of one moment."""

    @abstractmethod
    def totals(self, since: int = 0) -> Mapping[str, Mapping[str, int]]:
        """Outcomes of what was received from an hour on, by inbox and kind: the tally in short."""

    @abstractmethod
    def filed_after(self, number: int) -> Iterator[Filed]:
        """Outcomes behind a number, in their order."""

    @abstractmethod
    def filed_for(self, drops: Sequence[str]) -> Iterator[Filed]:
        """Outcomes of these drops, in no order."""

    @abstractmethod
    def filed_in(self, inbox_id: str, hour: int) -> Sequence[Filed]:
        """Outcomes of what an inbox received in an hour. It reads every row: for what is amiss."""


def counted_by(outcome: Outcome) -> tuple[str, int, str]:
    """Inbox, hour and source that an outcome is counted under."""
    drop = outcome.drop
    hour = int(drop.received_at.timestamp() // HOUR)
    return str(drop.inbox_id), hour, outcome.source or ""
