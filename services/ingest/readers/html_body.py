"""The article's text on a page: trafilatura's choice, or what there is where it finds none.

Its options, and why:

* ``fast``: without the comparison with readability and justext. That doubles the time
  for half a point of F1 on article pages; where the fast way finds next to nothing, the slow
  one is asked.
* no comments: what readers wrote below isn't the article, and its names aren't the desk's.
* tables yes; links, images and formatting no: text is what is filed.
* no deduplication: it compares with the pages that came before, and the same bytes must always
  give the same article.
* no metadata: ours is richer, and its dates depend on today's.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from lxml import etree

from services.ingest.readers.fragments import paragraphs, texts_of
from services.ingest.readers.lines import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml.html import HtmlElement

    from services.ingest.readers.html_ld import LinkedData

MAX_ELEMENTS: Final = 60_000
"""Elements that trafilatura is given. It takes 30 µs for each, and at 250 levels seven times
that: 2 to 12 seconds. A long live blog has a fifth of it."""

SHORT: Final = 250
"""Characters below which trafilatura itself doubts what it found (its MIN_EXTRACTED_SIZE)."""

MUCH_LONGER: Final = 3
"""How many times as long as what was found JSON-LD's text must be to go before it (the page
shows the beginning, and a script would have shown the rest), or all text of the page to look for
the article once more."""

FEW: Final = 3
"""Paragraphs of an extraction that may have run several into one."""

_OUTSIDE: Final = ("nav", "aside", "footer", "button", "select", "dialog", "menu")
_NOT_BOILERPLATE: Final = etree.XPath(
    "//main | //article | //*[@role='main'] | //*[@itemprop='articleBody']"
)
_COUNT: Final = etree.XPath("count(//*)")


@dataclass(frozen=True, slots=True)
class Body:
    """The paragraphs, and what is to be said about how they were found."""

    paragraphs: tuple[str, ...]
    warnings: tuple[str, ...] = ()


def read_body(root: HtmlElement, data: LinkedData) -> Body:
    """The article's paragraphs; empty where the page shows none. Never raises."""
    warnings: list[str] = []
    found = _by_trafilatura(root, warnings)
    declared = _declared(data)
    if _size(declared) > max(SHORT, MUCH_LONGER * _size(found)) or _parts(found, declared):
        warnings.append("the text is taken from the page's JSON-LD: the page shows less of it")
        found = declared
    return Body(found, tuple(warnings))


def _by_trafilatura(root: HtmlElement, warnings: list[str]) -> tuple[str, ...]:
    count = int(float(str(_COUNT(root))))
    if count > MAX_ELEMENTS:
        warnings.append(f"{count} elements are too many to look for the article: all text taken")
        return _plain(root)
    found = _attempt(root, warnings, fast=True)
    if _size(found) >= SHORT:
        return found
    plain = _plain(root)
    if _size(plain) > MUCH_LONGER * _size(found):
        slow = _attempt(root, warnings, fast=False)
        found = slow if _size(slow) > _size(found) else found
    return _rather(found, plain, warnings)


def _attempt(root: HtmlElement, warnings: list[str], *, fast: bool) -> tuple[str, ...]:
    try:
        tree = _extract(root, fast=fast)
    except Exception as error:  # noqa: BLE001  (a library at work on strangers' markup)
        warnings.append(f"body not found by rule: {type(error).__name__}")
        return ()
    return () if tree is None else texts_of(tree)


def _extract(root: HtmlElement, *, fast: bool) -> etree._Element | None:
    core, options = _library(fast=fast)
    document = core.bare_extraction(root, options=options)
    body = getattr(document, "body", None)
    return body if isinstance(body, etree._Element) else None  # noqa: SLF001  (the type's name)


@lru_cache
def _library(*, fast: bool) -> tuple[Any, Any]:
    # Here, since it takes half a second: only the process that reads needs it.
    from trafilatura import core, settings  # noqa: PLC0415

    # It speaks of pages that hold no text, as a warning each; the receipt says it.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    logging.getLogger("readability").setLevel(logging.CRITICAL)
    options = settings.Extractor(
        output_format="python",
        fast=fast,
        comments=False,
        tables=True,
        formatting=False,
        links=False,
        images=False,
        dedup=False,
        # Else today's date is put in; no dates are looked for.
        date_params={"max_date": "2100-01-01"},
    )
    return core, options


def _size(texts: Sequence[str]) -> int:
    return sum(map(len, texts))


def _rather(found: tuple[str, ...], plain: tuple[str, ...], warnings: list[str]) -> tuple[str, ...]:
    """What was found, or the plain paragraphs, where these are the same text in its parts.

    trafilatura makes one paragraph of all that it takes as a last resort.
    """
    if not found:
        if plain:
            warnings.append("no article found by rule: all paragraphs of the page taken")
        return plain
    return plain if _parts(found, plain) else found


def _parts(found: Sequence[str], other: Sequence[str]) -> bool:
    """Whether ``other`` is the text of ``found`` in more paragraphs, and little else."""
    if len(found) >= len(other) or len(found) > FEW:
        return False
    whole, parts = clean(" ".join(found)), clean(" ".join(other))
    return whole in parts and len(parts) < 2 * len(whole)


def _plain(root: HtmlElement) -> tuple[str, ...]:
    """All paragraphs of the page's main part, or of the page, without its frame."""
    mains: Any = _NOT_BOILERPLATE(root)
    best: tuple[str, ...] = ()
    for main in mains[:10]:
        texts = texts_of(main, without=_OUTSIDE)
        best = texts if _size(texts) > _size(best) else best
    return best if _size(best) >= SHORT else texts_of(root, without=_OUTSIDE)


def _declared(data: LinkedData) -> tuple[str, ...]:
    """The text that JSON-LD holds: of the article, or of a live blog's posts."""
    own = tuple(part for text in _raw(data, data.article) for part in paragraphs(text))
    if own:
        return own
    posts = [post for post in data.values("liveBlogUpdate") if isinstance(post, dict)]
    found: list[str] = []
    for post in posts:
        title = data.texts("headline", post)[:1]
        found += [*title, *(part for text in _raw(data, post) for part in paragraphs(text))]
    return tuple(found)


def _raw(data: LinkedData, node: dict[str, Any]) -> list[str]:
    # Not through ``texts``: paragraphs and length are to be kept.
    return [value for value in data.values("articleBody", node) if isinstance(value, str)]
