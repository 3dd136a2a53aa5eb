"""How fast names are found: the fast decoder against spaCy's own recogniser, same weights.

The same version of spaCy, the same texts, one process, by CPU time, a share of articles
a turn.  Two things are measured for each model:

* **alone**: the component on texts that were split into tokens before, both in batches of
  8; spaCy's also with the whole share as one batch, and the faster of the two counts;
* **with tokens**: from texts to names; spaCy's pipeline keeps all the words that it meets (its
  fastest way, with memory that grows), ours is the service's, with memory that doesn't.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import pytest
import spacy

from services.enrichment.annotators.recogniser import PIPE_BATCH, SpacyRecogniser
from services.enrichment.decode import accelerate
from services.enrichment.models import find_model
from tests.bench.measure import (
    cpu_seconds_of,
    plain_text,
    ratio,
    record,
    taking_turns,
    tell,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from spacy.language import Language

WORDS = 700
SHARE = 16
ROUNDS = 12
WARM_UP = 48
"""Articles before the first turn: the words that all articles share are met in them."""

UNUSED = ("tok2vec", "tagger", "parser", "attribute_ruler", "lemmatizer")


def _load(model: str) -> Language:
    return spacy.load(find_model(model), exclude=UNUSED)


def _share(number: int) -> list[str]:
    first = WARM_UP + number * SHARE
    return [plain_text(article, WORDS) for article in range(first, first + SHARE)]


def _alone(nlp: Language, batch_size: int) -> Callable[[int], float]:
    """Seconds that the component takes for a round's share, already split into tokens."""
    component: Any = nlp.get_pipe("ner")

    def turn(number: int) -> float:
        documents = [nlp.make_doc(text) for text in _share(number)]
        return cpu_seconds_of(lambda: list(component.pipe(documents, batch_size=batch_size)))

    return turn


def _whole(find: Callable[[Sequence[str]], object]) -> Callable[[int], float]:
    """Seconds from the texts of a round's share to their names."""

    def turn(number: int) -> float:
        texts = _share(number)
        return cpu_seconds_of(lambda: find(texts))

    return turn


@pytest.mark.parametrize("model", ["en_core_web_sm", "en_core_web_md"])
def test_ner(model: str) -> None:
    stock, fast = _load(model), _load(model)
    assert accelerate(fast) is None
    recogniser = SpacyRecogniser(fast)
    warm_up = [plain_text(article, WORDS) for article in range(WARM_UP)]
    recogniser.find(warm_up)
    list(stock.pipe(warm_up, batch_size=PIPE_BATCH))
    turns = {
        "ours, alone": _alone(fast, PIPE_BATCH),
        "spaCy, alone, batches of 8": _alone(stock, PIPE_BATCH),
        "spaCy, alone, one batch": _alone(stock, SHARE),
        "ours, with tokens": _whole(recogniser.find),
        "spaCy, with tokens": _whole(lambda texts: list(stock.pipe(texts, batch_size=PIPE_BATCH))),
    }
    report(f"{model} {stock.meta['version']}", taking_turns(turns, ROUNDS))


def report(model: str, seconds: Mapping[str, Sequence[float]]) -> None:
    """Print and keep what was measured."""
    words = statistics.mean(len(text.split()) for text in _share(0)) * SHARE
    speeds = {name: words / statistics.median(taken) for name, taken in seconds.items()}
    alone = [name for name in seconds if name.startswith("spaCy, alone")]
    best = max(alone, key=lambda name: speeds[name])
    ratios = {
        "alone": ratio(seconds[best], seconds["ours, alone"]),
        "with tokens": ratio(seconds["spaCy, with tokens"], seconds["ours, with tokens"]),
    }
    tell(
        f"Names: {model}, {ROUNDS} turns of {SHARE} articles of {WORDS} words, CPU time",
        [
            *(f"{name:<28} {speed:9,.0f} words/s" for name, speed in speeds.items()),
            *(f"{name:<28} {times:9.2f} times spaCy's speed" for name, times in ratios.items()),
        ],
    )
    record(
        f"ner {model.split(maxsplit=1)[0]}",
        {"model": model, "words_per_second": speeds, "ratios": ratios},
    )
