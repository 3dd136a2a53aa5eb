"""Which of an item's texts are the headline, the body, the standfirst and the caption."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from services.ingest.readers import fragments
from services.ingest.readers.lines import clean, paragraphs, same, split, wrap_width

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.article import Extent
    from services.ingest.readers.ninjs.item import Item, Text

_MAIN: Final = ("", "main", "body", "headline", "full", "default", "story", "article")
"""Roles of the text that an item is about, in the order in which they are believed."""

_SUMMARY: Final = (
    *("summary", "standfirst", "abstract", "", "main", "description", "lead", "ingress", "teaser"),
    *("short", "dek", "subheadline", "subtitle"),
)
_CAPTION: Final = ("caption", "photocaption", "picturecaption", "imagecaption", "", *_SUMMARY)
_SHORT: Final = frozenset(_SUMMARY) - {"", "main"}
"""Roles of a body that say that it isn't the whole text."""

_MARKUP: Final = re.compile(
    r"</?(?:p|div|br|h[1-6]|ul|ol|li|table|section|article|a|em|strong|b|i|span|hl2)\b[^>]{0,500}>",
    re.IGNORECASE,
)
_MARKUP_CHARS: Final = 10_000
"""Where markup is looked for in a text that doesn't say what it is."""

_PARTS: Final = re.compile(r"[^a-z0-9]+")

VISUAL: Final = frozenset({"picture", "graphic", "video", "audio"})
"""Types whose description is the caption, and all the text that there is."""


@dataclass(slots=True)
class Texts:
    """The texts of an item as an article has them."""

    headline: str | None = None
    standfirst: str | None = None
    body: tuple[str, ...] = ()
    caption: str | None = None
    extent: Extent = "full"
    notes: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)


def texts_of(item: Item) -> Texts:
    """The texts of ``item``; raises :class:`Unreadable` for one of too many lines."""
    found = Texts()
    chosen = _first(item.headlines, _MAIN)
    found.headline = _one_line(chosen) if chosen else None
    if found.headline is None and (title := clean(item.title or "")):
        found.headline = title
        found.notes.append("no headline: the title is taken for it")
    found.unused += [f"headline {_role(each)}" for each in item.headlines if each is not chosen]
    _find_body(item, found)
    if item.kind in VISUAL:
        _find_caption(item, found)
    else:
        _find_standfirst(item, found)
    return found


def _find_body(item: Item, found: Texts) -> None:
    ranked = sorted(item.bodies, key=lambda body: (_rank(body, _MAIN), _form(body)))
    chosen = None
    for body in ranked:
        found.body = _paragraphs(body)
        if found.body:
            chosen = body
            break
    if chosen is None:
        return
    if _role(chosen) in _SHORT:
        found.extent = "summary"
        found.notes.append(f"no main body: the body '{_role(chosen)[:40]}' is taken")
    elif item.partial:
        found.extent = "excerpt"
        found.notes.append("the provider says that this isn't the whole item")
    others = {_role(body) for body in item.bodies} - {_role(chosen)}
    found.unused += [f"body {role}" for role in sorted(others)]


def _find_caption(item: Item, found: Texts) -> None:
    found.caption = caption_of(item)
    chosen = _first(item.descriptions, _CAPTION)
    if not found.body and chosen:
        found.body = _paragraphs(chosen)
        found.notes.append(f"of type {item.kind}: its caption is the text")
    _leave_out(item.descriptions, chosen, found)


def _find_standfirst(item: Item, found: Texts) -> None:
    chosen = _first(item.descriptions, _SUMMARY)
    _leave_out(item.descriptions, chosen, found)
    if chosen is None:
        return
    summary = _paragraphs(chosen)
    if not found.body:
        found.body, found.extent = summary, "summary"
        found.notes.append("no body: the description is taken for the text")
    elif summary and same(" ".join(summary)) not in map(same, found.body[:1]):
        found.standfirst = " ".join(summary)


def _leave_out(texts: Iterable[Text], chosen: Text | None, found: Texts) -> None:
    found.unused += [
        f"description {_role(each)}".rstrip()
        for each in texts
        if each is not chosen and (chosen is None or each.value != chosen.value)
    ]


def caption_of(item: Item) -> str | None:
    """What is written about a picture."""
    chosen = _first(item.descriptions, _CAPTION)
    return " ".join(_paragraphs(chosen)) or None if chosen else None


def headline_of(item: Item) -> str | None:
    """The main headline, else the title."""
    chosen = _first(item.headlines, _MAIN)
    return (_one_line(chosen) if chosen else None) or clean(item.title or "") or None


def has_body(item: Item) -> bool:
    """Whether an item has a text of its own, and not only a description."""
    return any(body.value.strip() for body in item.bodies)


def _first(texts: Iterable[Text], roles: tuple[str, ...]) -> Text | None:
    with_words = [each for each in texts if each.value.strip()]
    return min(with_words, key=lambda each: (_rank(each, roles), _form(each)), default=None)


def _rank(text: Text, roles: tuple[str, ...]) -> int:
    role = _role(text)
    if role in roles:
        return roles.index(role)
    return len(roles) + (role in _SHORT)


def _role(text: Text) -> str:
    """A role as a plain word: ``https://vocabulary.example/roles/Main`` is ``main``."""
    last = re.split(r"[/:#]", (text.role or "").casefold().rstrip("/:#"))[-1]
    return _PARTS.sub("", last)


def _form(text: Text) -> int:
    """HTML first, which has its paragraphs for certain, then plain text, then other markup."""
    kind = (text.content_type or "").casefold()
    if "html" in kind or (not kind and _is_markup(text.value)):
        return 0
    return 1 if not kind or kind.startswith("text/") else 2


def _is_markup(value: str) -> bool:
    return bool(_MARKUP.search(value[:_MARKUP_CHARS]))


def _paragraphs(text: Text) -> tuple[str, ...]:
    kind = (text.content_type or "").casefold()
    if "html" in kind or "xml" in kind or (kind in ("", "text/plain") and _is_markup(text.value)):
        return fragments.paragraphs(text.value)
    lines = split(text.value.replace("\r\n", "\n").replace("\r", "\n"))
    return tuple(line.text for line in paragraphs(lines, wrap_width(lines)))


def _one_line(text: Text) -> str | None:
    return clean(" ".join(_paragraphs(text))) or None
