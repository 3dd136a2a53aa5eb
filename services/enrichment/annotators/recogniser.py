"""Named entity recognition over texts: where spaCy's model sees a name.

Kept apart from what is made of the names.  The model is decoded by
:mod:`services.enrichment.decode` where that knows it, which nobody sees from here.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from services.enrichment.annotators.pieces import pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spacy.language import Language

PIPE_BATCH = 8
"""Pieces that the model works on together: the fastest; 128 only took 650 MB more."""

KEPT_WORDS = 20_000
"""Words that are kept for good: those of the first 300 or so articles, in 10 MB. With them an
article of 700 words is split into tokens in 1.6 ms, without in 10; with half as many in 2.5."""

KEPT_CHUNKS = 2 * KEPT_WORDS
"""Stretches without a space whose tokens spaCy keeps: its own 10,000 are full after 70 articles."""

FORGOTTEN_WORDS = 4_000_000
"""Words met and forgotten after which spaCy's tables are made anew: every 80,000 articles. The
place of a forgotten word in them isn't given back (16 to 32 bytes for each of its forms that was
never met before), so that they would double for ever: by some 500 MB in a million articles. Making
them anew takes 0.3 s with the small model and 5 s with the middle one, 60 MB for a while and
leaves 3 MB behind (the old entries of the words that stay): 35 MB in a million articles."""

_NOT_WORDS = ("vectors", "lookups")
"""What a vocabulary is saved with beside its words: stays as it is."""


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


class Vocabulary:
    """Which words a pipeline keeps: the first ``kept_words`` distinct ones that it meets.

    All others are forgotten batch by batch; without that each document leaves about 11 KB of
    words behind.  spaCy keeps nothing of what it meets inside a memory zone, not even
    how a common word is split, and does that work again in every batch: hence the
    words that stay, which bound memory as well and which news in one language soon fills
    with the common ones.
    """

    def __init__(
        self,
        nlp: Language,
        kept_words: int = KEPT_WORDS,
        forgotten_words: int = FORGOTTEN_WORDS,
    ) -> None:
        self._nlp = nlp
        self._left = kept_words
        self._forgotten_words = forgotten_words
        self._renew_at = len(nlp.vocab) + forgotten_words
        if hasattr(nlp.tokenizer, "max_cache_size"):  # a language may bring its own tokeniser
            nlp.tokenizer.max_cache_size = KEPT_CHUNKS

    @contextmanager
    def batch(self) -> Iterator[None]:
        """For the time of a batch: nothing of spaCy's may be used after it."""
        if self._left > 0:
            known = len(self._nlp.vocab)
            try:
                yield
            finally:
                self._left -= len(self._nlp.vocab) - known
            return
        with self._nlp.memory_zone():
            yield
        # A vocabulary's length counts every word that it ever met.
        if len(self._nlp.vocab) >= self._renew_at:
            self._renew()

    def _renew(self) -> None:
        """Make spaCy's tables of words anew, with the words that are kept."""
        vocab = self._nlp.vocab
        words = [lexeme.orth_ for lexeme in vocab]
        vocab.from_bytes(vocab.to_bytes(exclude=_NOT_WORDS), exclude=_NOT_WORDS)
        for word in words:
            vocab[word]
        self._renew_at = len(vocab) + self._forgotten_words


class SpacyRecogniser:
    """spaCy's own pipeline, with a :class:`Vocabulary` that doesn't grow for ever."""

    def __init__(self, nlp: Language, vocabulary: Vocabulary | None = None) -> None:
        self._nlp = nlp
        self._vocabulary = vocabulary or Vocabulary(nlp)

    def find(self, texts: Sequence[str]) -> list[list[Found]]:
        """The names in each text, not overlapping."""
        places = [
            (index, start, end) for index, text in enumerate(texts) for start, end in pieces(text)
        ]
        found: list[list[Found]] = [[] for _ in texts]
        parts = (texts[index][start:end] for index, start, end in places)
        with self._vocabulary.batch():
            documents = self._nlp.pipe(parts, batch_size=PIPE_BATCH)
            for (index, start, _), document in zip(places, documents, strict=True):
                # Only numbers and a copy of the label leave the batch: its strings die with it.
                found[index] += [
                    Found(start + span.start_char, start + span.end_char, str(span.label_))
                    for span in document.ents
                ]
        return found
