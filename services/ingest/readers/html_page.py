"""One web page as an article, or the reason why it is none."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from lxml import etree

from schemas.article import ReaderInfo, SourceLine
from services.ingest.readers import sniff
from services.ingest.readers.base import BadRecord, Limits, ReadArticle, Unreadable
from services.ingest.readers.bylines import byline, times
from services.ingest.readers.html_body import read_body
from services.ingest.readers.html_head import read_head
from services.ingest.readers.html_ld import read_scripts
from services.ingest.readers.html_metadata import address_in, addresses_of, read_metadata
from services.ingest.readers.html_paywall import access_to, open_gates
from services.ingest.readers.html_people import authors_of
from services.ingest.readers.html_pictures import read_pictures
from services.ingest.readers.html_tree import Tree, decode_page, parse
from services.ingest.readers.html_walls import refusal_of
from services.ingest.readers.lines import Line, clean, same
from services.ingest.readers.notes import Notes
from services.ingest.readers.page import Page, analyse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lxml.html import HtmlElement

    from schemas.article import Picture
    from services.ingest.readers.encoding import Decoded
    from services.ingest.readers.html_head import Head
    from services.ingest.readers.html_ld import LinkedData
    from services.ingest.readers.html_metadata import Metadata

NAME: Final = "html"
VERSION: Final = "1"

MAX_MISSES: Final = 50
"""Lines that are looked for in the source in vain before it is left: each costs a pass."""

MAX_SHOWN: Final = 200
"""Characters of an element that shows a byline or a time."""

MAX_STANDFIRST: Final = 1000
"""Characters; a longer description is the text itself."""

_BROKEN: Final = "Open it in a browser, save it again, and drop that; else report the page."
_BYLINES: Final = etree.XPath(
    "(//*[contains(@class, 'byline') or contains(@class, 'Byline') or @rel='author'"
    " or @itemprop='author'])[position() <= 3]"
)
_DATED: Final = etree.XPath(
    "(//*[contains(@class, 'date') or contains(@class, 'time') or contains(@class, 'publish')"
    " or contains(@class, 'posted')])[position() <= 10]"
)
_DOCTYPE: Final = re.compile(r"<!doctype\s+html\b([^>]{0,300})>", re.IGNORECASE)
_VERSION: Final = re.compile(r"//DTD (X?HTML) (?:Basic |Mobile )?(\d\.\d+)?", re.IGNORECASE)
WORDS: Final = 10
"""Characters: "Read more:", and then the link's tag begins."""

_BODY: Final = re.compile(r"<body\b", re.IGNORECASE)
_CUT: Final = re.compile(r"\s?(?:…|\.\.\.|\[…\])$")


@dataclass(frozen=True, slots=True)
class _Page:
    """What the steps share of one page."""

    decoded: Decoded
    tree: Tree
    head: Head
    data: LinkedData
    url: str | None

    @property
    def root(self) -> HtmlElement:
        return self.tree.root


def read_page(
    data: bytes,
    *,
    url: str | None,
    charset: str | None,
    position: int,
    locator: str,
    limits: Limits,
    checkpoint: str | None = None,
) -> ReadArticle | BadRecord:
    """The article that the HTML in ``data`` holds, or why it is none; never raises.

    ``url``: where the page was fetched, if that is known; what the page says of its own
    address goes before it.  ``charset``: the encoding by HTTP or MIME.  ``position``,
    ``locator`` and ``checkpoint`` are the record's, handed through.
    """
    try:
        article = _article(_parsed(data, url, charset, limits), position)
    except Unreadable as error:
        return BadRecord(position, error.reason, error.advice, locator, checkpoint=checkpoint)
    except (etree.LxmlError, ValueError, RecursionError) as error:
        # One page of an archive must not cost the others.
        reason = f"the page can't be taken apart: {type(error).__name__}"
        return BadRecord(position, reason, _BROKEN, locator, checkpoint=checkpoint)
    return replace(article, locator=locator, checkpoint=checkpoint)


def _parsed(data: bytes, url: str | None, charset: str | None, limits: Limits) -> _Page:
    if len(data) > limits.article_bytes:
        raise Unreadable(
            f"too large for one article: {len(data)} bytes, the limit is {limits.article_bytes}",
            "Raise WIREDESK_MAX_ARTICLE_BYTES if it is one.",
        )
    sniff.refuse_binary(data)
    decoded = decode_page(data, charset)
    tree = parse(decoded.text)
    if tree is None:
        raise Unreadable("there is nothing in the page", "Drop the page with its text.")
    head = read_head(tree.root)
    addresses = addresses_of(head, url)
    linked = read_scripts(head.scripts, addresses)
    own = addresses[0] if addresses else None
    if own is None or (own == url and not head.links.get("canonical")):
        own = address_in(linked, url) or own
    return _Page(decoded, tree, head, linked, own)


