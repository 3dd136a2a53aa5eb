"""Whom "he" or "the ministry" means: only where one candidate is left.

The sentence that the pronoun stands in is asked first, then those before it, nearest
first.  Who spoke last is meant before those that were only spoken of; of two people
that are spoken of, neither.  Sex is known from titles alone ("Mrs", "spokesman").
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.enrichment.text.subjects import Subject, people
from services.enrichment.text.verbs import FEMALE, MALE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from schemas.article import Entity
    from services.enrichment.text.attribution import Attribution
    from services.enrichment.text.sentences import Span
    from services.enrichment.text.subjects import Name, Names

SENTENCES_BACK = 3
"""Sentences with nobody in them that are passed over on the way back."""

TITLE_CHARS = 20
"""Characters in front of a name in which its title stands."""

MOST_NAMES = 500
"""Mentions looked back over for a title; more are a book's."""

_OTHER = {"he": FEMALE, "she": MALE}
_DEFINITE = re.compile(r"(?:the|its|their)\s+(?:[\w-]+\s+)?([a-z]{4,})$", re.IGNORECASE)
_APPOSED = re.compile(r",\s+(?:the|a|an|its|their)\s+(?:[\w'’-]+\s+){0,2}?\w+")
_ROLE_CHARS = 60


class Pronouns:
    """Resolves the pronouns of one text.

    ``sentences_before`` gives a position's sentence and those before it, backwards;
    ``spoken_in`` whose speech a sentence reports.
    """

    def __init__(
        self,
        text: str,
        names: Names,
        sentences_before: Callable[[int], Iterator[Span]],
        spoken_in: Callable[[Span], Attribution | None],
    ) -> None:
        self._text = text
        self._names = names
        self._sentences_before = sentences_before
        self._spoken_in = spoken_in

    def resolve(self, subject: Subject, position: int) -> Subject:
        """The subject with its entity, where that is certain; ``position``: where it is meant."""
        if subject.entity is not None:
            return subject
        if subject.pronoun in {"he", "she"}:
            entity = self._person(subject.pronoun, position)
        elif subject.pronoun == "it":
            entity = self._organisation(position)
        elif subject.written is not None:
            entity = self._described(subject.written, position)
        else:
            return subject
        return subject if entity is None else Subject(entity=entity)

    def _person(self, pronoun: str, position: int) -> Entity | None:
        for number, sentence in enumerate(self._sentences_before(position)):
            names = self._names.within(*sentence)
            persons = people([name for name in names if self._may_be(pronoun, name)])
            said = self._spoken_in(sentence)
            who = said.subject.entity if said is not None else None
            if who is not None and who.type == "PERSON" and (who.key in persons or not persons):
                return who
            if persons:
                return next(iter(persons.values())).entity if len(persons) == 1 else None
            if number == SENTENCES_BACK:
                return None
        return None

    def _may_be(self, pronoun: str, name: Name) -> bool:
        before = self._text[max(0, name.start - TITLE_CHARS) : name.start]
        own = self._text[name.start : name.end].split(None, 1)[0]  # "Mr. Okoro" as one name
        return not (_OTHER[pronoun].search(before) or _OTHER[pronoun].search(own))

    def _organisation(self, position: int) -> Entity | None:
        """Of "it": the one organisation of the nearest sentence that names any."""
        for number, sentence in enumerate(self._sentences_before(position)):
            found = {
                name.entity.key: name.entity
                for name in self._names.within(*sentence)
                if name.entity.type == "ORG"
            }
            if found:
                return next(iter(found.values())) if len(found) == 1 else None
            if number > 1:
                return None
        return None

    def _described(self, written: str, position: int) -> Entity | None:
        """``the ministry``: the one organisation so named; ``the mayor``: the one so titled."""
        noun = _DEFINITE.fullmatch(written)
        if noun is None:
            return None
        word = noun[1].lower()
        found: dict[str, Entity] = {}
        for name in self._names.within(0, position)[-MOST_NAMES:]:
            if (name.entity.type == "ORG" and word in name.entity.name.lower().split()) or (
                name.entity.type == "PERSON" and self._is_titled(word, name)
            ):
                found[name.entity.key] = name.entity
        return next(iter(found.values())) if len(found) == 1 else None

    def _is_titled(self, word: str, name: Name) -> bool:
        before = self._text[max(0, name.start - _ROLE_CHARS) : name.start]
        title = re.split(r"[,.;:!?\n“”\"]", before)[-1].lower().split()
        after = self._text[name.end : name.end + _ROLE_CHARS].lower()
        apposed = _APPOSED.match(after)
        return word in title[-3:] or (apposed is not None and word in apposed[0].split())
