"""What the scripts are given, and what they answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from schemas.events import source_name

if TYPE_CHECKING:
    from uuid import UUID

    from schemas.article import Drop
    from services.bus.keys import Stream


@dataclass(frozen=True, slots=True)
class ArticleRef:
    """Which article of which drop a message is about."""

    drop_id: UUID
    article_id: UUID
    _spelt: tuple[str, str] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def spelt(self) -> tuple[str, str]:
        """Drop and article as text, made once: keys, events and log lines of a message need it."""
        if self._spelt is None:
            object.__setattr__(self, "_spelt", (str(self.drop_id), str(self.article_id)))
        return self._spelt  # type: ignore[return-value]  # set above


@dataclass(frozen=True, slots=True)
class Counted:
    """What the ledger counts an article by: its inbox, its hour of receipt since 1970, its source.

    The source is empty where there is none.
    """

    inbox_id: UUID
    hour: int
    source: str

    @classmethod
    def of(cls, drop: Drop, provider: str | None) -> Counted:
        """Of an article of ``drop`` by this provider."""
        hour = int(drop.received_at.timestamp() // 3600)
        return cls(drop.inbox_id, hour, source_name(provider) or "")

    @property
    def day(self) -> int:
        """The day of receipt since 1970, UTC."""
        return self.hour // 24

    def entry(self, ref: ArticleRef) -> tuple[str, bytes]:
        """Field and value in the hash of what stages rejected; lone surrogates become ``?``."""
        value = f"{self.hour}|{self.source}".encode("utf-8", "replace")
        return f"{ref.drop_id}:{ref.article_id}", value


@dataclass(frozen=True, slots=True)
class Burial:
    """A message on its way to the dead letters.

    ``outcome`` is the event that reports it, with the article that it is about;
    both are None where no article can be told, and so is what it is ``counted`` by.
    """

    entry_id: str
    dead_letter: bytes
    outcome: bytes | None
    ref: ArticleRef | None
    counted: Counted | None = None


@dataclass(frozen=True, slots=True)
class Again:
    """A dead letter's message on its way back to the stream ``target``.

    ``ref`` is None where no article can be told; ``counted``: what the ledger had counted it by
    as rejected, None where it had not.
    """

    letter_id: str
    target: Stream
    event: bytes
    ref: ArticleRef | None = None
    counted: Counted | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How many articles of a stage may die: of the last ``window`` per cent, and in a row."""

    window: int
    percent: float
    in_a_row: int


@dataclass(frozen=True, slots=True)
class Trimmed:
    """Entries removed from a stream, and registered subscribers that had not seen some of them."""

    removed: int
    left_behind: tuple[str, ...] = ()


@dataclass(slots=True)  # not frozen: there is one per message, and it would double what it costs
class Crossing:
    """A message that a stage is done with, and the ``event`` that follows; None: nothing does.

    ``partition``: the one that it was read from.
    """

    entry_id: str
    ref: ArticleRef
    event: bytes | None
    partition: int = 0
