"""The summary block: one sentence taken out of the article, and how long it takes to read.

A sentence stands for the article when it comes early, when its words are those that
the article keeps coming back to, when it shares them with the headline without
repeating it, and when it names whom the article is about.  The measures need no word
list and so hold for any language that parts words by white space; Chinese and
Japanese are taken by character.
"""

from __future__ import annotations

import math
import operator
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import chain, islice
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from schemas.annotations import Summary
from services.enrichment.annotators.base import Annotator, Block, Maker
from services.enrichment.annotators.pieces import MAX_READ
from services.enrichment.text.marks import quotations
from services.enrichment.text.reading import CJK, reading_time
from services.enrichment.text.sentences import article_sentences, paragraphs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import Entity, RawArticle
    from services.enrichment.annotators.base import Draft
    from services.enrichment.text.marks import Quotation
    from services.enrichment.text.sentences import Sentence

MOST_SENTENCES = 200
"""Sentences that are weighed: what is not said by then is not what the article is about."""

MOST_LOOKED_AT = 2000
"""Sentences looked at for those: in a list of names every one may be too short."""

SHORTEST, LONGEST = 80, 250
"""Characters of a good line; a Chinese or Japanese one says as much in a third of them.  Down to
``TOO_SHORT`` a line is the worse the shorter it is: at 40 it can say who, hardly what."""

TOO_SHORT, TOO_LONG = 20, 500
"""Characters outside which nothing is taken: a cry, or a paragraph without a full stop."""

FEWEST_WORDS = 4
CJK_WIDTH = 3
"""Letters that one Chinese or Japanese character stands for."""

SAME_AS_HEADLINE = 0.8
"""Part of two sentences' words in common from which one repeats the other."""

POSITION, CENTRALITY, TITLE, NAMES = 0.4, 0.3, 0.15, 0.15
"""Weights of the measures, each from 0 to 1.  The lead alone is the strongest single measure for
news; the other three together move away from it when it is a scene."""

DECAY = 4.0
"""Sentences after which the weight of position has fallen to half."""

DEPENDENT, UNFINISHED, UNFIT_LENGTH = 0.25, 0.3, 0.25
"""What is taken off a sentence that leans on the one before ("He also…"), one without a full
stop at its end (a crosshead, a caption) and one longer or shorter than a good line."""

QUOTED = 0.3
"""Taken off, times the part of the sentence that stands in quotation marks."""

UNWANTED = 0.5
"""Taken off a question and what looks like a page's furniture: taken only where nothing else is."""

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_LEANING = re.compile(
    r"(?:he|she|it|they|his|her|its|their|this|that|these|those|such|but|and|or|so|yet|also|however"
    r"|meanwhile|moreover|furthermore|nevertheless|still|then|there|here|instead|therefore|thus"
    r"|according to (?:him|her|them)|both|another|others?|earlier|later|in addition|as a result"
    r"|for example|for instance|on the other hand|we|you|i|my|our)\b",
    re.IGNORECASE,
)
_FURNITURE = re.compile(
    r"https?://|www\.|@\w|©|\ball rights reserved\b|\bsubscribe\b|\bsign up\b|\bnewsletter\b"
    r"|\bclick here\b|\bread more\b|\bfor the latest\b|\bfollow us\b|\bcopyright\b|\bcookies?\b"
    r"|^(?:photo|image|picture|source|by|reporting by|editing by|advertisement|related|updated)[: ]"
    r"|\bthis (?:article|story) (?:was|has been|originally)\b",
    re.IGNORECASE,
)
_MARKS = re.compile(r"[\"“”„«»「」]")
_QUOTED = re.compile(r"“[^“”]*”|\"[^\"]*\"|«[^«»]*»|„[^“”„]*[“”]|「[^「」]*」")
_FINISHED = re.compile(r"[.!?…。！？।؟][\"”’»)\]」]*$")  # noqa: RUF001 (full-width marks)


class _Weighed(NamedTuple):
    sentence: Sentence
    line: str
    words: list[str]


