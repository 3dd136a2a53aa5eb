"""Who is quoted: each quotation's speaker and verb, from the words around it.

In order: the clause behind the marks (“…,” said Ana Petrova), the clause in front of
them (Ana Petrova said: “…”), "according to", and the speech that just went on.  A
pronoun is resolved by ``pronouns``, and only where one person can be meant.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple

from services.enrichment.text.pronouns import Pronouns
from services.enrichment.text.sentences import Span, sentences
from services.enrichment.text.subjects import Names, Subject, Subjects, is_known_to_speak, people
from services.enrichment.text.verbs import (
    ACCORDING,
    AFTER_SUBJECT_ONLY,
    CONJUNCTION,
    NAMING,
    NEEDS_NAME,
    PARTICIPLES,
    PASSIVE,
    TIED,
    VERB,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.article import Entity
    from services.enrichment.text.marks import Quotation

FARTHEST = 250
"""Characters between a clause of speech and the marks: a long sentence's."""

FARTHEST_SHORT = 120
"""The same for three or four quoted words, and ``FARTHEST_FRAGMENT`` for fewer: the farther
away, the likelier they are a term that the author sets apart."""

FARTHEST_FRAGMENT = 60
FEWEST_WORDS = 4
"""Words that are speech without anybody named as the speaker; fewer are terms and titles."""

LONGEST_CLAUSE = 200
"""Characters behind the marks in which the clause that names the speaker must end."""

LONGEST_SENTENCE = 600
"""Characters of a sentence that are searched: five times a usual one, and a bound on the time."""

PASSIVE_CHARS = 40
"""Characters in front of a verb in which "was", "to" or an article makes it no report."""

_JOINT = re.compile(r"\s*[,–—-]?\s*")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_WORD = re.compile(r"\w+(?:['’-]\w+)*")


def _start(span: Span) -> int:
    return span.start


class Attribution(NamedTuple):
    """Who says it, by which verb; nobody where it can't be told."""

    subject: Subject
    verb: str | None
    start: int
    """Where the clause that says so begins, for what follows it."""
    end: int


