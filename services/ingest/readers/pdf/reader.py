"""The reader of PDF files: one document, one article."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

import pypdfium2
from pypdfium2 import raw as pdfium

from schemas.article import ReaderInfo, SourceLine
from services.ingest.readers.base import MIB, ReadArticle, Reader, Source, Unreadable
from services.ingest.readers.lines import Line, same
from services.ingest.readers.page import MAX_HEADLINE, analyse
from services.ingest.readers.pdf.document import Details, details
from services.ingest.readers.pdf.flow import Page, Paragraph, paragraphs, readable, take_running
from services.ingest.readers.pdf.glyphs import Glyphs, glyphs
from services.ingest.readers.pdf.layout import lines_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.ingest.readers.base import Limits, Record
    from services.ingest.readers.pdf.layout import TextLine

DOCUMENT_BYTES: Final = 64 * MIB
"""The largest document. It needs to be in memory whole (its index is at its end), and pdfium
unpacks as much again; a newspaper of 100 pages with its pictures comes to 20 to 50 MiB.  The text
within is held to ``Limits.article_bytes``."""

MAX_PAGES: Final = 1000
"""Pages of one document: the longest reports of inquiries. One article is made of it."""

MAX_UNMAPPED: Final = 0.2
"""The share of letters that fonts don't name above which a text is gibberish."""

LARGER: Final = 1.2
"""Times the height of the body's letters: what is set larger is a headline."""

NAME_WORDS: Final = 3
"""A line above a headline with no more words than that is a name ("The Valley Courier", "PRESS
RELEASE"), if it is larger or in capitals."""

MAX_WARNINGS: Final = 20

_NO_TEXT = (
    "Nothing here recognises text in pictures (OCR): run it through an OCR program and drop the "
    "result, or drop the text."
)


@dataclass
class _Text:
    """What the pages of a document hold."""

    lines: list[TextLine] = field(default_factory=list)
    apart: list[str] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    unmapped: int = 0
    characters: int = 0


class PdfReader(Reader):
    """Reads the text layer of a PDF as one article, however many it shows: nothing parts them.

    Scripts, forms, attachments and links in it are never touched.
    """

    name: ClassVar[str] = "pdf"
    version: ClassVar[str] = "1"

    def claims(self, head: bytes, name: str) -> bool:  # noqa: ARG002  (by content alone)
        """Whether ``head`` starts as a PDF does, perhaps after a byte order mark or blanks."""
        return head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\x00\t\n\f\r ").startswith(b"%PDF-")

    def read(self, source: Source) -> Iterator[Record]:
        """Yield the one article; see the contract for errors."""
        document = _open(_load(source))
        try:
            yield _article(document, source, self.limits)
        finally:
            document.close()


def _load(source: Source) -> bytes:
    with source.open() as stream:
        data = stream.read(DOCUMENT_BYTES + 1)
    if len(data) > DOCUMENT_BYTES:
        size = source.size if source.size is not None else len(data)
        raise Unreadable(
            f"too large for one document: {size} bytes, the limit is {DOCUMENT_BYTES} bytes",
            "Make its pictures smaller, or drop its text.",
        )
    if source.size is not None and source.size != len(data):
        raise OSError(f"changed while it was read: {source.size} bytes expected, {len(data)} found")
    if not data:
        raise Unreadable("the file is empty", "Drop it again.")
    return data


def _open(data: bytes) -> pypdfium2.PdfDocument:
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pdfium.FPDF_ERR_PASSWORD:
            raise Unreadable(
                "the PDF is encrypted with a password", "Save it without one, and drop it again."
            ) from error
        if error.err_code == pdfium.FPDF_ERR_SECURITY:
            raise Unreadable(
                "the PDF is encrypted in a way that isn't known", "Save it without encryption."
            ) from error
        raise Unreadable(
            "this is no PDF, or one too damaged to be read", "Save or export it again."
        ) from error
    if not 0 < len(document) <= MAX_PAGES:
        count = len(document)
        document.close()
        raise Unreadable(
            f"the PDF has {count} pages; from 1 to {MAX_PAGES} are read",
            "Split it into its articles." if count else "Save or export it again.",
        )
    return document


# --- Pages ------------------------------------------------------------------------------


def _read_pages(document: pypdfium2.PdfDocument, limits: Limits) -> _Text:
    text = _Text()
    pages: list[Page] = []
    size = 0
    for index in range(len(document)):
        page = _read_page(document, index, text)
        if page is None:
            continue
        pages.append(page)
        size += sum(len(f.text.encode("utf-8", "replace")) + 1 for f in page.fragments)
        if size > limits.article_bytes:
            raise Unreadable(
                f"too large for one article: up to page {page.number} its text has {size} bytes, "
                f"the limit is {limits.article_bytes} bytes",
                "Split it into its articles, or raise WIREDESK_MAX_ARTICLE_BYTES.",
            )
    for gone in take_running(pages):
        text.apart += gone
    column = 0
    for page in pages:
        lines = lines_of(page.fragments, page.number, column)
        column = lines[-1].column + 1 if lines else column
        text.lines += lines
    return text


def _read_page(document: pypdfium2.PdfDocument, index: int, text: _Text) -> Page | None:
    try:
        page = document[index]
    except pypdfium2.PdfiumError:
        text.broken.append(index + 1)
        return None
    try:
        found = _glyphs(page, index + 1)
        edges = [edge for f in found.fragments for edge in (f.bottom, f.top)]
        bottom, top = _edges(page, found)
    except pypdfium2.PdfiumError:
        text.broken.append(index + 1)
        return None
    finally:
        page.close()
    if not edges:
        text.blank.append(index + 1)
    text.unmapped += found.unmapped
    text.characters += found.characters
    text.apart += [readable(fragment.text) for fragment in found.turned]
    return Page(index + 1, found.fragments, min([bottom, *edges]), max([top, *edges]))


