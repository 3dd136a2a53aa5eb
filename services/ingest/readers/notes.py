"""What a reader has to say about a record: the warnings that go into its receipt, bounded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from services.ingest.readers.lines import clean

MAX_NOTES: Final = 20
"""More, and nobody reads them; what is left out is counted."""

MAX_CHARS: Final = 300
"""Of one warning: a sentence or two."""


@dataclass(slots=True)
class Notes:
    """Warnings in the order in which they came up, each once."""

    _texts: dict[str, None] = field(default_factory=dict)
    _more: int = 0

    def add(self, *texts: str) -> None:
        """Keep ``texts``, cleaned and cut to :data:`MAX_CHARS`."""
        for text in texts:
            note = clean(text[: 4 * MAX_CHARS])
            note = note if len(note) <= MAX_CHARS else f"{note[: MAX_CHARS - 1]}…"
            if note in self._texts:
                continue
            if len(self._texts) < MAX_NOTES - 1:
                self._texts[note] = None
            else:
                self._more += 1

    def warnings(self) -> tuple[str, ...]:
        """All of them, and how many more there were."""
        more = (f"{self._more} more warnings",) if self._more else ()
        return (*self._texts, *more)

    def copy(self) -> Notes:
        """The same so far, to go on apart."""
        return Notes(dict(self._texts), self._more)
