"""The entities block: who and what an article names, with every mention.

spaCy finds names; the document decides what they are (``mentions``), where else
they stand (``spread``) and which of them mean the same (``clusters``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from schemas.article import Entity, Mention
from services.enrichment.annotators.base import Annotator, Block, Maker
from services.enrichment.annotators.clusters import cluster
from services.enrichment.annotators.gazetteer import Gazetteer
from services.enrichment.annotators.languages import english_or_reason
from services.enrichment.annotators.mentions import clean, without_noise
from services.enrichment.annotators.names import fold, person_tokens
from services.enrichment.annotators.pieces import MAX_READ
from services.enrichment.annotators.recogniser import SpacyRecogniser
from services.enrichment.annotators.spread import spread
from services.enrichment.annotators.votes import with_one_type_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.enrichment.annotators.base import Draft
    from services.enrichment.annotators.mentions import Named
    from services.enrichment.annotators.recogniser import Found, Recogniser
    from services.enrichment.models import LoadedModel


MAX_MENTIONS = 10_000
"""Mentions marked in one article at most: a hundred times what a long one has.  Five megabytes
of names would otherwise make an event ten times their size."""


class EntityFinder(Annotator):
    """Names the entities of English texts, joined within each document."""

    block: ClassVar[str] = "entities"

    def __init__(
        self,
        model: LoadedModel,
        *,
        recogniser: Recogniser | None = None,
        gazetteer: Gazetteer | None = None,
    ) -> None:
        self._recogniser = recogniser or SpacyRecogniser(model.nlp)
        self._gazetteer = gazetteer or Gazetteer.load()
        self._maker = Maker(
            annotator="entities.spacy",
            version="1",
            model=model.name,
            model_version=model.version,
            model_sha256=model.sha256,
            knowledge_version=f"places {self._gazetteer.version}",
        )

    @property
    def maker(self) -> Maker:
        """Name and version of the finder, of spaCy's model and of the table of places."""
        return self._maker

    def annotate(self, drafts: Sequence[Draft]) -> Sequence[Block]:
        """The entities of each draft, by their first mention."""
        reasons = [english_or_reason(draft) for draft in drafts]
        texts = [
            draft.article.text
            for draft, reason in zip(drafts, reasons, strict=True)
            if reason is None
        ]
        found = iter(self._recogniser.find(texts) if texts else ())
        return [
            self._block(draft.article.text, next(found))
            if reason is None
            else Block(status="skipped", reason=reason)
            for draft, reason in zip(drafts, reasons, strict=True)
        ]

    def _block(self, text: str, found: Sequence[Found]) -> Block:
        entities = resolve(text, found, self._gazetteer)
        kept = first_mentions(entities, MAX_MENTIONS)
        reasons = []
        if len(text) > MAX_READ:
            reasons.append(f"new names looked for in the first {MAX_READ} characters only")
        if kept is not entities:
            reasons.append(f"the first {MAX_MENTIONS} mentions only")
        return Block(reason="; ".join(reasons) or None, entities=kept)


def first_mentions(entities: tuple[Entity, ...], most: int) -> tuple[Entity, ...]:
    """``entities`` with no more than the ``most`` first mentions of the text among them all."""
    starts = sorted(mention.start for entity in entities for mention in entity.mentions)
    if len(starts) <= most:
        return entities
    end = starts[most]
    kept = [(e, tuple(m for m in e.mentions if m.start < end)) for e in entities]
    return tuple(e.model_copy(update={"mentions": mentions}) for e, mentions in kept if mentions)


def resolve(text: str, found: Sequence[Found], gazetteer: Gazetteer) -> tuple[Entity, ...]:
    """The entities of one text from what the model saw in it, by first mention."""
    names = with_one_type_each(text, clean(text, found, gazetteer), gazetteer)
    names = without_noise(text, names, gazetteer)
    groups = cluster(spread(text, names, found, gazetteer), gazetteer)
    entities: dict[str, Entity] = {}
    for group in groups:
        entity = _entity(group, gazetteer)
        known = entities.get(entity.key)
        entities[entity.key] = entity if known is None else _united(known, entity)
    return tuple(sorted(entities.values(), key=lambda entity: entity.mentions[0].start))


def _entity(group: Sequence[Named], gazetteer: Gazetteer) -> Entity:
    kind, name = group[0].type, _canonical(group, gazetteer)
    mentions = tuple(Mention(start=item.start, end=item.end, text=item.text) for item in group)
    return Entity(key=f"{kind.lower()}:{fold(name)}", name=name, type=kind, mentions=mentions)


def _united(first: Entity, second: Entity) -> Entity:
    """Two groups whose names fold to one key are one entity."""
    mentions = sorted((*first.mentions, *second.mentions), key=lambda mention: mention.start)
    return first.model_copy(update={"mentions": tuple(mentions)})


def _canonical(group: Sequence[Named], gazetteer: Gazetteer) -> str:
    """A known place's usual name; else the fullest that the document gives.

    Of equally full ones the one in mixed case, then the most frequent, then the first.
    """
    place = gazetteer.get(group[0].folded)
    if place is not None and place.type == group[0].type:
        return place.name
    counts: dict[str, int] = {}
    for item in group:
        name = " ".join(item.text.split())
        counts[name] = counts.get(name, 0) + 1
    is_person = group[0].type == "PERSON"
    return max(
        counts,
        key=lambda name: (
            len(person_tokens(name)) if is_person else len(name.split()),
            not (name.isupper() and " " in name),
            counts[name],
        ),
    )
