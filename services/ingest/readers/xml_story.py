"""A story as it is put together from an XML news item, and the values that the standards share."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final

from schemas.article import Extent, Picture, Place, ReaderInfo, Rights, SourceLine, Subject
from services.ingest.readers.base import ReadArticle
from services.ingest.readers.bylines import byline
from services.ingest.readers.lines import clean
from services.ingest.readers.subjects import distinct
from services.ingest.readers.timestamps import parse_stamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from services.ingest.readers.notes import Notes

MAX_LISTED: Final = 500
"""Authors, keywords, places or pictures of one article: the longest picture series have some
hundred."""

MAX_URGENCY: Final = 9
MAX_VERSION_DIGITS: Final = 15
"""More than any counter or time stamp in milliseconds has."""

_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")


_GATHERED: Final = frozenset({"standfirst", "subjects", "keywords", "set_apart"})
"""Fields in which the item and its content may each say something of their own."""

_BY: Final = re.compile(r"^(?:par|af|av|por|von|door|di|da)\s+(?=\S+\s+\S)", re.IGNORECASE)
""""By" where it isn't part of a name: a first name and a last name follow."""


@dataclass(slots=True)
class Story:
    """The fields of a ``ReadArticle`` while they are found; lists keep the order of the file."""

    headline: str | None = None
    standfirst: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    authors: list[str] = field(default_factory=list)
    byline: str | None = None
    dateline: str | None = None
    published_at: datetime | None = None
    updated_at: datetime | None = None
    embargoed_until: datetime | None = None
    language: str | None = None
    set_apart: list[SourceLine] = field(default_factory=list)
    credits: list[str] = field(default_factory=list)
    url: str | None = None
    provider: str | None = None
    provider_id: str | None = None
    version: int | None = None
    withdrawn: bool = False
    extent: Extent = "full"
    urgency: int | None = None
    rights: Rights | None = None
    subjects: list[Subject] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    section: str | None = None
    places: list[Place] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)

    def complete(self, inner: Story) -> None:
        """Take from ``inner``, the content's own metadata, what the item around it doesn't say."""
        for each in fields(self):
            own, theirs = getattr(self, each.name), getattr(inner, each.name)
            if each.name in _GATHERED:
                setattr(self, each.name, list(dict.fromkeys([*own, *theirs])))
            elif not (any(own) if isinstance(own, list) else own):
                setattr(self, each.name, theirs)

    def has_text(self) -> bool:
        """Whether there is anything to file."""
        return bool(self.headline or any(self.standfirst) or any(self.body) or self.pictures)

    def article(self, info: ReaderInfo) -> ReadArticle:
        """The finished article; position, locator and checkpoint are the reader's to give."""
        pictures = list(dict.fromkeys(p for p in self.pictures if p.caption or p.credit or p.url))
        credits_ = [*self.credits, *(p.credit for p in pictures if p.credit)]
        body = tuple(paragraph for paragraph in self.body if paragraph)
        standfirst = "\n\n".join(dict.fromkeys(filter(None, self.standfirst))) or None
        if body[:1] == (standfirst,):
            standfirst = None
        return ReadArticle(
            position=0,
            headline=self.headline or None,
            standfirst=standfirst,
            body=body,
            authors=_listed(self.authors),
            byline=self.byline or None,
            dateline=self.dateline or None,
            published_at=self.published_at,
            updated_at=self.updated_at,
            embargoed_until=self.embargoed_until,
            language=self.language,
            set_apart=tuple(sorted(self.set_apart, key=lambda line: line.line)),
            credits=_listed(credits_),
            url=self.url,
            provider=self.provider or None,
            provider_id=self.provider_id or None,
            version=self.version,
            withdrawn=self.withdrawn,
            extent=self.extent,
            urgency=self.urgency,
            rights=self.rights,
            subjects=distinct(self.subjects),
            keywords=_listed(self.keywords),
            section=self.section or None,
            places=tuple(dict.fromkeys(p for p in self.places if p.name or p.code))[:MAX_LISTED],
            pictures=tuple(pictures[:MAX_LISTED]),
            info=info,
        )


def _listed(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cleaned for text in texts if (cleaned := clean(text))))[:MAX_LISTED]


def moment(text: str | None, what: str, notes: Notes) -> datetime | None:
    """The moment that ``text`` names; what is wrong with it becomes a warning about ``what``."""
    if not text or not clean(text):
        return None
    when = parse_stamp(text)
    if when.warning:
        notes.add(f"{what}: {when.warning}")
    return when.moment


def urgency(text: str | None, notes: Notes) -> int | None:
    """The IPTC's 1 to 8 (and 0 and 9, which its older standards have)."""
    text = clean(text or "")
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) == 1:
        return int(text)
    notes.add(f"urgency '{text[:40]}' is no digit from 0 to {MAX_URGENCY}: left out")
    return None


def version(text: str | None, notes: Notes) -> int | None:
    """A version number, which must be a whole one."""
    text = clean(text or "")
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= MAX_VERSION_DIGITS:
        return int(text)
    notes.add(f"version '{text[:40]}' is no whole number: left out")
    return None


def language(text: str | None, notes: Notes) -> str | None:
    """A language tag (BCP 47), with hyphens."""
    text = clean(text or "")
    if not text:
        return None
    if _LANGUAGE.fullmatch(text):
        return text.replace("_", "-")
    notes.add(f"'{text[:40]}' is not a language tag")
    return None


def rights(holder: str | None, notice: str | None, terms: str | None) -> Rights | None:
    """Whose the story is, None where nothing is said."""
    found = Rights(
        holder=clean(holder or "") or None,
        notice=clean(notice or "") or None,
        usage_terms=clean(terms or "") or None,
    )
    return found if found.holder or found.notice or found.usage_terms else None


def authors_of(text: str) -> list[str]:
    """The people that a byline names; a name alone is one, too."""
    found = byline(text) or byline(f"By {_BY.sub('', text, count=1)}")
    return list(found.authors) if found else []
