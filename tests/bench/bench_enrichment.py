"""What enrichment costs beside the model itself: the enricher against spaCy alone.

The same texts three ways, one batch a turn:

* **enricher**: every block, as the service makes it, in batches as it gets them;
* **bare**: ``nlp.pipe`` of the same pipeline with the same settings, and nothing made of it;
* **stock**: ``nlp.pipe`` of the model as it comes, with all its components and defaults.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import spacy

from schemas.article import EnrichedArticle
from services.enrichment.annotators.recogniser import PIPE_BATCH
from services.enrichment.models import find_model, load_model
from services.enrichment.pipeline import Enricher
from services.settings import Settings
from tests.bench.measure import ratio, raw_article, record, taking_turns, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from spacy.language import Language

    from schemas.article import RawArticle

ARTICLES = 200
WORDS = 700
"""Words of a long news article, the length that the figures of nlp.md are for."""

SHARE = Settings().batch_size
"""Articles of a turn: one batch, the same for each rival, so that turns are short and what
disturbs the machine disturbs all of them."""

ROUNDS = ARTICLES // SHARE


class Blocks:
    """The enricher, and the milliseconds that each article's provenance names."""

    def __init__(self, settings: Settings) -> None:
        self._enricher = Enricher(settings)
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


def _piped(nlp: Language, articles: Sequence[RawArticle], batch_size: int | None) -> None:
    with nlp.memory_zone():
        for _ in nlp.pipe((article.text for article in articles), batch_size=batch_size):
            pass


def _turn(
    work: Callable[[Sequence[RawArticle]], None], articles: Sequence[RawArticle]
) -> Callable[[int], float]:
    """Milliseconds per article of each round's share."""

    def turn(number: int) -> float:
        share = articles[number * SHARE : (number + 1) * SHARE]
        started = time.perf_counter()
        work(share)
        return (time.perf_counter() - started) * 1000 / len(share)

    return turn


def test_enrichment() -> None:
    settings = Settings()
    blocks = Blocks(settings)
    bare = load_model(settings.spacy_model).nlp
    stock = spacy.load(find_model(settings.spacy_model))
    articles = [raw_article(number, WORDS) for number in range(ARTICLES)]
    rivals: dict[str, Callable[[Sequence[RawArticle]], None]] = {
        "enricher": blocks.enrich,
        "bare": lambda share: _piped(bare, share, PIPE_BATCH),
        "stock": lambda share: _piped(stock, share, None),
    }
    warm_up = [raw_article(ARTICLES + number, WORDS) for number in range(SHARE)]
    for work in rivals.values():
        work(warm_up)
    blocks.milliseconds.clear()
    turns = {name: _turn(work, articles) for name, work in rivals.items()}
    report(taking_turns(turns, ROUNDS), blocks, stock)


def report(milliseconds: dict[str, list[float]], blocks: Blocks, stock: Language) -> None:
    """Print and keep what was measured."""
    each = {name: statistics.median(taken) for name, taken in milliseconds.items()}
    # The mean: an article's figure is its batch's share already, so there's nothing to forgive.
    parts = {name: statistics.mean(taken) for name, taken in blocks.milliseconds.items()}
    ratios = {
        "enricher / bare": ratio(milliseconds["enricher"], milliseconds["bare"]),
        "enricher / stock": ratio(milliseconds["enricher"], milliseconds["stock"]),
        "stock / bare": ratio(milliseconds["stock"], milliseconds["bare"]),
    }
    tell(
        f"Enrichment: {ARTICLES} articles of {WORDS} words, one process; "
        f"medians of {ROUNDS} turns, {stock.meta['name']} {stock.meta['version']}",
        [
            *(f"{name:<22} {taken:8.1f} ms/article" for name, taken in each.items()),
            *(f"  block {name:<14} {taken:8.1f} ms/article" for name, taken in parts.items()),
            *(f"{name:<22} {quotient:8.2f} (times as long)" for name, quotient in ratios.items()),
        ],
    )
    figures = {
        "milliseconds_per_article": each,
        "milliseconds_per_block": parts,
        "time_ratios": ratios,
        "model": f"{stock.lang}_{stock.meta['name']} {stock.meta['version']}",
    }
    record("enrichment", figures)
