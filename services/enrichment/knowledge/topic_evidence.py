"""Why the model named a topic: the words of the text that did most for its score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas.annotations import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.enrichment.knowledge.features import Words
    from services.enrichment.knowledge.topic_model import Reading

MOST_WORDS = 6
"""Pieces of evidence for one topic: what a person takes in at a glance."""

LOOKED_AT = 14
"""Strongest features looked at: a pair of words and each of them alone often stand together."""

WEIGHT_DIGITS = 3

FUNCTION_WORDS = frozenset(
    [
        "a",
        "about",
        "after",
        "again",
        "against",
        "all",
        "also",
        "although",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "because",
        "been",
        "before",
        "being",
        "between",
        "both",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "doing",
        "during",
        "each",
        "either",
        "for",
        "from",
        "further",
        "had",
        "ha",
        "have",
        "having",
        "he",
        "her",
        "here",
        "him",
        "his",
        "how",
        "however",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "just",
        "may",
        "me",
        "might",
        "more",
        "most",
        "must",
        "my",
        "no",
        "nor",
        "not",
        "now",
        "of",
        "off",
        "on",
        "once",
        "one",
        "only",
        "or",
        "other",
        "our",
        "out",
        "over",
        "own",
        "said",
        "say",
        "same",
        "she",
        "should",
        "since",
        "so",
        "some",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "thi",
        "this",
        "those",
        "through",
        "to",
        "too",
        "two",
        "under",
        "until",
        "up",
        "upon",
        "us",
        "very",
        "wa",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "while",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
        "its",
        "it",
        "hi",
        "don",
        "didn",
        "doesn",
        "isn",
        "wasn",
        "won",
        "hadn",
        "hasn",
        "couldn",
        "wouldn",
        "shouldn",
    ]
)
"""Stems of words that show English prose, but no subject; what the stemmer makes of them too."""


def evidence(reading: Reading, words: Words, index: int) -> tuple[Evidence, ...]:
    """The strongest words and pairs of neighbours for class ``index``, strongest first.

    A weight is the share in all that speaks for the class in the whole text.  Two words
    of one bucket can't be taken for each other but where the text itself has both; then the
    first one is shown.
    """
    added = reading.contributions[:, index]
    total = float(added[added > 0].sum())
    if total <= 0:
        return ()
    likely = np.argpartition(-added, min(LOOKED_AT, len(added)) - 1)[:LOOKED_AT]
    # Equal ones by place, so that the order doesn't depend on how the parts were made.
    order = likely[np.lexsort((likely, -added[likely]))]
    found: dict[tuple[str, ...], float] = {}
    places: dict[tuple[str, ...], int] = {}
    for at in order.tolist():
        if added[at] > 0:
            first = int(reading.distinct.firsts[at])
            _take(found, places, _feature(words, first), float(added[at]))
    best = sorted(found, key=lambda stems: -found[stems])[:MOST_WORDS]
    return tuple(
        Evidence(
            words=words.phrase(places[stems], len(stems)),
            weight=round(min(found[stems] / total, 1.0), WEIGHT_DIGITS),
        )
        for stems in best
    )


def _feature(words: Words, first: int) -> tuple[tuple[str, ...], int]:
    """The word or pair that stands first in a bucket, and its place."""
    if first < len(words):
        return words.stems[first : first + 1], first
    place = first - len(words)
    return words.stems[place : place + 2], place


def _take(
    found: dict[tuple[str, ...], float],
    places: dict[tuple[str, ...], int],
    feature: tuple[tuple[str, ...], int],
    added: float,
) -> None:
    """Add one feature; a word that is part of a pair already shown adds to the pair."""
    stems, place = feature
    telling = [stem for stem in stems if stem not in FUNCTION_WORDS]
    if not telling:
        return
    if len(telling) < len(stems):  # "of war" is shown as "war"
        place += stems.index(telling[0])
        stems = (telling[0],)
    kin = next((shown for shown in found if set(stems) <= set(shown)), None)
    if kin is None:
        inside = [shown for shown in found if set(shown) < set(stems)]
        added += sum(found.pop(shown) for shown in inside)
        found[stems], places[stems] = added, place
    else:
        found[kin] += added


def prose_share(words: Iterable[str]) -> float:
    """Share of function words among stems: a third of English prose, hardly any of lists.

    Current Events of 30 words or more have .35 at the median and .19 at the first percentile, our
    own articles .30 to .46, headlines anything from 0 to .6; Latin filler has .03, names have none.
    """
    stems = list(words)
    return sum(map(FUNCTION_WORDS.__contains__, stems)) / max(len(stems), 1)
