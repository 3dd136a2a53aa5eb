"""A desk's own topics, beside IPTC's: which of them a text has, and why."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.annotations import Evidence
from services.enrichment.knowledge.features import fold, stem

THRESHOLD = 0.5
"""Least score by default: two mentions of plain words, or one in the headline of a heavy one."""

HALF = 2.0
"""Strength of words at which the score is one half; each further one halves what is missing."""

IN_TITLE = 2.0
"""A word in the first ``TITLE_TOKENS`` words counts so many times."""

TITLE_TOKENS = 15
MAX_CHARS = 20_000
"""Characters that are searched: some 3,000 words."""

LIKE = 0.16
"""Cosine with the examples' centroid at which the score is one half. Short articles on one of
IPTC's broad subjects had .01 to .10 with each other's, on others .01 to .13: so it takes an
article that shares the examples' wording, not only their field."""

LIKENESS_STEP = 0.03
"""How fast the score rises with the cosine: .73 at .19, .27 at .13."""

MOST_EVIDENCE = 6
_WEIGHT_DIGITS = 3
_TOKEN = re.compile(r"[^\W_]+")

Sparse = Mapping[int, float]
"""A vector over the model's buckets."""

Vector = Callable[[str], Sparse]
"""Makes a text's unit vector."""


class Token(NamedTuple):
    """A word or number, folded, and where it stands."""

    word: str
    start: int
    end: int


def tokens(text: str) -> list[Token]:
    """Words and numbers of any script, folded and stemmed where Latin, with their offsets."""
    return [
        Token(_same(match.group()), match.start(), match.end())
        for match in _TOKEN.finditer(text[:MAX_CHARS])
    ]


def _same(word: str) -> str:
    folded = fold(word)
    return stem(folded) if folded else word.casefold()


@dataclass(frozen=True, slots=True)
class UserTopic:
    """One topic of the file. ``cues`` are folded words (one or several in a row) and weights."""

    code: str
    name: str
    cues: tuple[tuple[tuple[str, ...], float], ...]
    examples: tuple[str, ...]
    threshold: float
    broader: str | None


@dataclass(frozen=True, slots=True)
class UserScore:
    """A topic that a text has, how surely, and why."""

    topic: UserTopic
    score: float
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class _Hit:
    place: int
    count: int
    weight: float


@dataclass(frozen=True, slots=True)
class UserTopics:
    """The topics of one state of the file, ready to be looked for."""

    topics: tuple[UserTopic, ...]
    sha256: str
    _starts: Mapping[str, list[tuple[tuple[str, ...], float, int]]] = field(repr=False)
    _centroids: tuple[Sparse, ...] = field(repr=False)

    @classmethod
    def of(cls, topics: tuple[UserTopic, ...], sha256: str, vector: Vector) -> UserTopics:
        """Index ``topics``; ``vector`` makes the unit vector of an example's text."""
        starts: dict[str, list[tuple[tuple[str, ...], float, int]]] = defaultdict(list)
        for index, topic in enumerate(topics):
            for words, weight in topic.cues:
                starts[words[0]].append((words, weight, index))
        centroids = tuple(_centroid([vector(text) for text in topic.examples]) for topic in topics)
        return cls(topics, sha256, starts, centroids)

    @property
    def by_example(self) -> bool:
        """Whether any topic has examples, so that a text's vector is needed."""
        return any(self._centroids)

    def find(self, text: str, vector: Sparse) -> list[UserScore]:
        """The topics that reach their threshold, surest first, then in the file's order."""
        read = tokens(text)
        hits = self._hits(read)
        found = []
        for index, topic in enumerate(self.topics):
            own = hits.get(index, {})
            strength = sum(hit.weight for hit in own.values())
            by_words = 1.0 - 0.5 ** (strength / HALF)
            alike = _cosine(vector, self._centroids[index])
            by_example = 1.0 / (1.0 + math.exp((LIKE - alike) / LIKENESS_STEP)) if alike else 0.0
            score = 1.0 - (1.0 - by_words) * (1.0 - by_example)
            if score >= topic.threshold:
                why = _evidence(text, read, own, by_words, by_example)
                found.append(UserScore(topic, score, why))
        return sorted(found, key=lambda one: -one.score)

    def _hits(self, read: Sequence[Token]) -> dict[int, dict[tuple[str, ...], _Hit]]:
        words = [token.word for token in read]
        hits: dict[int, dict[tuple[str, ...], _Hit]] = defaultdict(dict)
        for place, word in enumerate(words):
            for cue, weight, index in self._starts.get(word, ()):
                if tuple(words[place : place + len(cue)]) == cue:
                    known = hits[index].get(cue) or _Hit(place, 0, 0.0)
                    here = IN_TITLE if place < TITLE_TOKENS and not known.count else 1.0
                    # Each further mention says less: 1, 1/2, 1/3, …
                    more = known.weight + weight * here / (known.count + 1)
                    hits[index][cue] = _Hit(known.place, known.count + 1, more)
        return hits


def _centroid(vectors: Sequence[Sparse]) -> Sparse:
    total: dict[int, float] = defaultdict(float)
    for vector in vectors:
        for bucket, value in vector.items():
            total[bucket] += value
    norm = math.sqrt(math.fsum(value * value for value in total.values()))
    return {bucket: value / norm for bucket, value in total.items()} if norm else {}


def _cosine(one: Sparse, other: Sparse) -> float:
    return math.fsum(value * one[bucket] for bucket, value in other.items() if bucket in one)


def _evidence(
    text: str,
    read: Sequence[Token],
    hits: Mapping[tuple[str, ...], _Hit],
    by_words: float,
    by_example: float,
) -> tuple[Evidence, ...]:
    """The cues as the text has them, and the examples, by what each did for the score."""
    whole = sum(hit.weight for hit in hits.values())
    words_part = by_words / (by_words + by_example)
    parts = [
        (
            " ".join(text[read[hit.place].start : read[hit.place + len(cue) - 1].end].split()),
            words_part * hit.weight / whole,
        )
        for cue, hit in hits.items()
    ]
    if by_example:
        parts.append(("like the examples", 1.0 - words_part))
    strongest = sorted(parts, key=lambda part: -part[1])[:MOST_EVIDENCE]
    return tuple(
        Evidence(words=words, weight=round(weight, _WEIGHT_DIGITS)) for words, weight in strongest
    )
