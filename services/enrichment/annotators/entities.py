"""The entities block: who and what an article names, with every mention.

A model finds names; the document decides what they are (``mentions``, ``votes``),
where else they stand (``spread``), which of them mean the same (``clusters``) and, with
the knowledge table, who they are (``assemble``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from services.enrichment.annotators.assemble import entities_of
from services.enrichment.annotators.base import Annotator, Block, Maker
from services.enrichment.annotators.clusters import cluster
from services.enrichment.annotators.context import credits_of, datelines
from services.enrichment.annotators.gazetteer import Gazetteer
from services.enrichment.annotators.intervals import Intervals, spans_of
from services.enrichment.annotators.labels import TYPES
from services.enrichment.annotators.languages import language_or_reason
from services.enrichment.annotators.mentions import (
    Named,
    clean,
    plain_words,
    with_declared,
    without_noise,
)
from services.enrichment.annotators.names import fold
from services.enrichment.annotators.organisations import declared, folded_pairs
from services.enrichment.annotators.people import missed_people
from services.enrichment.annotators.pieces import MAX_READ
from services.enrichment.annotators.recogniser import SpacyRecogniser
from services.enrichment.annotators.salience import layout
from services.enrichment.annotators.spread import spread
from services.enrichment.annotators.votes import with_one_type_each

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schemas.article import Entity, Section
    from services.enrichment.annotators.base import Draft
    from services.enrichment.annotators.recogniser import Found, Recogniser
    from services.enrichment.linking import Knowledge
    from services.enrichment.models import LoadedModel


MAX_MENTIONS = 10_000
"""Mentions marked in one article at most: a hundred times what a long one has.  Five megabytes
of names would otherwise make an event ten times their size."""

DOCUMENT_DIGITS = 12
"""Hexadecimal digits of the article's id in a key of this article alone: 48 bits.  Two of ten
million articles share them with a chance of one in six, and must then share a name, too."""


class EntityFinder(Annotator):
    """Names the entities of texts in the languages that it has models for.

    They are joined within each document and, by their keys, across documents.  ``models``
    maps an ISO 639-1 code to its pipeline; ``recogniser`` makes what finds names with it.
    """

    block: ClassVar[str] = "entities"

    def __init__(
        self,
        models: Mapping[str, LoadedModel],
        knowledge: Knowledge,
        *,
        recogniser: Callable[[LoadedModel], Recogniser] | None = None,
    ) -> None:
        make = recogniser or (lambda model: SpacyRecogniser(model.nlp))
        self._models = dict(models)
        self._recognisers = {language: make(model) for language, model in models.items()}
        self._gazetteer = Gazetteer(knowledge)

    @property
    def maker(self) -> Maker:
        """Name and version of the finder, of the first language's model and of the table."""
        return self._maker(next(iter(self._models)))

    def _maker(self, language: str) -> Maker:
        model = self._models[language]
        return Maker(
            annotator="entities.spacy",
            version="2",
            model=model.name,
            model_version=model.version,
            model_sha256=model.sha256,
            knowledge_version=self._gazetteer.version,
        )

    def annotate(self, drafts: Sequence[Draft]) -> Sequence[Block]:
        """The entities of each draft, by their first mention."""
        self._gazetteer.refresh()
        told = [language_or_reason(draft, self._models) for draft in drafts]
        blocks: dict[int, Block] = {}
        for language, recogniser in self._recognisers.items():
            mine = [index for index, (code, _) in enumerate(told) if code == language]
            texts = [drafts[index].article.text for index in mine]
            maker = self._maker(language)
            for index, found in zip(mine, recogniser.find(texts) if texts else (), strict=True):
                blocks[index] = self._block(drafts[index], found, maker)
        return [
            blocks[index] if code is not None else Block(status="skipped", reason=reason)
            for index, (code, reason) in enumerate(told)
        ]

    def _block(self, draft: Draft, found: Sequence[Found], maker: Maker) -> Block:
        article = draft.article
        document = article.article_id.hex[:DOCUMENT_DIGITS]
        entities = resolve(
            article.text, found, self._gazetteer, sections=article.sections, document=document
        )
        kept = first_mentions(entities, MAX_MENTIONS)
        reasons = []
        if len(article.text) > MAX_READ:
            reasons.append(f"new names looked for in the first {MAX_READ} characters only")
        if kept is not entities:
            reasons.append(f"the first {MAX_MENTIONS} mentions only")
        return Block(reason="; ".join(reasons) or None, entities=kept, maker=maker)


def first_mentions(entities: tuple[Entity, ...], most: int) -> tuple[Entity, ...]:
    """``entities`` with no more than the ``most`` first mentions of the text among them all.

    Their ``count`` stays what it was.
    """
    starts = sorted(mention.start for entity in entities for mention in entity.mentions)
    if len(starts) <= most:
        return entities
    end = starts[most]
    kept = [(e, tuple(m for m in e.mentions if m.start < end)) for e in entities]
    return tuple(e.model_copy(update={"mentions": mentions}) for e, mentions in kept if mentions)


def resolve(
    text: str,
    found: Sequence[Found],
    gazetteer: Gazetteer,
    *,
    sections: Sequence[Section] = (),
    document: str = "",
) -> tuple[Entity, ...]:
    """The entities of one text from what the model saw in it, by first mention.

    ``sections`` tell where the headline is; ``document`` goes into the keys of people
    who are known by one name only.
    """
    names, pairs = mentions_of(text, found, gazetteer)
    groups = cluster(names, gazetteer, pairs)
    return entities_of(groups, gazetteer, layout(text, sections, credits_of(text)), document)


def with_missed(
    text: str, names: list[Named], found: Sequence[Found], gazetteer: Gazetteer
) -> list[Named]:
    """``names``, and people and the datelines' places where the model saw nothing."""
    taken = Intervals(spans_of(names, [item for item in found if item.label not in TYPES]))
    added = missed_people(text, names, taken, gazetteer)
    for start, end in datelines(text):
        place, name = gazetteer.get(text[start:end]), text[start:end]
        if place is not None and place.type == "GPE" and taken.free(start, end):
            added.append(Named(start, end, name, fold(name), "GPE"))
    return sorted([*names, *added], key=lambda name: name.start)


def mentions_of(
    text: str, found: Sequence[Found], gazetteer: Gazetteer
) -> tuple[list[Named], dict[str, str]]:
    """Every occurrence of a name with its type, and the acronyms that the text declares."""
    declarations = list(declared(text))
    names = with_declared(text, clean(text, found, gazetteer), declarations, gazetteer)
    names = with_missed(text, names, found, gazetteer)
    typed = with_one_type_each(text, names, gazetteer)
    words = plain_words(text)
    kept = without_noise(text, typed, gazetteer, words)
    pairs = folded_pairs(text, declarations)
    return spread(text, kept, found, gazetteer, words), pairs