def _article(page: _Page, position: int) -> ReadArticle:
    served = open_gates(page.root, page.data)
    body = read_body(page.root, page.data)
    refusal = refusal_of(page.root, page.head, page.data, body.paragraphs, page.url)
    if refusal is not None:
        raise Unreadable(refusal.reason, refusal.advice)
    access = access_to(page.root, page.head, page.data, body.paragraphs, served)
    meta = read_metadata(page.head, page.data, page.url)
    _add_shown(page.root, meta)
    analysed, calls = _analysed(body.paragraphs, access.calls, meta)
    standfirst = _standfirst(meta.standfirst, analysed, meta)
    pictures = read_pictures(page.root, page.head, page.data, page.url)
    if not (analysed.headline or analysed.body):
        raise Unreadable("no headline and no text in the page", "Drop the article's own page.")
    bare = () if analysed.body else ("no text found on the page but the headline",)
    return ReadArticle(
        position=position,
        headline=analysed.headline,
        body=analysed.body,
        info=_info(
            page, [*body.warnings, *access.warnings, *bare, *meta.warnings, *analysed.warnings]
        ),
        standfirst=standfirst,
        authors=meta.authors or analysed.authors,
        byline=meta.byline or _byline(analysed),
        dateline=meta.dateline or analysed.dateline,
        published_at=meta.published_at or analysed.published_at,
        updated_at=meta.updated_at or analysed.updated_at,
        language=meta.language,
        set_apart=_in_source(page.decoded.text, (*analysed.set_apart, *calls)),
        credits=tuple(dict.fromkeys((*_credits(pictures), *analysed.credits))),
        url=meta.url,
        provider=meta.provider,
        extent=access.extent,
        rights=meta.rights,
        subjects=meta.subjects,
        keywords=meta.keywords,
        section=meta.section,
        places=meta.places,
        pictures=pictures,
    )


def _byline(page: Page) -> str | None:
    return next((line.text for line in page.set_apart if line.kind == "byline"), None)


def _credits(pictures: Sequence[Picture]) -> Iterator[str]:
    return (picture.credit for picture in pictures if picture.credit)


def _info(page: _Page, warnings: Sequence[str]) -> ReaderInfo:
    flat = ("nested too deep: read without its containers",) if page.tree.flattened else ()
    notes = Notes()
    notes.add(*page.decoded.warnings, *flat, *page.data.warnings, *warnings)
    return ReaderInfo(
        name=NAME,
        version=VERSION,
        format=_format(page),
        encoding=page.decoded.encoding,
        warnings=notes.warnings(),
    )


def _format(page: _Page) -> str:
    if page.head.is_amp:
        return "text/html AMP"
    doctype = _DOCTYPE.search(page.decoded.text[: sniff.HEAD_BYTES])
    if doctype is None:
        return "text/html"
    told = _VERSION.search(doctype[1])
    if told is None:
        return "text/html 5" if not doctype[1].strip() else "text/html"
    kind = "application/xhtml+xml" if told[1].upper() == "XHTML" else "text/html"
    return f"{kind} {told[2]}" if told[2] else kind


# --- What the page shows ------------------------------------------------------------------


def _add_shown(root: HtmlElement, meta: Metadata) -> None:
    """Byline and time as the page shows them, where metadata has none."""
    shown = [text for text in _short_texts(_BYLINES, root) if text]
    if meta.byline is None:
        meta.byline = next((t for t in shown if t.lower().startswith("by ") or byline(t)), None)
    if not meta.authors:
        meta.authors = authors_of(shown[:1])
    if meta.published_at is None:
        for text in _short_texts(_DATED, root):
            if (found := times(text)) is not None and found.published and found.published.moment:
                meta.published_at = found.published.moment
                return


def _short_texts(path: etree.XPath, root: HtmlElement) -> list[str]:
    found = path(root)
    elements = found if isinstance(found, list) else []
    texts = (clean(" ".join(e.itertext())) for e in elements if isinstance(e, etree._Element))  # noqa: SLF001  (the type's name)
    return [text for text in texts if len(text) <= MAX_SHOWN]


def _analysed(
    paragraphs: Sequence[str], calls: frozenset[int], meta: Metadata
) -> tuple[Page, tuple[SourceLine, ...]]:
    """The body taken apart, and the wall's calls to subscribe that stood in it."""
    lines = [Line(n, text) for n, text in enumerate(paragraphs, start=1) if n - 1 not in calls]
    apart = tuple(SourceLine(kind="promo", text=paragraphs[n], line=n + 1) for n in sorted(calls))
    return analyse(lines, headline=meta.headline, wrapped=False), apart


def _standfirst(given: str | None, page: Page, meta: Metadata) -> str | None:
    """The description, unless it is the headline or the beginning of the text."""
    if page.standfirst or not given or len(given) > MAX_STANDFIRST:
        return page.standfirst
    start = same(_CUT.sub("", given))
    if not start or start in (same(page.headline or ""), same(meta.provider or "")):
        return None
    opening = same(" ".join(page.body[:3])[: 2 * MAX_STANDFIRST])
    return None if start in opening else given


def _find(text: str, line: str, at: int) -> int:
    """Where ``line`` begins in the source, by so much of it as no tag or entity interrupts."""
    start = re.split(r"[&<>\"'’“”]", line, maxsplit=1)[0].strip()
    found = text.find(start[:30], at) if start else -1
    return found if found >= 0 or len(start) <= WORDS else text.find(start[:WORDS], at)


def _in_source(text: str, lines: Sequence[SourceLine]) -> tuple[SourceLine, ...]:
    """``lines`` with their place in the source instead of the number of their paragraph."""
    placed: list[SourceLine] = []
    body = _BODY.search(text)
    at = body.end() if body else 0
    number, misses = text.count("\n", 0, at) + 1, 0
    for line in sorted(lines, key=lambda given: given.line):
        found = _find(text, line.text, at) if misses < MAX_MISSES else -1
        misses += found < 0
        if found >= 0:
            number += text.count("\n", at, found)
            at = found
        placed.append(line.model_copy(update={"line": number}))
    return tuple(placed)
