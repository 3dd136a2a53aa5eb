"""News of an invented world: as many enriched articles as are wanted, the same for the same seed.

What a store feels of news is like the real thing: words as frequent as Zipf's law has them,
with some that belong to a subject; names of which few are everywhere and most are rare; the
IPTC's own topics; forty sources and five languages; two years with working hours and weekends;
lengths about a median of 400 words; later versions, near-copies by other sources, word-for-word
copies, cancelled articles and stories.  Nothing in it is anybody's text.

Article number n is made of the seed and n alone, so any part can be made anew, in any order.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID, uuid5

from schemas.annotations import NearDuplicate, ReadingTime, StoryRef, Summary
from schemas.article import (
    Drop,
    EnrichedArticle,
    Entity,
    Language,
    Mention,
    Section,
    Topic,
)
from tests.bench.world import (
    BLOCKS,
    KINDS,
    PROVENANCE,
    READER,
    SUBJECT_SHARE,
    SUBJECT_WORDS,
    key_of,
    languages,
    lineage,
    names,
    subject_words,
    time_of,
    topic_codes,
    vocabulary,
    zipf,
)
from tests.factories import sha256

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from schemas.article import EntityType

NAMESPACE = UUID("00000000-0000-5000-8000-00000000bea7")

SOURCES = 40
MEDIAN_WORDS, SPREAD, FEWEST, MOST = 400, 0.55, 60, 2500
"""Words of an article: log-normal."""

NAMED = 0.6
"""Share of the sentences that begin with a name: about one name in thirty words."""

UPDATES, COPIES, DOUBLES, CANCELLED = 0.06, 0.05, 0.01, 0.002
"""Shares of the numbers that are a later version of an earlier article, another source's version of
one, one word for word, and the end of one."""

REACH = 300
"""An update or copy is of one of so many articles before it."""

IN_STORY, STORY_BLOCK, STORIES = 0.4, 500, 40
"""Share of the articles that belong to a story, and how many stories there are in so many
articles: about five articles each, within some days."""

PARAGRAPH = "\n\n"


Name: TypeAlias = "tuple[EntityType, int]"
"""A type and a rank."""

Told: TypeAlias = "tuple[Name | None, list[str]]"
"""A sentence: whom it begins with, if anybody, and its words."""


@dataclass(frozen=True, slots=True)
class Written:
    """A text, and where in it stands what."""

    headline: str
    text: str
    sections: tuple[Section, ...]
    mentions: dict[Name, list[Mention]]
    lead: tuple[int, int]
    words: int


class Newsroom:
    """Articles 0 to ``total`` - 1 of a world; ``seed`` says which world."""

    def __init__(self, total: int, seed: int = 1) -> None:
        self.total = total
        self.seed = seed

    def articles(self, start: int = 0, end: int | None = None) -> Iterator[EnrichedArticle]:
        """Articles ``start`` to ``end`` - 1, in the order in which they come."""
        for number in range(start, self.total if end is None else end):
            yield self.article(number)

    def article(self, number: int) -> EnrichedArticle:
        """The ``number``-th article."""
        return EnrichedArticle(**_Draft(self, number).fields())

    def received_at(self, number: int) -> datetime:
        """When it comes: each a little after the one before."""
        return time_of(number / self.total)


class _Draft:
    """One article in the making."""

    def __init__(self, room: Newsroom, number: int) -> None:
        self.room = room
        self.number = number
        self.chance = random.Random(f"{room.seed} {number}")  # noqa: S311  (repeatable)
        self.what = self._what()
        behind = self.chance.randint(1, REACH)
        self.of: _Draft | None = None
        if self.what != "new":
            self.of = self._original(max(0, number - behind))

    def _what(self) -> str:
        share = self.chance.random()
        for name, part in zip(
            ("update", "copy", "double", "cancelled"),
            (UPDATES, COPIES, DOUBLES, CANCELLED),
            strict=True,
        ):
            if share < part and self.number:
                return name
            share -= part
        return "new"

    def _original(self, number: int) -> _Draft:
        """The nearest article at or before ``number`` that is nobody's version or copy."""
        while True:
            draft = _Draft(self.room, number) if number else _First(self.room, 0)
            if draft.of is None:
                return draft
            number -= 1

    @cached_property
    def base(self) -> _Draft:
        """Whose text it is, in the main."""
        return self.of or self

    @cached_property
    def language(self) -> str:
        """That of its text."""
        chance = self._part("language")
        return chance.choices(*languages())[0]

    @cached_property
    def topics(self) -> list[str]:
        """Codes, the surest first."""
        chance = self._part("topics")
        codes, count = topic_codes(), chance.choices((1, 2, 3), (5, 4, 1))[0]
        chosen = chance.choices(codes, cum_weights=zipf(len(codes)), k=count)
        return list(dict.fromkeys(chosen))

    @cached_property
    def source(self) -> int:
        """Which of the sources; a copy has another one than its original."""
        own = self._part("source").choices(range(SOURCES), cum_weights=zipf(SOURCES))[0]
        if self.what not in {"copy", "double"} or self.of is None:
            return own if self.of is None else self.of.source
        return own if own != self.of.source else (own + 1) % SOURCES

    @cached_property
    def story(self) -> UUID | None:
        """The story that it belongs to: of this block of articles or the one before."""
        chance = self._part("story")
        if chance.random() >= IN_STORY:
            return None
        block = max(0, self.number // STORY_BLOCK - chance.randint(0, 1))
        return self._id("story", f"{block} {chance.randrange(STORIES)}")

    @property
    def article_id(self) -> UUID:
        """An update and a cancellation have that of their original."""
        whose = self.base if self.what in {"update", "cancelled"} else self
        return self._id("article", str(whose.number))

    def _id(self, kind: str, name: str) -> UUID:
        return uuid5(NAMESPACE, f"{self.room.seed} {kind} {name}")

    def _part(self, name: str) -> random.Random:
        """Chance for one thing alone, so that it can be asked of an original without the rest."""
        return random.Random(f"{self.room.seed} {self.number} {name}")  # noqa: S311  (repeatable)

    @cached_property
    def cast(self) -> list[Name]:
        """Whom it names, those of its story among them, the most important first."""
        chance = self._part("cast")
        found: list[Name] = []
        if self.story is not None:
            shared = random.Random(f"{self.room.seed} {self.story}")  # noqa: S311  (repeatable)
            found = self._cast(shared, 4)
        return list(dict.fromkeys([*found, *self._cast(chance, chance.randint(4, 18))]))

    def _cast(self, chance: random.Random, count: int) -> list[Name]:
        kinds = chance.choices(KINDS, [share for _, _, share, _ in KINDS], k=count)
        return [
            (kind, chance.choices(range(many), cum_weights=zipf(many))[0])
            for kind, many, _, _ in kinds
        ]

    @cached_property
    def sentences(self) -> list[Told]:
        """Each with whom it begins with, if anybody; the first is the headline."""
        chance = self._part("text")
        wanted = min(MOST, max(FEWEST, round(MEDIAN_WORDS * math.exp(chance.gauss(0, SPREAD)))))
        words = self._words(chance, wanted)
        made: list[Told] = []
        at = 0
        while at < wanted:
            length = chance.randint(5, 9) if not made else chance.randint(8, 30)
            name = None
            if chance.random() < NAMED:
                name = self.cast[min(int(chance.expovariate(0.18)), len(self.cast) - 1)]
            made.append((name, words[at : at + length]))
            at += length
        return made

    def _words(self, chance: random.Random, count: int) -> list[str]:
        known = vocabulary(self.language)
        words = chance.choices(known, cum_weights=zipf(len(known)), k=count)
        own = subject_words(self.topics[0], self.language)
        for place in chance.choices(range(count), k=int(count * SUBJECT_SHARE)):
            words[place] = chance.choices(own, cum_weights=zipf(SUBJECT_WORDS))[0]
        return words

    def told(self) -> list[Told]:
        """The sentences as this version has them."""
        if self.of is None:
            return self.sentences
        sentences, own = list(self.of.sentences), self._words(self._part("more"), 60)
        if self.what == "update":
            return [*sentences, (None, own[:25]), (None, own[25:])]
        if self.what == "copy":
            # Another headline, a sentence of its own, and the end cut off.
            kept = sentences[1 : max(3, round(len(sentences) * 0.8))]
            return [(None, own[:7]), *kept, (None, own[7:30])]
        return sentences

    def written(self) -> Written:
        """The text with what is where in it."""
        parts: list[str] = []
        mentions: dict[Name, list[Mention]] = {}
        starts, at, words = [], 0, 0
        for place, (who, told) in enumerate(self.told()):
            starts.append(at)
            if who is not None:
                name = names(who[0])[who[1]]
                mention = Mention(start=at, end=at + len(name), text=name)
                mentions.setdefault(who, []).append(mention)
            parts.append(_sentence(place, None if who is None else name, told))
            at += len(parts[-1])
            words += len(told)
        text = "".join(parts).rstrip()
        head, lead = len(parts[0].rstrip()), len(parts[1].rstrip())
        sections = (
            Section(role="headline", start=0, end=head),
            Section(role="body", start=starts[1], end=len(text)),
        )
        return Written(text[:head], text, sections, mentions, (starts[1], starts[1] + lead), words)

    def fields(self) -> dict[str, Any]:
        """Those of :class:`EnrichedArticle`."""
        written = self.written()
        base, received = self.base, self.room.received_at(self.number)
        first = self.room.received_at(base.number)
        own = self.what in {"new", "copy", "double"}
        published = (received if own else first) - timedelta(
            minutes=(self if own else base)._part("delay").randint(1, 90)
        )
        status = "withdrawn" if self.what == "cancelled" else "usable"
        fields: dict[str, Any] = {
            "drop": self._drop(received, written),
            "article_id": self.article_id,
            "revision": int(received.timestamp() * 1000),
            "revision_basis": "updated",
            "identity_basis": "provider",
            "status": status,
            "content_hash": sha256(f"{written.headline}\x1f{written.text}\x1f{status}"),
            "headline": written.headline,
            "authors": self._authors(),
            "published_at": published,
            "updated_at": received,
            "language": base.language,
            "text": written.text,
            "sections": written.sections,
            "url": f"https://source{self.source:02}.example/{self.article_id}",
            "provider": f"Source {self.source:02}",
            "provider_id": str(self.article_id),
            "reader": READER,
            "ingested_at": received + timedelta(seconds=1),
        }
        return fields | self._added(written, received)

    def _drop(self, received: datetime, written: Written) -> Drop:
        return Drop(
            drop_id=self._id("drop", str(self.number)),
            inbox_id=NAMESPACE,
            file=f"{self.number // 1000:03}/{self.number}.xml",
            content_sha256=sha256(f"{self.room.seed} {self.number}"),
            size=len(written.text) + 1200,
            position=1,
            received_at=received,
        )

    def _authors(self) -> tuple[str, ...]:
        chance = self.base._part("authors")
        known = names("PERSON")
        return tuple(known[-chance.randint(1, 900)] for _ in range(chance.choice((0, 1, 1, 2))))

    def _added(self, written: Written, received: datetime) -> dict[str, Any]:
        """What enrichment adds."""
        base, at = self.base, received + timedelta(seconds=2)
        start, end = written.lead
        copy_of = None
        if self.what == "copy":
            copy_of = NearDuplicate(
                article_id=base.article_id,
                share=0.8,
                direction="shortened",
                provider=f"Source {base.source:02}",
            )
        return {
            "detected_language": Language(code=base.language, confidence=0.99),
            "entities": self._entities(written),
            "topics": self._topics(),
            "summary": Summary(text=written.text[start:end], start=start, end=end),
            "reading_time": ReadingTime(words=written.words, seconds=written.words // 4),
            "near_duplicate_of": copy_of,
            "near_duplicates": () if copy_of is None else (copy_of,),
            "story": None if base.story is None else StoryRef(id=base.story, articles=2),
            "provenance": tuple(PROVENANCE[name].model_copy(update={"at": at}) for name in BLOCKS),
            "enriched_at": at,
        }

    def _entities(self, written: Written) -> tuple[Entity, ...]:
        found = sorted(written.mentions.items(), key=lambda item: (-len(item[1]), item[0]))
        return tuple(
            Entity(
                key=key_of(*who),
                name=places[0].text,
                type=who[0],
                mentions=tuple(places),
                count=len(places),
                salience=round(len(places) / (len(places) + 3), 3),
                confidence=0.9,
                wikidata=key[3:] if (key := key_of(*who)).startswith("wd:") else None,
            )
            for who, places in found
        )

    def _topics(self) -> tuple[Topic, ...]:
        score = 0.9
        made: dict[str, Topic] = {}
        for chosen in self.base.topics:
            for code, name, level in lineage(chosen):
                if code not in made:
                    made[code] = Topic(
                        code=code,
                        name=name,
                        score=round(score, 3),
                        assigned_by="model",
                        level=level,
                    )
                    score *= 0.9
        return tuple(made.values())


def _sentence(place: int, name: str | None, words: Sequence[str]) -> str:
    """With what stands behind it: a paragraph has three sentences, the headline stands alone."""
    text = " ".join(words)
    text = f"{text[:1].upper()}{text[1:]}" if name is None else f"{name} {text}"
    return f"{text}{'.' if place else ''}{' ' if place % 3 else PARAGRAPH}"


class _First(_Draft):
    """Article 0: there is nothing before it that it could be a version of."""

    def _what(self) -> str:
        return "new"
