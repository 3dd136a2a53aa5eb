"""Named entity recognition over texts: where spaCy's model sees a name.

Kept apart from what is made of the names, so that a faster decoder of the same
weights can take its place behind :class:`Recogniser`.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from services.enrichment.annotators.pieces import pieces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spacy.language import Language

PIPE_BATCH = 8
"""Pieces that the model works on together: the fastest; 128 only took 650 MB more."""

ZONE_DOCUMENTS = 100
"""Documents after which what spaCy remembered of them (about 11 KB each) is freed. Freeing
after each batch makes it learn the common words anew every time."""

ZONE_CHARACTERS = 2_000_000
"""The same for long texts: about 10 MB of remembered words at most."""


@dataclass(frozen=True, slots=True)
class Found:
    """A name as the model saw it: ``text[start:end]`` and the model's label."""

    start: int
    end: int
    label: str


class Recogniser(Protocol):
    """Finds names in texts; deterministic, one list per text, by rising offset."""

    def find(self, texts: Sequence[str]) -> list[list[Found]]:
        """The names in each text, not overlapping."""


class SpacyRecogniser:
    """spaCy's own pipeline, with its memory freed now and then."""

    def __init__(self, nlp: Language) -> None:
        self._nlp = nlp
        self._zone = ExitStack()
        self._documents = 0
        self._characters = 0

    def find(self, texts: Sequence[str]) -> list[list[Found]]:
        """The names in each text, not overlapping."""
        self._open_zone()
        try:
            found = self._find(texts)
        except BaseException:
            self._close_zone()  # whatever broke may have left half a document in it
            raise
        self._documents += len(texts)
        self._characters += sum(map(len, texts))
        if self._documents >= ZONE_DOCUMENTS or self._characters >= ZONE_CHARACTERS:
            self._close_zone()
        return found

    def _find(self, texts: Sequence[str]) -> list[list[Found]]:
        places = [
            (index, start, end) for index, text in enumerate(texts) for start, end in pieces(text)
        ]
        found: list[list[Found]] = [[] for _ in texts]
        parts = (texts[index][start:end] for index, start, end in places)
        documents = self._nlp.pipe(parts, batch_size=PIPE_BATCH)
        for (index, start, _), document in zip(places, documents, strict=True):
            found[index] += [
                # str() of what belongs to the zone: only plain values leave it.
                Found(start + span.start_char, start + span.end_char, str(span.label_))
                for span in document.ents
            ]
        return found

    def _open_zone(self) -> None:
        if not self._documents:
            self._zone.enter_context(self._nlp.memory_zone())

    def _close_zone(self) -> None:
        self._documents = self._characters = 0
        self._zone.close()
