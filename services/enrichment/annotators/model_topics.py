"""What the linear model, the rules and the publisher's section make of one text together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas.annotations import Evidence
from schemas.article import Topic
from services.enrichment.annotators.section_topics import PRIOR, SURE_SCORE
from services.enrichment.knowledge.choice import chosen
from services.enrichment.knowledge.features import MAX_CHARS
from services.enrichment.knowledge.topic_evidence import evidence, prose_share
from services.enrichment.knowledge.topic_rules import (
    ENOUGH,
    TopicRules,
    confidence,
    narrower,
    total,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from services.enrichment.annotators.section_topics import Filed
    from services.enrichment.knowledge.features import Words
    from services.enrichment.knowledge.topic_model import Reading, TopicModel
    from services.enrichment.knowledge.topic_rules import Cue
    from services.media_topics import MediaTopics

FEWEST_WORDS = 4
"""Words below which nothing is said: shorter than any headline that tells its subject."""

PROSE_FROM = 30
"""Words from which a text is asked whether it is prose at all; headlines have few small words."""

LEAST_PROSE = 0.12
"""Share of small words ("the", "of", "was") below which so long a text is a list, a table, program
code or filler in Latin, and its words tell no subject."""

_CODE_MARKS = "={}[]<>_\\"
MOST_MARKS = 0.01
"""Share of such characters above which a text is program code or markup: our own articles have at
most .001, 99 of 100 Current Events none; Python has .03 at the median."""

FEWEST_MARKS = 4
"""Of them: a headline may have a pair of brackets."""

LEAST_KNOWN = 0.5
"""Share of words below which the model has learnt too little of them: invented languages, text
without vowels. Current Events and our own articles have .93 and more."""

RULE_SCORE = 0.4
"""What a narrower topic that is just sure by its cues makes of a first-level one that the model
doesn't name. It names one more in one of a hundred held-out rows; a quarter of these are the one
label of the row, most others a second subject (migrants, an epidemic, a strike)."""

MOST_BY_RULE = 0.75
"""What many cues make of it at most. The model learns from rows with one label, so beside a subject
that is certain it hardly believes in a second one: a visit told at length, in a war told by the
way. Nearly all of the 26 that four cues or more add to 18,070 labelled rows are second subjects."""

LEAST_FOR_RULE = 0.01
"""Score below which the model is surer than any rule: "home run" in a story of a bank run."""

_PLACES = frozenset({"medtop:20000400", "medtop:20000461"})
"""Schools and hospitals: also where things happen (attacks, lockdowns) that are neither education
nor health, so they make no first-level topic."""

SCORE_DIGITS = 4
"""Decimals of a score. More would differ between processors, and mean nothing."""

_WEIGHT_DIGITS = 3
_MOST_CUES_SHOWN = 6
_LIKELY = 1e-6
"""Keeps log-odds finite."""


class ModelTopics:
    """Topics of the model and of the publisher's sections, as one list.

    A section shifts what the model believes of a class; a topic that a section is sure of, or that
    the model would not have named without one, is the section's.
    """

    def __init__(self, model: TopicModel, vocabulary: MediaTopics) -> None:
        self._model = model
        self._vocabulary = vocabulary
        self._rules = TopicRules()
        self._tops = {code: list(vocabulary.lineage(code))[-1] for code in self._rules.codes}
        self._codes: list[str] = list(model.facts["names"])

    def filed(self, filed: Mapping[str, Filed]) -> list[Topic]:
        """What the sections say for sure by themselves, of a text that the model can't read."""
        return [
            self.topic(code, SURE_SCORE, _spoken(where.words), by_section=True)
            for code, where in filed.items()
            if where.strength == "sure"
        ]

    def read(self, words: Words, filed: Mapping[str, Filed]) -> list[Topic] | None:
        """First-level topics, each with its narrower ones; None if too few words are known."""
        reading = self._model.read(words)
        if reading.known < LEAST_KNOWN:
            return None
        cues = narrower(self._rules.find(words), self._tops)
        scores = self._with_prior(self._with_rule(reading.scores, cues), filed)
        alone = chosen(reading.scores)
        topics: list[Topic] = []
        for index in dict.fromkeys([*chosen(scores), *self._sure(filed)]):
            where = filed.get(self._codes[index])
            why = evidence(reading, words, index)
            if where is None:
                topic = self._by_model(index, float(scores[index]), why)
            else:
                topic = self._by_both(index, float(scores[index]), why, where, reading)
                if where.strength == "hint" and index in alone:
                    topic = topic.model_copy(update={"assigned_by": "model"})
            entries = cues.get(topic.code, ())
            topics += [topic, *self._narrower(words, entries, topic.score)]
        return topics

    def _with_rule(
        self, scores: NDArray[np.float32], cues: Mapping[str, Sequence[tuple[str, Sequence[Cue]]]]
    ) -> NDArray[np.float32]:
        """The scores, and ``RULE_SCORE`` for classes of which a narrower topic is sure."""
        raised = scores.copy()
        for code, entries in cues.items():
            index = self._codes.index(code)
            telling = any(narrow not in _PLACES for narrow, _ in entries)
            if telling and scores[index] >= LEAST_FOR_RULE:
                strength = max(total(narrow_cues) for _, narrow_cues in entries)
                raised[index] = max(raised[index], np.float32(_by_rule(strength)))
        return raised

    def _sure(self, filed: Mapping[str, Filed]) -> list[int]:
        sure = [code for code, where in filed.items() if where.strength == "sure"]
        return [self._codes.index(code) for code in sure if code in self._codes]

    def _with_prior(
        self, scores: NDArray[np.float32], filed: Mapping[str, Filed]
    ) -> NDArray[np.float32]:
        """The model's scores, moved by what the publisher says."""
        if not filed:
            return scores
        likely = np.clip(scores, _LIKELY, 1 - _LIKELY)
        odds = np.log(likely / (1 - likely))
        for code, where in filed.items():
            if code in self._codes:
                odds[self._codes.index(code)] += PRIOR[where.strength]
        moved: NDArray[np.float32] = (1 / (1 + np.exp(-odds))).astype(np.float32)
        return moved

    def _by_model(self, index: int, score: float, why: tuple[Evidence, ...]) -> Topic:
        return self.topic(self._codes[index], score, why, by_section=False)

    def _by_both(
        self, index: int, score: float, why: tuple[Evidence, ...], where: Filed, reading: Reading
    ) -> Topic:
        least = SURE_SCORE if where.strength == "sure" else 0.0
        joined = _with_section(where, why, float(reading.scores[index]))
        return self.topic(self._codes[index], max(score, least), joined, by_section=True)

    def _narrower(
        self,
        words: Words,
        entries: Iterable[tuple[str, Sequence[Cue]]],
        above: float,
    ) -> Iterator[Topic]:
        """Second-level topics of one that the article has, with the cues that say so."""
        for code, cues in entries:
            whole = total(cues)
            why = tuple(
                Evidence(
                    words=words.phrase(cue.place, cue.size),
                    weight=round(cue.strength / whole, _WEIGHT_DIGITS),
                )
                for cue in cues[:_MOST_CUES_SHOWN]
            )
            yield self.topic(code, above * confidence(cues), why, by_section=False)

    def topic(
        self, code: str, score: float, why: tuple[Evidence, ...], *, by_section: bool
    ) -> Topic:
        """A topic of the vocabulary, by the section or by the model."""
        return Topic(
            code=code,
            name=self._vocabulary.name(code) or code,
            score=round(score, SCORE_DIGITS),
            assigned_by="section" if by_section else "model",
            level=self._vocabulary.level(code),
            evidence=why,
        )