class Summariser(Annotator):
    """Takes the one sentence that tells most of the article; counts its words."""

    block: ClassVar[str] = "summary"

    def __init__(self) -> None:
        self._maker = Maker(annotator="summary.extractive", version="1")

    @property
    def maker(self) -> Maker:
        """Name and version of the rules; there is no model."""
        return self._maker

    def annotate(self, drafts: Sequence[Draft]) -> Sequence[Block]:
        """The summary and reading time of each draft."""
        return [_block(draft) for draft in drafts]


def _block(draft: Draft) -> Block:
    text = draft.article.text
    if not text.strip():
        return Block(status="skipped", reason="no text")
    summary = summarise(draft.article, draft.entities)
    reason = None if summary else "no sentence that could stand for the text"
    return Block(reason=reason, summary=summary, reading_time=reading_time(text))


def summarise(article: RawArticle, entities: Sequence[Entity] = ()) -> Summary | None:
    """The sentence that stands best for the article; None where none can.

    Of equally good ones the first.  The headline, or a sentence that repeats it, is
    never taken.
    """
    candidates = _candidates(article)
    if not candidates:
        return None
    title = frozenset(_words(article.headline or ""))
    rarity = _rarity(candidates)
    whole = _whole(candidates, rarity)
    length = math.hypot(*whole.values())
    named = _named(candidates, entities)
    merits = [
        0.0
        if _repeats(candidate.words, title)
        else POSITION / (1 + index / DECAY)
        + CENTRALITY * _likeness(candidate.words, whole, rarity, length)
        + TITLE * _shared(candidate.words, title)
        + NAMES * named[index]
        for index, candidate in enumerate(candidates)
    ]
    best = _best(article.text, candidates, merits)
    if best is None:
        return None
    return Summary(text=best.line, start=best.sentence.start, end=best.sentence.end)


def _best(text: str, candidates: Sequence[_Weighed], merits: Sequence[float]) -> _Weighed | None:
    """The one with the most merits less faults, which are looked for only where it matters.

    A part of a quotation is no candidate: "he" and "we" in it are not whom a reader would think of.
    """
    quoted: list[Quotation] | None = None
    # Rounded: sums differ in their last digits between machines, and equal ones go by place.
    rounded = [round(merit, 6) for merit in merits]
    best, best_score = None, -math.inf
    for index in sorted(range(len(candidates)), key=lambda each: (-rounded[each], each)):
        if rounded[index] <= max(best_score, 0.0):
            break
        sentence, line, _ = candidates[index]
        if _has_marks(text, sentence):
            if quoted is None:
                quoted = quotations(text, list(paragraphs(text, 0, MAX_READ)))
            if _is_part(sentence, quoted) or not _is_balanced(line):
                continue
        score = round(rounded[index] - _faults(candidates[index]), 6)
        if score > best_score:
            best, best_score = candidates[index], score
    return best


def _candidates(article: RawArticle) -> list[_Weighed]:
    """The first sentences outside the headline that are long and short enough, as one line."""
    found: list[_Weighed] = []
    for sentence in islice(article_sentences(article, MAX_READ), MOST_LOOKED_AT):
        if sentence.role == "headline" or sentence.end - sentence.start > TOO_LONG:
            continue
        line = " ".join(article.text[sentence.start : sentence.end].split())
        words = _words(line)
        if _width(line) >= TOO_SHORT and len(words) >= FEWEST_WORDS:
            found.append(_Weighed(sentence, line, words))
        if len(found) == MOST_SENTENCES:
            break
    return found


def _has_marks(text: str, sentence: Sentence) -> bool:
    """Whether its paragraph has quotation marks up to its end: else it is part of no quotation."""
    start = text.rfind("\n\n", 0, sentence.start) + 1
    return _MARKS.search(text, start, sentence.end) is not None


def _is_part(sentence: Sentence, quoted: Sequence[Quotation]) -> bool:
    """Whether a quotation begins or ends outside the sentence: then it is a part of one."""
    index = bisect_right(quoted, sentence.start, key=_outer_end)
    if index == len(quoted) or quoted[index].outer_start >= sentence.end:
        return False
    last = bisect_left(quoted, sentence.end, key=_outer_start) - 1
    return quoted[index].outer_start < sentence.start or quoted[last].outer_end > sentence.end


