"""Whose verb it is: the noun phrase in front of a verb of speech, or behind it.

No parser: what stands directly beside the verb decides, with the mentions of the
article's entities as the names.  Where that leaves doubt, nobody is named.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

from services.enrichment.text.verbs import (
    ADVERBIAL,
    DETERMINERS,
    LINKS,
    OBJECTS,
    PEOPLE,
    PRONOUN,
    PRONOUN_AHEAD,
    STOPS,
    VERB,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import Entity
    from services.enrichment.text.marks import Quotation

_SPEAKERS = frozenset({"PERSON", "ORG", "GPE", "FAC", "LOC", "PRODUCT", "WORK_OF_ART"})
"""Types that may speak: the White House is a FAC, and a newspaper now and then a work of art."""


class Name(NamedTuple):
    """A mention of an entity: ``text[start:end]``."""

    start: int
    end: int
    entity: Entity


class Subject(NamedTuple):
    """Who speaks by a verb: an entity, a pronoun still to be resolved, or words as written."""

    entity: Entity | None = None
    written: str | None = None
    pronoun: str | None = None
    at: int = 0
    """Where in the text the pronoun or the words stand."""


_TOKEN = re.compile(r"[^\W_]+(?:['’.&/-]+[^\W_]+)*['’.]?")
_ASIDE = re.compile(r"\s*\([^()]{1,40}\)$")
_POSSESSIVE = re.compile(r"['’]s?$")
_LINKED = re.compile(
    r"\b(?:of|for|to|by|from|with|in|at|on|near|than|against|about)\s+(?:the\s+)?$"
)
_JOINED = re.compile(r"\b(?:and|&)\s+(?:\w+\s+){0,3}$")
_APPOSED = re.compile(r",\s+(?:[a-z]|\d|[A-Z]['’]s\b)")
_PHRASE_END = re.compile(
    r"[,.;:!?()\[\]\"“”«»„—–\n]|\s(?:who|whose|which|that|in|on|at|during|as|after|before|when|while"
    r"|about|to|and|but|via|through|speaking|referring|according|told|said|added)\b"
)
_NO_SUBJECT = re.compile(
    r"\s*(?:on|in|at|that|to|it|as|by|during|after|before|there|this|they|we|i|you|if|when|of|about"
    r"|yesterday|today|from|with|for|reporters|again|also|earlier|later|last|monday|tuesday"
    r"|wednesday|thursday|friday|saturday|sunday|how|why|what|who|which|and|but|not|nothing"
    r"|his|her|its|their|is|was|are|were|has|had|have|will|would|no|so|because|than|between)\b",
    re.IGNORECASE,
)
_ABBREVIATED = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|Prof|Gen|Sen|[A-Z])$")
_PREPOSITION = frozenset({"in", "on", "at", "during", "after", "before", "by", "near", "from"})

MOST_TOKENS = 9
"""Words of a noun phrase that are looked at: longer ones are clauses."""

LONGEST_PHRASE = 90
"""Characters behind a verb in which its subject must end."""


class Names:
    """The mentions of those who may speak, by their place in the text; quoted ones left out."""

    def __init__(self, entities: Sequence[Entity], quotations: Sequence[Quotation]) -> None:
        every = sorted(
            (
                Name(mention.start, mention.end, entity)
                for entity in entities
                if entity.type in _SPEAKERS
                for mention in entity.mentions
            ),
            key=lambda name: (name.start, name.end),
        )
        starts = [quotation.outer_start for quotation in quotations]
        self._all = [name for name in every if not _is_quoted(name, quotations, starts)]
        self._starts = [name.start for name in self._all]
        self._by_end = {name.end: name for name in self._all}

    def within(self, start: int, end: int) -> list[Name]:
        """The names that stand in ``[start, end)``."""
        first = bisect_left(self._starts, start)
        last = bisect_left(self._starts, end)
        return [name for name in self._all[first:last] if name.end <= end]

    def ending_at(self, end: int) -> Name | None:
        """The name that ends there."""
        return self._by_end.get(end)


def _is_quoted(name: Name, quotations: Sequence[Quotation], starts: Sequence[int]) -> bool:
    before = bisect_left(starts, name.end) - 1
    return before >= 0 and name.start < quotations[before].outer_end


def people(names: Sequence[Name]) -> dict[str, Name]:
    """The persons among them by key, each with its first mention."""
    found: dict[str, Name] = {}
    for name in names:
        if name.entity.type == "PERSON":
            found.setdefault(name.entity.key, name)
    return found


class Subjects:
    """Finds subjects in one text."""

    def __init__(self, text: str, names: Names) -> None:
        self._text = text
        self._names = names

    def in_front(self, start: int, verb: int) -> Subject | None:
        """The subject between ``start``, where its clause begins at the earliest, and the verb."""
        end = self._without_adverbials(start, verb)
        if end <= start:
            return None
        if self._text[end - 1] == ",":
            return self._apposed(start, end - 1)
        found = PRONOUN.search(self._text, max(start, end - 8), end)
        if found is not None:
            return self._pronoun(found[1].lower(), start, found.start(1))
        if self._text[start:end].rsplit(None, 1)[-1].lower() in {"and", "but", "then", "or"}:
            return self._of_sentence(start, end)
        return self._named(start, end) or self._written(start, end)

    def behind(self, verb_end: int, stop: int) -> Subject | None:
        """The subject that follows the verb directly: "said Ana Petrova", "added the agency"."""
        stop = min(stop, verb_end + LONGEST_PHRASE)
        pronoun = PRONOUN_AHEAD.match(self._text, verb_end, stop)
        if pronoun is not None:
            return Subject(pronoun=pronoun[1].lower(), at=pronoun.start(1))
        if _NO_SUBJECT.match(self._text, verb_end, stop):
            return None
        return self.phrase(verb_end, stop)

    def phrase(self, start: int, stop: int) -> Subject | None:
        """The noun phrase that begins at ``start``, white space aside."""
        while start < stop and self._text[start].isspace():
            start += 1
        end = self._phrase_end(start, stop)
        if end <= start:
            return None
        names = self._names.within(start, end)
        for name in names:
            is_person = name.entity.type == "PERSON"
            if (is_person or name.end >= end) and not self._is_linked(start, name.start):
                return Subject(entity=name.entity)
        apposed = self._names.within(end, min(stop, end + LONGEST_PHRASE))
        if apposed and apposed[0].entity.type == "PERSON" and self._is_gap(end, apposed[0].start):
            return Subject(entity=apposed[0].entity)
        written = self._text[start:end].strip()
        return Subject(written=written, at=start) if _is_phrase(written) else None

    def _phrase_end(self, start: int, stop: int) -> int:
        position = start
        while True:
            found = _PHRASE_END.search(self._text, position, stop)
            if found is None:
                return stop
            inside = [
                n for n in self._names.within(start, stop) if n.start < found.start() + 1 < n.end
            ]
            if inside:
                position = inside[0].end
            elif found[0] == "." and re.search(
                r"\b(?:Mr|Mrs|Ms|Dr|[A-Z])$", self._text[start : found.start()]
            ):
                position = found.end()
            else:
                return found.start()

    def _is_gap(self, start: int, end: int) -> bool:
        return self._text[start:end].strip() == ","

    def _is_linked(self, start: int, name: int) -> bool:
        """Whether a preposition stands between: "a spokesman for Ana Petrova" is not she."""
        return _LINKED.search(self._text, start, name) is not None

    def _without_adverbials(self, start: int, end: int) -> int:
        """Where the subject ends, when what stands between it and the verb is taken off."""
        while True:
            part = self._text[start:end].rstrip()
            end = start + len(part)
            tail = max(start, end - 80)
            if self._names.ending_at(end) is not None:
                return end
            found = ADVERBIAL.search(self._text, tail, end) or _ASIDE.search(self._text, tail, end)
            if found is None:
                return end
            end = found.start()

    def _named(self, start: int, end: int) -> Subject | None:
        """The name that the subject ends with, if it is all of its head."""
        name = self._names.ending_at(end)
        if name is None or name.start < start:
            return None
        before = self._text[max(start, name.start - 40) : name.start]
        link = _LINKED.search(before)
        if link is not None:  # "the mayor of Riverton": the whole phrase, as written
            head = self._names.ending_at(
                name.start - len(before) + len(before[: link.start()].rstrip())
            )
            is_person = head is not None and head.entity.type == "PERSON"
            return Subject(entity=head.entity) if head and is_person else None
        persons = people(self._names.within(start, end))
        if _JOINED.search(before) and len(persons) > 1:  # two speak
            begin = [each.start for each in persons.values()][-2]
            return Subject(written=" ".join(self._text[begin:end].split()), at=begin)
        return Subject(entity=name.entity)

    def _apposed(self, start: int, comma: int) -> Subject | None:
        """``The mayor, Ana Petrova, said``; ``Ana Petrova, who is mayor, said``."""
        names = self._names.within(start, comma)
        last = names[-1] if names else None
        if last and last.end == comma and last.entity.type == "PERSON":
            cut = self._text.rfind(",", start, last.start)
            title = self._text[cut + 1 : last.start]
            if cut >= start and not _LINKED.search(title) and "who" not in title.split():
                return Subject(entity=last.entity)
        for kind in (True, False):
            for name in names:
                if (name.entity.type == "PERSON") is kind and self._heads(name, start):
                    return Subject(entity=name.entity)
        if last and len({name.entity.key for name in names}) == 1 and last.entity.type == "PERSON":
            return Subject(entity=last.entity)
        return None

    def _heads(self, name: Name, start: int) -> bool:
        """Whether an apposition follows the name, and the name is no part of another phrase."""
        before = self._text[max(start, name.start - 40) : name.start]
        return bool(_APPOSED.match(self._text, name.end)) and not _LINKED.search(before)

    def _pronoun(self, word: str, start: int, position: int) -> Subject | None:
        if word not in {"who", "which"}:
            return Subject(pronoun=word, at=position)
        end = start + len(self._text[start:position].rstrip(" ,"))
        return self._named(start, end) or self._written(start, end) if end > start else None

    def _of_sentence(self, start: int, end: int) -> Subject | None:
        """The subject of "She smiled and said": of a verb that shares it."""
        pronoun = PRONOUN_AHEAD.match(self._text, start, end)
        if pronoun is not None:
            return Subject(pronoun=pronoun[1].lower(), at=pronoun.start(1))
        persons = people(self._names.within(start, end))
        if len(persons) == 1:
            return Subject(entity=next(iter(persons.values())).entity)
        return None

    def _written(self, start: int, end: int) -> Subject | None:
        """The noun phrase that ends there, as written: "a witness", "the minister's aide"."""
        tokens = self._tokens(start, end)
        first = _first_of_phrase([self._text[s:e] for s, e in tokens])
        if first is None:
            return None
        begin = tokens[first][0]
        written = " ".join(self._text[begin:end].split())
        return Subject(written=written, at=begin) if _is_phrase(written) else None

    def _tokens(self, start: int, end: int) -> list[tuple[int, int]]:
        """The last words before ``end`` with nothing but white space between them."""
        window = max(start, end - LONGEST_PHRASE)
        found = [match.span() for match in _TOKEN.finditer(self._text, window, end)]
        kept: list[tuple[int, int]] = []
        for span in reversed(found):
            following = kept[-1][0] if kept else end
            if len(kept) == MOST_TOKENS or self._text[span[1] : following].strip():
                break
            word = self._text[span[0] : span[1]]
            if word.lower() in STOPS or (word.islower() and VERB.fullmatch(word)):
                break
            kept.append(span)
        return kept[::-1]


def _first_of_phrase(words: Sequence[str]) -> int | None:
    """Index of the word with which the last noun phrase of ``words`` begins."""
    if not words:
        return None
    index = len(words) - 1
    while index > 0 and words[index].lower() not in DETERMINERS:
        index -= 1
    if words[index].lower() not in DETERMINERS:
        return len(words) - 1 if words[0].lower() in _PREPOSITION else 0
    while index > 0 and words[index - 1].lower() in DETERMINERS:
        index -= 1
    linked = index > 1 and words[index - 1].lower() in LINKS
    if linked and (words[index - 2][0].islower() or index == 2):  # noqa: PLR2004 (the first word)
        return _first_of_phrase(words[: index - 1])
    return index


def _is_phrase(written: str) -> bool:
    """Whether the words can be a speaker: letters, and more than an article."""
    words = written.split()
    if not words or len(written) > LONGEST_PHRASE:
        return False
    last = words[-1].strip(".'’").lower()
    if words[0].lower() in OBJECTS:
        return False
    return (
        last not in DETERMINERS - {"one", "some", "many", "another"}
        and last not in LINKS
        and any(char.isalpha() for char in last)
    )


def is_known_to_speak(subject: Subject) -> bool:
    """Whether the subject is a name, a pronoun or a word for people who are quoted."""
    if subject.written is None:
        return True
    words = subject.written.lower().split()
    return bool(words) and words[-1] in PEOPLE