def unreadable(words: Words, text: str) -> str | None:
    """Why nothing can be told from so few words or such ones; None where something can."""
    if len(words) < FEWEST_WORDS:
        return "too little text to tell a subject"
    start = text[:MAX_CHARS]
    marks = sum(start.count(mark) for mark in _CODE_MARKS)
    listed = len(words) >= PROSE_FROM and prose_share(words.stems) < LEAST_PROSE
    if listed or marks > max(MOST_MARKS * len(start), FEWEST_MARKS):
        return "no running text: a list, names or program code"
    return None


def _spoken(words: Sequence[str]) -> tuple[Evidence, ...]:
    share = round(1.0 / len(words), _WEIGHT_DIGITS)
    return tuple(Evidence(words=each, weight=share) for each in words)


def _with_section(where: Filed, why: tuple[Evidence, ...], alone: float) -> tuple[Evidence, ...]:
    """The text's words and what the article is filed under, by what each did for the score.

    The publisher's part is that of the certainty which the model lacked alone.
    """
    words = 1.0 - min(PRIOR[where.strength] / (PRIOR[where.strength] + 4.0 * alone), 1.0)
    own = [Evidence(words=e.words, weight=round(e.weight * words, _WEIGHT_DIGITS)) for e in why]
    said = [
        Evidence(words=e.words, weight=round(e.weight * (1.0 - words), _WEIGHT_DIGITS))
        for e in _spoken(where.words)
    ]
    return tuple(sorted([*said, *own], key=lambda entry: -entry.weight))[:_MOST_CUES_SHOWN]


def _by_rule(strength: float) -> float:
    """The score of a first-level topic whose narrower one's cues have this strength."""
    return min(MOST_BY_RULE, 1.0 - (1.0 - RULE_SCORE) * ENOUGH / strength)