def _outer_start(quotation: Quotation) -> int:
    return quotation.outer_start


def _outer_end(quotation: Quotation) -> int:
    return quotation.outer_end


def _is_balanced(line: str) -> bool:
    """Whether each quotation mark of the line has its partner in it."""
    return not _MARKS.search(line) or not _MARKS.search(_QUOTED.sub("", line))


def _words(line: str) -> list[str]:
    if not line.isascii():
        line = CJK.sub(r" \g<0> ", line)
    return _WORD.findall(line.casefold())


def _width(line: str) -> int:
    """Characters, with those of Chinese and Japanese as what they stand for."""
    return len(line) if line.isascii() else len(line) + (CJK_WIDTH - 1) * len(CJK.findall(line))


def _rarity(candidates: Sequence[_Weighed]) -> dict[str, float]:
    """How much a word tells: more the fewer sentences have it ("the" tells next to nothing)."""
    count = len(candidates)
    having = Counter(chain.from_iterable(set(candidate.words) for candidate in candidates))
    told = {number: math.log((1 + count) / number) for number in set(having.values())}
    return {word: told[number] for word, number in having.items()}


def _whole(candidates: Sequence[_Weighed], rarity: dict[str, float]) -> dict[str, float]:
    """The article's words, each by its count and how much it tells."""
    counts = Counter(chain.from_iterable(candidate.words for candidate in candidates))
    return {word: number * rarity[word] for word, number in counts.items()}


def _likeness(
    words: Sequence[str], whole: dict[str, float], rarity: dict[str, float], length: float
) -> float:
    """The cosine between the sentence and the article, whose length as a vector is given."""
    own = {word: rarity[word] for word in words}
    product = sum(map(operator.mul, own.values(), map(whole.__getitem__, own)))
    lengths = math.hypot(*own.values()) * length
    return product / lengths if lengths else 0.0


def _shared(words: Sequence[str], title: frozenset[str]) -> float:
    """Part of the headline's words that the sentence has."""
    return len(title.intersection(words)) / len(title) if title else 0.0


def _repeats(words: Sequence[str], title: frozenset[str]) -> bool:
    both = len(title.intersection(words))
    return both > 0 and both >= SAME_AS_HEADLINE * len(title.union(words))


def _named(candidates: Sequence[_Weighed], entities: Sequence[Entity]) -> list[float]:
    """How much of what the article is about each sentence names: 1 for all of it."""
    total = math.fsum(entity.salience or 0.0 for entity in entities)
    # Each entity counts once in a sentence; mentions are looked up, not tried with every sentence.
    named: list[dict[str, float]] = [{} for _ in candidates]
    starts = [candidate.sentence.start for candidate in candidates]
    for entity in entities if total else ():
        for mention in entity.mentions if entity.salience else ():
            at = bisect_right(starts, mention.start) - 1
            if at >= 0 and mention.end <= candidates[at].sentence.end:
                named[at][entity.key] = (entity.salience or 0.0) / total
    return [math.fsum(weights.values()) for weights in named]


def _faults(candidate: _Weighed) -> float:
    line = candidate.line
    width = _width(line)
    lacking = max(0, SHORTEST - width) / (SHORTEST - TOO_SHORT)
    faults = UNFIT_LENGTH * (1.0 if width > LONGEST else lacking)
    if _LEANING.match(line) and candidate.sentence.role != "standfirst":
        faults += DEPENDENT
    if not _FINISHED.search(line):
        faults += UNFINISHED
    if line.rstrip('"”’»)]」').endswith(("?", "？", "؟")) or _FURNITURE.search(line):  # noqa: RUF001 (full-width)
        faults += UNWANTED
    quoted = sum(len(found[0]) for found in _QUOTED.finditer(line))
    return faults + QUOTED * quoted / len(line)