class Attributor:
    """Attributes the quotations of one text, in order."""

    def __init__(
        self,
        text: str,
        paragraphs: Sequence[Span],
        quotations: Sequence[Quotation],
        entities: Sequence[Entity],
    ) -> None:
        self._text = text
        self._paragraphs = paragraphs
        self._quotations = quotations
        self._ends = [quotation.outer_end for quotation in quotations]
        self._names = Names(entities, quotations)
        self._subjects = Subjects(text, self._names)
        self._sentences: dict[int, list[Span]] = {}
        self._starts: dict[int, int] = {}
        self._made: list[Attribution | None] = []
        self._pronouns = Pronouns(text, self._names, self.sentences_before, self._spoken_in)

    def attribute(self) -> list[Attribution | None]:
        """For each quotation its attribution; pronouns are resolved as far as they can be."""
        for index, quotation in enumerate(self._quotations):
            found = self._clause(index, quotation)
            self._made.append(None if found is None else self._resolved(found, quotation))
        self._share_within_speeches()
        return self._made

    # --- sentences -----------------------------------------------------------------------

    def _sentences_of(self, paragraph: int) -> list[Span]:
        known = self._sentences.get(paragraph)
        if known is None:
            known = list(sentences(self._text, *self._paragraphs[paragraph]))
            self._sentences[paragraph] = known
        return known

    def sentences_before(self, position: int) -> Iterator[Span]:
        """The sentence that ``position`` stands in, cut there, then those before it, backwards."""
        number = bisect_right(self._paragraphs, position, key=_start) - 1
        for paragraph in range(number, -1, -1):
            spans = self._sentences_of(paragraph)
            for index in range(bisect_left(spans, position, key=_start) - 1, -1, -1):
                yield Span(spans[index].start, min(spans[index].end, position))

    def _sentence_start(self, quotation: Quotation) -> int:
        """Where the sentence begins that the quotation stands in."""
        known = self._starts.get(quotation.outer_start)
        if known is None:
            spans = self._sentences_of(quotation.paragraph)
            index = bisect_right(spans, quotation.outer_start, key=_start) - 1
            known = self._starts[quotation.outer_start] = spans[max(index, 0)].start
        return known

    # --- the clauses around ------------------------------------------------------------------

    def _clause(self, index: int, quotation: Quotation) -> Attribution | None:
        previous = self._quotations[index - 1] if index else None
        following = self._quotations[index + 1] if index + 1 < len(self._quotations) else None
        start = self._sentence_start(quotation)
        if previous is not None:
            start = max(start, previous.outer_end)
        stop = self._paragraphs[quotation.paragraph].end
        if following is not None:
            stop = min(stop, following.outer_start)
        stop = min(stop, quotation.outer_end + LONGEST_CLAUSE)
        if self._is_inside_sentence(quotation):
            beside = self._in_front(index, quotation, start) or self._behind(quotation, stop)
        else:
            beside = self._behind(quotation, stop) or self._in_front(index, quotation, start)
        return (
            beside
            or self._according(quotation, start, stop)
            or self._going_on(index, quotation, start)
        )

    def _behind(self, quotation: Quotation, stop: int) -> Attribution | None:
        """``“…,” said X`` and ``“…,” X said``."""
        last = self._text[quotation.end - 1]
        comma = _JOINT.match(self._text, quotation.outer_end, stop)
        begin = comma.end() if comma else quotation.outer_end
        tight = last in ",?!…—–-" or "," in self._text[quotation.outer_end : begin]
        if quotation.goes_on or begin >= stop or not (tight or last == "."):
            return None
        if CONJUNCTION.match(self._text, begin, stop):
            return None
        end = next(iter(sentences(self._text, begin, stop)), Span(begin, stop)).end
        verb = VERB.search(self._text, begin, end)
        if verb is None or (not tight and not self._is_bare_clause(begin, verb, end)):
            return None
        return self._verb_first(verb, begin, end) or self._verb_last(verb, begin, end)

    def _is_bare_clause(self, begin: int, verb: re.Match[str], end: int) -> bool:
        """``“It is over.” Ana Petrova said.``: a full stop where there should be a comma."""
        rest = self._text[verb.end() : end].rstrip()
        if rest.endswith((":", ",")):
            return False  # it leads to the next quotation
        near = verb.start() - begin < FARTHEST_FRAGMENT
        return self._text[begin].islower() or (near and len(rest.split()) <= FEWEST_WORDS)

    def _verb_first(self, verb: re.Match[str], begin: int, end: int) -> Attribution | None:
        if verb.start() != begin or verb[0].lower() in AFTER_SUBJECT_ONLY:
            return None
        subject = self._subjects.behind(verb.end(), end)
        return subject and self._checked(subject, verb, begin, end)

    def _verb_last(self, verb: re.Match[str], begin: int, end: int) -> Attribution | None:
        for found in VERB.finditer(self._text, verb.start(), end):
            word = found[0].lower()
            if word in PARTICIPLES or self._is_passive(begin, found):
                continue
            subject = self._subjects.in_front(begin, found.start())
            if subject is not None:
                return self._checked(subject, found, begin, end)
        return None

    def _in_front(self, index: int, quotation: Quotation, start: int) -> Attribution | None:
        """``X said: “…”``, ``X said that the plan was “…”``, and in the paragraph before."""
        end = quotation.outer_start
        if end <= start:
            start, end = self._lead_in(quotation)
        start = max(start, end - LONGEST_SENTENCE)
        allowed = self._reach(quotation)
        for verb in reversed(list(VERB.finditer(self._text, start, end))):
            if end - verb.end() > allowed:
                break
            found = self._by_verb(index, verb, start, end)
            if found is not None:
                return found
        if self._text[start:end].rstrip().endswith(":"):
            return self._by_colon(start, end)
        return None

    def _lead_in(self, quotation: Quotation) -> tuple[int, int]:
        """The sentence that ends with a colon where the paragraph before ends, if it does."""
        paragraph = quotation.paragraph
        at_start = quotation.outer_start == self._paragraphs[paragraph].start
        if paragraph and at_start:
            before = self._paragraphs[paragraph - 1]
            if self._text[before.end - 1] == ":":
                return self._sentences_of(paragraph - 1)[-1]
        return quotation.outer_start, quotation.outer_start

    def _by_verb(self, index: int, verb: re.Match[str], start: int, end: int) -> Attribution | None:
        word = verb[0].lower()
        if word in PARTICIPLES:
            return self._by_participle(index, verb, start, end)
        if self._is_passive(start, verb):
            return None
        subject = self._subjects.in_front(start, verb.start())
        if subject is None and verb.start() == start and word not in AFTER_SUBJECT_ONLY:
            subject = self._subjects.behind(verb.end(), end)
        return subject and self._checked(subject, verb, start, end)

    def _by_participle(
        self, index: int, verb: re.Match[str], start: int, end: int
    ) -> Attribution | None:
        """``…, adding: “…”``: who spoke before in the sentence, else whom it is about."""
        previous = self._made[index - 1] if index else None
        if previous is not None and previous.start <= start < previous.end:
            return Attribution(previous.subject, verb[0], start, end)
        for earlier in VERB.finditer(self._text, start, verb.start()):
            if earlier[0].lower() not in PARTICIPLES:
                found = self._by_verb(index, earlier, start, end)
                if found is not None:
                    return found._replace(verb=verb[0])
        persons = people(self._names.within(start, verb.start()))
        if len(persons) != 1:
            return None
        return Attribution(Subject(entity=next(iter(persons.values())).entity), verb[0], start, end)

    def _by_colon(self, start: int, end: int) -> Attribution | None:
        """``Ana Petrova was blunt: “…”``."""
        persons = people(self._names.within(start, end))
        if len(persons) != 1:
            return None
        name = next(iter(persons.values()))
        if self._text[name.end : name.end + 2] in {"'s", "’s"}:
            return None
        return Attribution(Subject(entity=name.entity), None, start, end)

    def _according(self, quotation: Quotation, start: int, stop: int) -> Attribution | None:
        for begin, end in ((quotation.outer_end, stop), (start, quotation.outer_start)):
            found = ACCORDING.search(self._text, begin, end)
            if found is None:
                continue
            near = found.start() - begin <= FARTHEST_FRAGMENT or begin == start
            subject = self._subjects.phrase(found.end(), end) if near else None
            if subject is not None:
                return Attribution(subject, found[1].lower(), begin, end)
        return None

    def _going_on(self, index: int, quotation: Quotation, start: int) -> Attribution | None:
        """The sentence before, in the same paragraph, says who speaks: he goes on."""
        previous = self._quotations[index - 1] if index else None
        if previous is not None and previous.paragraph == quotation.paragraph:
            made = self._made[index - 1]
            between = self._text[previous.outer_end : quotation.outer_start]
            follows = start >= quotation.outer_start or TIED.match(between) is not None
            if made is not None and follows and len(between) <= LONGEST_CLAUSE:
                return made._replace(start=previous.outer_end, end=quotation.outer_end)
        if start < quotation.outer_start or self.word_count(quotation) < FEWEST_WORDS:
            return None
        before = next(self.sentences_before(quotation.outer_start), None)
        if before is None or before.start < self._paragraphs[quotation.paragraph].start:
            return None
        return self._spoken_in(before)

    def _spoken_in(self, sentence: Span) -> Attribution | None:
        """Whose speech a sentence reports: the subject of its first verb of speech, by name."""
        index = bisect_left(self._ends, sentence.start)
        while index < len(self._made) and self._ends[index] <= sentence.end + 1:
            made = self._made[index]
            if made is not None and made.subject.entity is not None:
                return made
            index += 1
        sentence = Span(max(sentence.start, sentence.end - LONGEST_SENTENCE), sentence.end)
        for verb in VERB.finditer(self._text, *sentence):
            if verb[0].lower() in PARTICIPLES or self._is_passive(sentence.start, verb):
                continue
            subject = self._subjects.in_front(sentence.start, verb.start())
            if subject is not None and subject.entity is not None:
                return Attribution(subject, verb[0], *sentence)
        return None

    def _is_passive(self, start: int, verb: re.Match[str]) -> bool:
        before = max(start, verb.start() - PASSIVE_CHARS)
        return PASSIVE.search(self._text, before, verb.start()) is not None

    # --- what is believed ------------------------------------------------------------------

    def _checked(
        self, subject: Subject, verb: re.Match[str], start: int, end: int
    ) -> Attribution | None:
        if verb[0].lower() in NEEDS_NAME and not is_known_to_speak(subject):
            return None
        return Attribution(subject, verb[0], start, end)

    def _resolved(self, found: Attribution, quotation: Quotation) -> Attribution:
        """With the entity that a pronoun or a bare noun ("the ministry") means, if it is one."""
        # What stands in front of the speech, even where the clause stands behind it.
        position = min(found.subject.at, quotation.outer_start)
        return found._replace(subject=self._pronouns.resolve(found.subject, position))

    def _share_within_speeches(self) -> None:
        """A speech over several paragraphs has one speaker, and so have “these” and “those”."""
        for index in range(len(self._quotations) - 2, -1, -1):
            one, other = self._quotations[index], self._quotations[index + 1]
            if self._made[index] is None and one.paragraph == other.paragraph:
                between = self._text[one.outer_end : other.outer_start]
                self._made[index] = self._made[index + 1] if TIED.match(between) else None
        start = 0
        while start < len(self._quotations):
            end = start
            while end + 1 < len(self._quotations) and self._quotations[end].goes_on:
                end += 1
            known = next((made for made in self._made[start : end + 1] if made), None)
            for index in range(start, end + 1):
                self._made[index] = self._made[index] or known
            start = end + 1

    def _reach(self, quotation: Quotation) -> int:
        words = self.word_count(quotation)
        if words < FEWEST_WORDS - 1:
            return FARTHEST_FRAGMENT
        return FARTHEST_SHORT if words <= FEWEST_WORDS else FARTHEST

    def word_count(self, quotation: Quotation) -> int:
        """Words of the quotation; two characters of Chinese or Japanese count as one."""
        quoted = self._text[quotation.start : quotation.end]
        return len(_WORD.findall(quoted)) + len(_CJK.findall(quoted)) // 2

    def is_speech(self, quotation: Quotation, made: Attribution | None) -> bool:
        """Whether the marks hold somebody's words, and not a title or a term."""
        words = self.word_count(quotation)
        before = self._before(quotation)
        if self._is_inside_sentence(quotation) and (
            NAMING.search(before) or self._is_title(quotation) or self._is_name_for(before, made)
        ):
            return False
        if made is None:
            return words >= FEWEST_WORDS and not self._is_title(quotation)
        return True

    def _before(self, quotation: Quotation) -> str:
        """What stands in front of the quotation in its sentence."""
        end = quotation.outer_start
        return self._text[max(self._sentence_start(quotation), end - LONGEST_CLAUSE) : end]

    def _is_inside_sentence(self, quotation: Quotation) -> bool:
        before = self._before(quotation).rstrip()
        return bool(before) and before[-1] not in ",:"

    def _is_title(self, quotation: Quotation) -> bool:
        """``“The Long Road Home”``: every longer word has a capital."""
        words = _WORD.findall(self._text[quotation.start : quotation.end])
        longer = [word for word in words if len(word) >= FEWEST_WORDS]
        capital = words[:1] and words[0][0].isupper()
        return bool(capital) and all(word[0].isupper() or word[0].isdigit() for word in longer)

    def _is_name_for(self, before: str, made: Attribution | None) -> bool:
        """``a plan called “…”``: directly behind the verb, and nobody is named who calls it so."""
        return bool(re.search(r"\b(?:called|dubbed)\s*$", before)) and (
            made is None or made.subject.written is not None
        )
