"""What enriching an article costs: every block, against spaCy's full small pipeline.

The same texts three ways, one batch a turn, by CPU time:

* **enricher**: every block that needs no index of earlier articles, as the service makes it, in
  batches as it gets them, with the model that a fresh installation takes;
* **names**: the recogniser alone of that model, and nothing made of it;
* **stock**: ``nlp.pipe`` of en_core_web_sm as it comes, with all its components and defaults.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import spacy

from schemas.article import EnrichedArticle
from services.enrichment.annotators.recogniser import SpacyRecogniser
from services.enrichment.models import find_model, load_model
from services.enrichment.pipeline import Enricher
from services.enrichment.registry import ANNOTATORS, build_annotators
from services.settings import Settings
from tests.bench.measure import cpu_seconds_of, ratio, raw_article, record, taking_turns, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from schemas.article import RawArticle

ARTICLES = 200
WORDS = 700
"""Words of a long news article, the length that the figures of nlp.md are for."""

SHARE = Settings().batch_size
"""Articles of a turn: one batch, the same for each rival, so that turns are short and what
disturbs the machine disturbs all of them."""

ROUNDS = ARTICLES // SHARE
SMALL = "en_core_web_sm"

WARM_UP = 3
"""Batches before the first turn: the words that all articles share are met in them."""


class Blocks:
    """The enricher, and the milliseconds of CPU that each article's provenance names."""

    def __init__(self, settings: Settings) -> None:
        # The process's own clock: what others do on this machine isn't the annotators'.
        self._enricher = Enricher(
            settings, annotators=build_annotators(settings), clock=time.process_time
        )
        self.milliseconds: dict[str, list[float]] = defaultdict(list)

    def enrich(self, batch: Sequence[RawArticle]) -> None:
        """Enrich a batch as the stage hands it over."""
        for result in self._enricher.enrich(batch):
            assert isinstance(result, EnrichedArticle)
            self._note(result)

    def _note(self, result: EnrichedArticle) -> None:
        for block in result.provenance:
            assert block.status == "done", block.reason
            self.milliseconds[block.block].append(block.duration_ms)


def _texts(articles: Sequence[RawArticle]) -> list[str]:
    return [article.text for article in articles]


def _turn(
    work: Callable[[Sequence[RawArticle]], object], articles: Sequence[RawArticle]
) -> Callable[[int], float]:
    """Milliseconds per article of each round's share."""

    def turn(number: int) -> float:
        share = articles[number * SHARE : (number + 1) * SHARE]
        return cpu_seconds_of(lambda: work(share)) * 1000 / len(share)

    return turn


def test_enrichment() -> None:
    settings = Settings(annotators=tuple(ANNOTATORS))
    blocks = Blocks(settings)
    model = load_model(settings.spacy_model)
    recogniser = SpacyRecogniser(model.nlp)
    stock = spacy.load(find_model(SMALL))
    articles = [raw_article(number, WORDS) for number in range(ARTICLES)]
    rivals: dict[str, Callable[[Sequence[RawArticle]], object]] = {
        "enricher": blocks.enrich,
        "names": lambda share: recogniser.find(_texts(share)),
        "stock": lambda share: list(stock.pipe(_texts(share))),
    }
    warm_up = [raw_article(ARTICLES + number, WORDS) for number in range(WARM_UP * SHARE)]
    for work in rivals.values():
        for start in range(0, len(warm_up), SHARE):
            work(warm_up[start : start + SHARE])
    blocks.milliseconds.clear()
    turns = {name: _turn(work, articles) for name, work in rivals.items()}
    report(taking_turns(turns, ROUNDS), blocks, f"{model.name} {model.version}")


def report(milliseconds: dict[str, list[float]], blocks: Blocks, model: str) -> None:
    """Print and keep what was measured."""
    each = {name: statistics.median(taken) for name, taken in milliseconds.items()}
    # The mean: an article's figure is its batch's share already, so there's nothing to forgive.
    parts = {name: statistics.mean(taken) for name, taken in blocks.milliseconds.items()}
    ratios = {
        "stock / enricher": ratio(milliseconds["stock"], milliseconds["enricher"]),
        "enricher / names": ratio(milliseconds["enricher"], milliseconds["names"]),
    }
    tell(
        f"Enrichment: {ARTICLES} articles of {WORDS} words, CPU time of one process; medians of "
        f"{ROUNDS} turns; {model} against the whole of {SMALL}",
        [
            *(f"{name:<22} {taken:8.1f} ms/article" for name, taken in each.items()),
            *(f"  block {name:<14} {taken:8.1f} ms/article" for name, taken in parts.items()),
            *(f"{name:<22} {quotient:8.2f} times as long" for name, quotient in ratios.items()),
        ],
    )
    figures = {
        "milliseconds_per_article": each,
        "milliseconds_per_block": parts,
        "time_ratios": ratios,
        "model": model,
    }
    record("enrichment", figures)
