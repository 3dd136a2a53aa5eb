"""A ninjs item as an article.

* ``published_at`` is ``firstcreated``; where that is missing, ``contentcreated``, and else
  ``versioncreated``: ninjs has no time of publication, and the first version is the closest to it.
* ``updated_at`` is ``versioncreated``.
* The provider is the source whose role says that it publishes or provides, else the first.
* An associated picture or graphic becomes a picture; an associated item with a ``uri`` and a body
  of its own is an article of its own (:func:`associated_texts`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.article import Picture, Place
from services.ingest.readers.html_people import authors_of
from services.ingest.readers.lines import clean
from services.ingest.readers.ninjs.texts import (
    VISUAL,
    Texts,
    caption_of,
    has_body,
    headline_of,
    texts_of,
)
from services.ingest.readers.subjects import subject
from services.ingest.readers.xml_story import Story, language, moment, rights, urgency, version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.article import Subject
    from services.ingest.readers.ninjs.item import Associated, Item, Named
    from services.ingest.readers.ninjs.schema import Path
    from services.ingest.readers.notes import Notes

_PROVIDING: Final = ("provider", "publisher", "distributor", "aggregator", "originator", "source")
_WRITING: Final = frozenset({"author", "creator", "byline", "reporter", "writer", "correspondent"})
_PICTURES: Final = frozenset({"picture", "graphic"})


def story_of(item: Item, notes: Notes) -> Story:
    """``item`` as an article; it may be without any text."""
    texts = texts_of(item)
    notes.add(*_status_notes(item), *texts.notes)
    story = Story(
        headline=texts.headline,
        standfirst=[texts.standfirst] if texts.standfirst else [],
        body=list(texts.body),
        authors=_authors(item),
        byline=clean(item.by or "") or None,
        dateline=clean(item.located or "") or None,
        embargoed_until=moment(item.embargoed, "embargoed", notes),
        language=language(item.language, notes),
        provider=_provider(item.sources),
        provider_id=_identity(item),
        version=version(item.version, notes),
        withdrawn=item.status in ("canceled", "withheld"),
        extent=texts.extent,
        urgency=urgency(None if item.urgency is None else f"{item.urgency:g}", notes),
        rights=rights(item.holder, item.notice, _terms(item)),
        subjects=list(_subjects(item)),
        keywords=[item.slugline] if item.slugline else [],
        places=[_place(each) for each in item.places],
        pictures=list(_pictures(item, texts)),
    )
    story.updated_at = moment(item.version_created, "versioncreated", notes)
    story.published_at = (
        moment(item.first_created, "firstcreated", notes)
        or moment(item.content_created, "contentcreated", notes)
        or story.updated_at
    )
    _note_unused(item, texts, notes)
    return story


def associated_texts(item: Item) -> Iterator[tuple[Associated, Path]]:
    """The items within ``item`` that are articles of their own, and where they are."""
    pending = _inner(item, ())
    while pending:
        associated, path = pending.pop()
        if _is_own_article(associated.item, item):
            yield associated, path
        pending += _inner(associated.item, path)


def _inner(item: Item, path: Path) -> list[tuple[Associated, Path]]:
    """The associated items, the first one last: the next to be taken."""
    return [(each, (*path, "associations", each.step)) for each in reversed(item.associations)]


def _is_own_article(inner: Item, outer: Item) -> bool:
    return bool(inner.uri) and inner.uri != outer.uri and has_body(inner)


def _status_notes(item: Item) -> Iterator[str]:
    if item.status in ("canceled", "withheld"):
        yield f"publication status '{item.status}': taken as withdrawn"


def _identity(item: Item) -> str | None:
    return next((found for each in (item.uri, *item.alt_ids) if (found := clean(each or ""))), None)


def _terms(item: Item) -> str | None:
    parts = (clean(part or "") for part in (item.terms, item.linked_rights))
    return " ".join(filter(None, parts)) or None


def _role(text: str | None) -> str:
    return (text or "").casefold()


def _provider(sources: Iterable[Named]) -> str | None:
    """The name of the source that provides the item; a code where no source has a name."""
    given = [each for each in sources if each.name or each.code]

    def rank(each: Named) -> tuple[bool, int]:
        role = _role(each.rel)
        roles = (at for at, word in enumerate(_PROVIDING) if word in role)
        return each.name is None, next(roles, len(_PROVIDING))

    chosen = min(given, key=rank, default=None)
    return clean(chosen.name or chosen.code or "") or None if chosen else None


def _authors(item: Item) -> list[str]:
    if item.by and (names := authors_of([clean(item.by)])):
        return list(names)
    people = (*item.people, *item.sources)
    return [
        each.name
        for each in people
        if each.name and any(word in _role(each.rel) for word in _WRITING)
    ]


def _subjects(item: Item) -> Iterator[Subject]:
    writers = {each for each in item.people if any(w in _role(each.rel) for w in _WRITING)}
    people = (each for each in item.people if each not in writers)
    for each in (*item.subjects, *item.genres, *item.others, *people):
        yield subject(each.code, each.name, each.scheme)


def _place(given: Named) -> Place:
    return Place(
        name=clean(given.name or "") or None,
        code=clean(given.code or "") or None,
        scheme=clean(given.scheme or "") or None,
    )


# --- Pictures ------------------------------------------------------------------------------


def _pictures(item: Item, texts: Texts) -> Iterator[Picture]:
    """The item's own picture, then those that go with it."""
    if item.kind in _PICTURES:
        yield _picture(item, texts.caption)
    elif item.kind not in VISUAL and (url := _best_image(item)):
        yield Picture(url=url)
    for each in item.associations:
        if _is_picture(each.item):
            yield _picture(each.item, caption_of(each.item) or headline_of(each.item))


def _is_picture(item: Item) -> bool:
    if item.kind is None:
        return not has_body(item) and _best_image(item) is not None
    return item.kind in _PICTURES


def _picture(item: Item, caption: str | None) -> Picture:
    source = _provider(item.sources)
    given = (item.by, item.notice, item.holder, source)
    said = next((found for each in given if (found := clean(each or ""))), None)
    return Picture(caption=caption, credit=said, url=_best_image(item))


def _best_image(item: Item) -> str | None:
    """The address of the widest rendition that is an image, or may be one."""
    known = [r for r in item.renditions if r.href and _role(r.content_type).startswith("image/")]
    if not known and item.kind in _PICTURES:
        known = [r for r in item.renditions if r.href and not r.content_type]
    best = max(known, key=lambda rendition: rendition.width, default=None)
    return clean(best.href or "") or None if best else None


def _note_unused(item: Item, texts: Texts, notes: Notes) -> None:
    unused = [*item.unused, *texts.unused]
    for each in item.associations:
        if not _is_picture(each.item) and not _is_own_article(each.item, item):
            kind = each.item.kind or "item"
            unused.append(f"associated {kind} {clean(each.name)[:40]}".rstrip())
    if unused:
        notes.add(f"not kept: {', '.join(dict.fromkeys(clean(each[:60]) for each in unused))}")
