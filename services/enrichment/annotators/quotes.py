"""The quotes block: what people are quoted with, who they are, and the verb.

The marks are those of any language; the words that say who speaks are English ones.  In
other languages, quotations come without a speaker and the block says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from schemas.annotations import Quote
from services.enrichment.annotators.base import Annotator, Block, Maker
from services.enrichment.annotators.languages import english_or_reason
from services.enrichment.annotators.pieces import MAX_READ
from services.enrichment.text.attribution import Attribution, Attributor
from services.enrichment.text.marks import quotations
from services.enrichment.text.sentences import paragraphs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import Entity, RawArticle
    from services.enrichment.annotators.base import Draft
    from services.enrichment.text.marks import Quotation
    from services.enrichment.text.sentences import Span

MAX_QUOTES = 500
"""Quotes of one article at most: a book has them, and an event must stay small."""

LONGEST = 5000
"""Characters of one quote at most: longer ones are whole texts between two lost marks."""


class QuoteFinder(Annotator):
    """Finds quotes outside the headline, which repeats the body's, and who says them."""

    block: ClassVar[str] = "quotes"

    def __init__(self) -> None:
        self._maker = Maker(annotator="quotes.rules", version="1")

    @property
    def maker(self) -> Maker:
        """Name and version of the rules; there is no model."""
        return self._maker

    def annotate(self, drafts: Sequence[Draft]) -> Sequence[Block]:
        """The quotes of each draft, in the order of the text."""
        return [_block(draft) for draft in drafts]


def _block(draft: Draft) -> Block:
    article = draft.article
    if not article.text.strip():
        return Block(status="skipped", reason="no text")
    spans = _paragraphs(article)
    found = quotations(article.text, spans)
    reason = english_or_reason(draft)
    kept = [q for q in found if q.end - q.start <= LONGEST]
    quotes = _quotes(article.text, spans, kept, draft.entities if reason is None else None)
    reasons = []
    if reason is not None and quotes:
        reasons.append(f"no speakers: {reason}")
    if len(article.text) > MAX_READ:
        reasons.append(f"quotes of the first {MAX_READ} characters only")
    if len(quotes) > MAX_QUOTES:
        reasons.append(f"the first {MAX_QUOTES} quotes only")
    return Block(reason="; ".join(reasons) or None, quotes=tuple(quotes[:MAX_QUOTES]))


def _paragraphs(article: RawArticle) -> list[Span]:
    return [
        span
        for section in article.sections
        if section.role != "headline"
        for span in paragraphs(article.text, section.start, min(section.end, MAX_READ))
    ]


def _quotes(
    text: str, spans: list[Span], found: list[Quotation], entities: Sequence[Entity] | None
) -> list[Quote]:
    if not found:
        return []
    attributor = Attributor(text, spans, found, entities or ())
    made = attributor.attribute() if entities is not None else [None] * len(found)
    return [
        _quote(text, quotation, attribution)
        for quotation, attribution in zip(found, made, strict=True)
        if attributor.is_speech(quotation, attribution)
    ]


def _quote(text: str, quotation: Quotation, made: Attribution | None) -> Quote:
    entity = made.subject.entity if made else None
    written = made.subject.written if made else None
    return Quote(
        start=quotation.start,
        end=quotation.end,
        text=text[quotation.start : quotation.end],
        speaker=entity.key if entity else None,
        speaker_name=entity.name if entity else written,
        verb=made.verb if made else None,
    )