def _glyphs(page: pypdfium2.PdfPage, number: int) -> Glyphs:
    layer = page.get_textpage()
    try:
        return glyphs(layer, number)
    finally:
        layer.close()


def _edges(page: pypdfium2.PdfPage, found: Glyphs) -> tuple[float, float]:
    """The page's lower and upper edge in the frame in which its text is upright."""
    left, bottom, right, top = page.get_mediabox()
    turn = found.fragments[0].turn if found.fragments else 0
    return ((bottom, top), (-right, -left), (-top, -bottom), (left, right))[turn]


# --- The article ---------------------------------------------------------------------------


def _article(document: pypdfium2.PdfDocument, source: Source, limits: Limits) -> ReadArticle:
    said = details(document)
    text = _read_pages(document, limits)
    _refuse_illegible(text)
    found = paragraphs(text.lines)
    if not found:
        raise Unreadable("the PDF shows no words", _NO_TEXT)
    headline = _headline(found, said.title)
    above = _above(found, headline)
    rest = [p for p in found if p is not headline and p not in above]
    page = analyse(
        [Line(p.first, p.text, p.last) for p in rest],
        headline=headline.text if headline else said.title,
        wrapped=False,
    )
    warnings = [*said.warnings, *_notes(text, len(document))]
    published = page.published_at or said.created_at
    if published is not None and page.published_at is None:
        warnings.append("published_at is the time at which the document was made")
    return ReadArticle(
        position=1,
        headline=page.headline,
        standfirst=page.standfirst,
        dateline=page.dateline,
        body=page.body,
        authors=page.authors or said.authors,
        byline=next((e.text for e in page.set_apart if e.kind == "byline"), None),
        published_at=published,
        updated_at=page.updated_at,
        language=said.language,
        keywords=said.keywords,
        credits=page.credits,
        set_apart=tuple(sorted((*_apart(text, above), *page.set_apart), key=lambda e: e.line)),
        info=_info(said, [*warnings, *page.warnings]),
        locator=source.locator,
    )


def _refuse_illegible(text: _Text) -> None:
    if text.characters == 0:
        where = f"pages {_listed(text.broken)} are damaged" if text.broken else "it is a picture"
        raise Unreadable(f"the PDF has no text layer: {where}", _NO_TEXT)
    if text.unmapped > text.characters * MAX_UNMAPPED:
        raise Unreadable(
            "the PDF's fonts don't say which letters they show "
            f"({text.unmapped} of {text.characters} characters)",
            _NO_TEXT,
        )


def _headline(found: Sequence[Paragraph], title: str | None) -> Paragraph | None:
    """What page 1 shows as the document's title; else its largest text.

    None where nothing is set larger than the body.
    """
    first = [p for p in found if p.page == found[0].page and len(p.text) <= MAX_HEADLINE]
    if title and (shown := next((p for p in first if same(p.text) == same(title)), None)):
        return shown
    body = _body_size(found)
    large = sorted((p for p in first if p.size >= body * LARGER), key=lambda p: -p.size)
    if len(large) > 1 and _is_name(large[0]) and not _is_name(large[1]):
        return large[1] if large[0].first < large[1].first else large[0]
    return large[0] if large else None


def _is_name(paragraph: Paragraph) -> bool:
    return len(paragraph.text.split()) <= NAME_WORDS


def _above(found: Sequence[Paragraph], headline: Paragraph | None) -> list[Paragraph]:
    """What stands above the headline and only names the publication or the kind of text."""
    if headline is None:
        return []
    above = [p for p in found if p.last < headline.first and _is_name(p)]
    return [p for p in above if p.text.isupper() or p.size >= headline.size]


def _body_size(found: Sequence[Paragraph]) -> float:
    """The height of letters in which most of the text is set."""
    sizes = Counter[float]()
    for paragraph in found:
        sizes[round(paragraph.size, 1)] += len(paragraph.text)
    return max(sizes, key=lambda size: sizes[size])


def _apart(text: _Text, above: Sequence[Paragraph]) -> list[SourceLine]:
    """Names above the headline; and what stands beside the text, numbered after its lines."""
    apart = [SourceLine(kind="breadcrumb", text=p.text, line=p.first) for p in above]
    for number, gone in enumerate(filter(None, text.apart), start=len(text.lines) + 1):
        apart.append(SourceLine(kind="markup", text=gone, line=number))
    return apart


def _notes(text: _Text, count: int) -> list[str]:
    notes: list[str] = []
    if text.blank:
        notes.append(f"no text layer on pages {_listed(text.blank)} of {count}: OCR isn't done")
    if text.broken:
        notes.append(f"damaged and left out: pages {_listed(text.broken)} of {count}")
    if text.unmapped:
        notes.append(f"{text.unmapped} characters whose fonts don't say which letter they are")
    return notes


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:10])
    return shown if len(numbers) <= 10 else f"{shown} and {len(numbers) - 10} more"  # noqa: PLR2004


def _info(said: Details, warnings: Sequence[str]) -> ReaderInfo:
    return ReaderInfo(
        name=PdfReader.name,
        version=PdfReader.version,
        format=f"application/pdf {said.version}",
        warnings=tuple(dict.fromkeys(warnings))[:MAX_WARNINGS],
    )
