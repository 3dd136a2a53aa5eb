"""What the enrichment tests share: models loaded once, drafts, the two seeds as articles."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from services.enrichment.annotators.base import Draft
from services.enrichment.annotators.entities import EntityFinder, resolve
from services.enrichment.annotators.gazetteer import Gazetteer
from services.enrichment.annotators.language import LanguageIdentifier
from services.enrichment.annotators.quotes import QuoteFinder
from services.enrichment.annotators.recogniser import Found
from services.enrichment.annotators.summary import Summariser
from services.enrichment.annotators.values import ValueFinder
from services.enrichment.linking import Knowledge
from services.enrichment.models import load_model
from tests.factories import make_raw

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.article import Entity, RawArticle
    from services.enrichment.annotators.base import Annotator
    from services.enrichment.models import LoadedModel

SEEDS = Path(__file__).parents[2] / "seeds"


@cache
def model() -> LoadedModel:
    """The spaCy model that a fresh installation uses."""
    return load_model(None)


@cache
def knowledge() -> Knowledge:
    """The shipped table, without aliases of a user's."""
    return Knowledge.load()


@cache
def gazetteer() -> Gazetteer:
    return Gazetteer(knowledge())


def _topic_tagger() -> Annotator:
    # Two megabytes of weights that a test of names never looks at.
    from services.enrichment.annotators.topics import TopicTagger  # noqa: PLC0415

    return TopicTagger()


@cache
def annotator(name: str) -> Annotator:
    """One of each annotator for the whole run: they are stateless but for their models."""
    return {
        "language": LanguageIdentifier,
        "entities": lambda: EntityFinder({"en": model()}, knowledge()),
        "values": ValueFinder,
        "topics": _topic_tagger,
        "quotes": QuoteFinder,
        "summary": Summariser,
    }[name]()


def draft(text: str, declared: str | None = None) -> Draft:
    """A draft of an article with this text that no annotator has seen."""
    return Draft(make_raw(text=text, language=declared))


def marked(text: str) -> tuple[str, list[Found]]:
    """``"[PERSON Xi Jinping] spoke"`` as plain text and what a model would have found in it."""
    plain, found = "", []
    while "[" in text:
        before, _, rest = text.partition("[")
        inside, _, text = rest.partition("]")
        label, _, name = inside.partition(" ")
        plain += before
        found.append(Found(len(plain), len(plain) + len(name), label))
        plain += name
    return plain + text, found


def resolved(text: str) -> dict[str, Entity]:
    """Entities by key, from a text in which the model's findings are marked."""
    plain, found = marked(text)
    entities = resolve(plain, found, gazetteer())
    for entity in entities:
        for mention in entity.mentions:
            assert plain[mention.start : mention.end] == mention.text
    return {entity.key: entity for entity in entities}


def texts_of(entity: Entity) -> list[str]:
    """The mentions' texts, in order."""
    return [mention.text for mention in entity.mentions]


def is_linear(seconds: Callable[[int], float], size: int) -> bool:
    """Whether four times the size takes less than ten times as long; quadratic would be 16.

    The best of three runs each, and short times are not judged: others use the machine, too.
    """
    small = min(seconds(size) for _ in range(3))
    return min(seconds(4 * size) for _ in range(3)) < 10 * max(small, 0.02)


def seed_beijing() -> RawArticle:
    """Seed 000 as the reader is to give it: the headline freed of what was fused to it."""
    lines = (SEEDS / "000_705faf08c05380e2.txt").read_text("utf-8").splitlines()
    paragraphs = [line for line in lines if line.strip()]
    body = [line for line in paragraphs if not line.startswith(("Images source", "12:24 PM"))]
    return make_raw(text="\n\n".join([paragraphs[1], *body[2:]]))


def seed_ties() -> RawArticle:
    """Seed 003 as the reader is to give it: without "Related content" and the promo line."""
    lines = (SEEDS / "003_b059a00de3a423d0.txt").read_text("utf-8").splitlines()
    paragraphs = [line.removeprefix("Related content") for line in lines if line.strip()]
    return make_raw(text="\n\n".join(paragraphs[:-1]))
