"""The pictures of a page's article: what is written about them, and where they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from lxml import etree

from schemas.article import Picture
from services.ingest.readers.credit_lines import photo_credit
from services.ingest.readers.fragments import texts_of
from services.ingest.readers.html_head import web_address
from services.ingest.readers.lines import clean

if TYPE_CHECKING:
    from lxml.html import HtmlElement

    from services.ingest.readers.html_head import Head
    from services.ingest.readers.html_ld import LinkedData

MAX_PICTURES: Final = 100
"""Pictures of one article; a gallery has fifty."""

MAX_CAPTION: Final = 2000
"""Characters; what is longer is no caption but a text in the wrong element."""

_FRAMES: Final = frozenset({"nav", "aside", "footer"})
_CREDITS: Final = etree.XPath(
    ".//*[re:test(concat(@class, ' ', @itemprop), "
    "'credit|copyright|photographer|(^|[ _-])(author|source)', 'i')]",
    namespaces={"re": "http://exslt.org/regular-expressions"},
)
_SOURCES: Final = ("data-src", "data-original", "src")


@dataclass(slots=True)
class _Found:
    caption: str | None = None
    credit: str | None = None
    url: str | None = None


def read_pictures(
    root: HtmlElement, head: Head, data: LinkedData, base: str | None
) -> tuple[Picture, ...]:
    """The article's pictures: those with a caption, and the ones that metadata names."""
    found: list[_Found] = []
    for picture in (*_figures(root, base), *_declared(data, base), *_shared(head, base)):
        known = next((other for other in found if _is_same(other, picture)), None)
        if known is None:
            found.append(picture)
        else:
            known.caption = known.caption or picture.caption
            known.credit = known.credit or picture.credit
        if len(found) >= MAX_PICTURES:
            break
    return tuple(
        Picture(caption=p.caption, credit=p.credit, url=p.url)
        for p in found
        if p.caption or p.credit or p.url
    )


def _is_same(one: _Found, other: _Found) -> bool:
    if one.url and other.url:
        # Sizes differ in the query or in the folder, the file's name doesn't.
        return _file(one.url) == _file(other.url)
    return one.caption is not None and one.caption == other.caption


def _file(url: str) -> str:
    path = url.partition("#")[0].partition("?")[0]
    return path.rpartition("/")[2] or path


def _figures(root: HtmlElement, base: str | None) -> list[_Found]:
    found: list[_Found] = []
    for figure in root.iter("figure"):
        caption = next(figure.iter("figcaption"), None)
        image = next(figure.iter("img", "amp-img"), None)
        if caption is None or any(above.tag in _FRAMES for above in figure.iterancestors()):
            continue
        text = " ".join(texts_of(caption))[:MAX_CAPTION]
        picture = _Found(url=_source(image, base) if image is not None else None)
        marked = (clean(" ".join(element.itertext())) for element in _credits(caption, figure))
        picture.credit = next((credit for credit in marked if credit), None)
        if picture.credit:
            text = clean(text.removesuffix(picture.credit))
        elif text and (said := photo_credit(text)) is not None:
            picture.credit = said.credit
        picture.caption = text or None
        found.append(picture)
        if len(found) >= MAX_PICTURES:
            break
    return found


def _credits(caption: etree._Element, figure: etree._Element) -> list[etree._Element]:
    for place in (caption, figure):
        marked = _CREDITS(place)
        if isinstance(marked, list) and marked:
            return [element for element in marked if isinstance(element, etree._Element)]  # noqa: SLF001  (the type's name)
    return []


def _source(image: etree._Element, base: str | None) -> str | None:
    for name in _SOURCES:
        value = image.get(name)
        if value and (address := web_address(value, base)):
            return address
    return None


def _declared(data: LinkedData, base: str | None) -> list[_Found]:
    found: list[_Found] = []
    for value in data.values("image"):
        picture = _Found(url=web_address(data.address(value), base))
        if isinstance(value, dict):
            picture.caption = next(iter(data.texts("caption", value)), None)
            credits_given = (
                text
                for name in ("creditText", "creator", "author", "copyrightNotice")
                for text in data.texts(name, value)
            )
            picture.credit = next(credits_given, None)
        found.append(picture)
    return found


def _shared(head: Head, base: str | None) -> list[_Found]:
    url = web_address(head.first("og:image", "og:image:url", "twitter:image"), base)
    caption = head.first("og:image:alt", "twitter:image:alt")
    return [_Found(caption=caption, url=url)] if url else []
