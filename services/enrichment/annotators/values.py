"""The values block: dates and amounts of money, normalised.

Relative dates are counted from the article's published time, without one from the day that its
dateline or published line gives.  Without either they are marked and stay unresolved, under a
key of their words (``date:~tuesday``), and the block's reason says so: counted from the receipt,
a story from an archive would be dated years too late.

In other languages than English only dates in ISO 8601's form and amounts with a currency sign
are read: words mean other things there, digits and signs don't.

What a person, organisation, place, building or work is called is no value ("Theresa May", "The
Sunday Times"), where the entities block found that name.  Left out as well: bare durations and
ages ("three years"), times of day, days counted from another day of the text ("a week later"),
recurring days ("every Friday"), vague ones ("a few days ago"), dates before Christ, and what can
be read in two ways (03/04/2023 without a country).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from importlib import resources
from itertools import islice
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from schemas.annotations import DateValue, MoneyValue
from schemas.article import Entity, Mention
from services.enrichment.annotators.base import Annotator, Block, Maker
from services.enrichment.annotators.languages import MODEL_LANGUAGE, base_language
from services.enrichment.values import currencies
from services.enrichment.values.amounts import FoundAmount, Market
from services.enrichment.values.dates import find_dates, find_iso_dates
from services.enrichment.values.money import find_money
from services.enrichment.values.reading import Clock, FoundDate
from services.enrichment.values.reference import (
    home_dollar,
    numeric_order,
    reference_of,
    region,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from services.enrichment.annotators.base import Draft
    from services.enrichment.values.reference import Reference

VERSION: Final = "1"

MAX_MENTIONS: Final = 10_000
"""Dates, and amounts, marked in one article at most, as many as names: fifty times what a long
article has.  Five megabytes of dates would otherwise make an event ten times their size."""

_NAMES: Final = frozenset(("PERSON", "ORG", "GPE", "FAC", "WORK_OF_ART"))

FoundT = TypeVar("FoundT", FoundDate, FoundAmount)


class ValueFinder(Annotator):
    """Finds dates and amounts of money by patterns; there is no model."""

    block: ClassVar[str] = "values"

    def __init__(self) -> None:
        self._maker = Maker(
            annotator="values.patterns",
            version=VERSION,
            model="wiredesk-values",
            model_version=VERSION,
            model_sha256=_digest(),
            knowledge_version=currencies.VERSION,
        )

    @property
    def maker(self) -> Maker:
        """Name and version of the finder; the digest is of the sources with the patterns."""
        return self._maker

    def annotate(self, drafts: Sequence[Draft]) -> Sequence[Block]:
        """The dates and amounts of each draft, by first mention."""
        return [_block(draft) for draft in drafts]


def _digest() -> str:
    digest = hashlib.sha256()
    folder = resources.files("services.enrichment.values")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".py"):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _block(draft: Draft) -> Block:
    article = draft.article
    text = article.text
    if not text.strip():
        return Block(status="skipped", reason="no text")
    language = _language(draft)
    english, country = language == MODEL_LANGUAGE, region(article)
    reference = reference_of(article)
    market = Market(text, english=english, dollar=home_dollar(country), language=language)
    clock = Clock(reference.day, numeric_order(country))
    names = _Spans.of_names(draft)
    amounts = list(islice(names.outside(find_money(market)), MAX_MENTIONS))
    found = find_dates(text, clock) if english else find_iso_dates(text, clock)
    money = _Spans([(one.start, one.end) for one in amounts])
    days = list(islice(money.outside(names.outside(found)), MAX_MENTIONS))
    entities = (*_dated(text, days, reference), *_priced(text, amounts))
    return Block(
        reason="; ".join(_reasons(language, days, amounts, reference)) or None,
        entities=tuple(sorted(entities, key=lambda entity: entity.mentions[0].start)),
    )


def _language(draft: Draft) -> str:
    if draft.language is not None:
        return draft.language.code
    return base_language(draft.article.language) or MODEL_LANGUAGE


def _reasons(
    language: str, days: Sequence[FoundDate], amounts: Sequence[FoundAmount], reference: Reference
) -> Iterator[str]:
    if language == "und":
        yield "the language can't be told: only ISO dates and amounts with a sign are read"
    elif language != MODEL_LANGUAGE:
        yield f"only ISO dates and amounts with a currency sign are read in '{language}'"
    if reference.guessed and any(one.relative for one in days):
        yield "no published time: relative dates are left unresolved"
    if MAX_MENTIONS in (len(days), len(amounts)):
        yield f"the first {MAX_MENTIONS} dates and amounts only"


class _Spans:
    """Stretches of the text that don't overlap, to be asked what lies within one."""

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        self._spans = sorted(spans)
        self._starts = [start for start, _ in self._spans]

    @classmethod
    def of_names(cls, draft: Draft) -> _Spans:
        """What the entities found so far are called, where a value in a name is none."""
        return cls(
            [
                (mention.start, mention.end)
                for entity in draft.entities
                if entity.type in _NAMES
                for mention in entity.mentions
            ]
        )

    def outside(self, found: Iterable[FoundT]) -> Iterator[FoundT]:
        """Those of ``found`` that no stretch covers."""
        for one in found:
            before = bisect_right(self._starts, one.start) - 1
            if before >= 0 and self._spans[before][1] >= one.end:
                continue
            yield one


def _dated(text: str, days: Iterable[FoundDate], reference: Reference) -> Iterator[Entity]:
    """One entity for each stretch of days; equal ones share it, whatever their words are."""
    groups: dict[str, list[FoundDate]] = {}
    unresolved: dict[str, list[FoundDate]] = {}
    for one in days:
        if one.relative and reference.guessed:
            words = " ".join(text[one.start : one.end].casefold().split())
            unresolved.setdefault(words, []).append(one)
        else:
            groups.setdefault(one.days.interval, []).append(one)
    for words, group in unresolved.items():
        mentions = _mentions(text, group)
        yield Entity(
            key=f"date:~{words}", name=words, type="DATE", mentions=mentions, count=len(group)
        )
    for interval, group in groups.items():
        first = group[0].days
        relative = all(one.relative for one in group)
        value = DateValue(
            earliest=first.earliest,
            latest=first.latest,
            precision=first.precision,
            relative_to=reference.at if relative else None,
        )
        yield Entity(
            key=f"date:{interval}",
            name=first.name,
            type="DATE",
            mentions=_mentions(text, group),
            count=len(group),
            date=value,
        )


def _priced(text: str, amounts: Iterable[FoundAmount]) -> Iterator[Entity]:
    """One entity for each amount of a currency; "about" where every mention says so."""
    groups: dict[str, list[FoundAmount]] = {}
    for one in amounts:
        groups.setdefault(one.key, []).append(one)
    for key, group in groups.items():
        first = group[0]
        value = MoneyValue(
            amount=float(first.amount),
            upto=None if first.upto is None else float(first.upto),
            currency=first.currency,
            about=all(one.about for one in group),
        )
        yield Entity(
            key=key,
            name=first.name,
            type="MONEY",
            mentions=_mentions(text, group),
            count=len(group),
            money=value,
        )


def _mentions(text: str, group: Sequence[FoundDate | FoundAmount]) -> tuple[Mention, ...]:
    return tuple(
        Mention(start=one.start, end=one.end, text=text[one.start : one.end]) for one in group
    )
