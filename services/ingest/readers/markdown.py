"""Markdown: front matter, headings and paragraphs, reduced to the text that a reader sees."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

from schemas.article import ReaderInfo, SourceLine
from services.ingest.readers import front_matter, sniff
from services.ingest.readers.base import BadRecord, ReadArticle, Reader, Source
from services.ingest.readers.boilerplate import classify
from services.ingest.readers.encoding import Decoded, decode
from services.ingest.readers.lines import Line, clean, split
from services.ingest.readers.page import Page, analyse
from services.ingest.readers.whole import load, refuse_blank

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markdown_it.token import Token

    from schemas.article import SetApartKind

MAX_MARKDOWN = 256 * 1024
"""Characters parsed as Markdown: 40,000 words. The parser takes many seconds for a megabyte
of hostile input; a larger text is read as plain text, and a warning says so."""

MAX_INLINE = 4 * 1024
"""Characters of one paragraph in which emphasis and links are resolved: the parser is
quadratic in unclosed brackets, and no paragraph of a newsroom is as long."""

MAX_HEADLINE = 500
"""Characters: a heading says itself that it is one, so it may be longer than a guess."""

MAX_BRACKETS = 100
"""Opening brackets of one paragraph: each unclosed one is tried against all that follow."""

_MARKED = re.compile(r"[\\`*_\[\]<>&!]")
"""Without one of these a paragraph is what it shows, and needs no parsing."""

_VISIBLE = frozenset({"text", "text_special", "code_inline"})
_BREAKS = frozenset({"softbreak", "hardbreak"})
_SUFFIXES = (".md", ".markdown", ".mdown", ".mkd")


@dataclass
class _Blocks:
    """The visible lines of a Markdown text, and what else was there."""

    lines: list[Line] = field(default_factory=list)
    headline: Line | None = None
    apart: list[SourceLine] = field(default_factory=list)
    covered: set[int] = field(default_factory=set)
    unresolved: int = 0

    def set_apart(self, kind: SetApartKind, text: str, number: int) -> None:
        if text := clean(text):
            self.apart.append(SourceLine(kind=kind, text=text, line=number))


class MarkdownReader(Reader):
    """Reads a Markdown file as one article.

    The headline is the front matter's title, else the first level-1 heading, else found as
    in a plain text.  Link targets and HTML are no text; whole lines of them are set apart.
    """

    name = "markdown"
    version = "1"

    def claims(self, head: bytes, name: str) -> bool:
        """Whether ``head`` starts with front matter or a heading, or is text named ``.md``."""
        if sniff.binary_kind(head) is not None or sniff.markup_kind(head) is not None:
            return False
        start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
        if start.startswith((b"# ", b"---\n", b"---\r\n")):
            return True
        return name.casefold().endswith(_SUFFIXES)

    def read(self, source: Source) -> Iterator[ReadArticle | BadRecord]:
        """Yield the one article; see the contract for errors."""
        decoded = decode(load(source, self.limits))
        raw = decoded.text.split("\n")
        matter = front_matter.parse(raw)
        blocks, warnings = _blocks(raw, matter.lines)
        first = None if matter.headline else blocks.headline
        if matter.headline is None and first is None:
            refuse_blank(blocks.lines)
        page = analyse(
            [line for line in blocks.lines if line is not first],
            headline=matter.headline or (first.text if first else None),
            standfirst=matter.standfirst,
            wrapped=False,
        )
        yield _article(self, decoded, matter, page, (blocks, warnings))


def _article(
    reader: MarkdownReader,
    decoded: Decoded,
    matter: front_matter.FrontMatter,
    page: Page,
    parsed: tuple[_Blocks, list[str]],
) -> ReadArticle:
    blocks, warnings = parsed
    return ReadArticle(
        position=1,
        headline=page.headline,
        standfirst=page.standfirst,
        dateline=page.dateline,
        body=page.body,
        authors=matter.authors or page.authors,
        published_at=matter.published_at or page.published_at,
        updated_at=matter.updated_at or page.updated_at,
        language=matter.language,
        url=matter.url,
        set_apart=tuple(sorted((*blocks.apart, *page.set_apart), key=lambda line: line.line)),
        credits=page.credits,
        info=ReaderInfo(
            name=reader.name,
            version=reader.version,
            format="text/markdown",
            encoding=decoded.encoding,
            warnings=(*decoded.warnings, *matter.warnings, *warnings, *page.warnings),
        ),
    )


def _blocks(raw: Sequence[str], skip: int) -> tuple[_Blocks, list[str]]:
    """The blocks below the first ``skip`` lines, which are front matter."""
    blocks = _Blocks()
    for number, line in enumerate(raw[:skip], start=1):
        blocks.set_apart("front_matter", line, number)
    text = "\n".join(raw[skip:])
    if len(text) > MAX_MARKDOWN:
        # Blank lines in place of the front matter keep the line numbers.
        blocks.lines = split("\n" * skip + text)
        return blocks, ["too large to be read as Markdown: read as plain text"]
    _parse(text, skip, blocks)
    for number, line in enumerate(raw[skip:], start=skip + 1):
        if number not in blocks.covered:
            blocks.set_apart("markup", line, number)
    unresolved = f"{blocks.unresolved} paragraphs too long to resolve emphasis and links in"
    return blocks, [unresolved] if blocks.unresolved else []


def _parse(text: str, skip: int, blocks: _Blocks) -> None:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table").disable("inline")
    env: dict[str, Any] = {}
    row: list[Line] | None = None
    heading = ""
    for token in parser.parse(text, env):
        if token.type == "heading_open":
            heading = token.tag
        elif token.type == "tr_open":
            row = []
        elif token.type == "tr_close":
            if row:  # a row of pictures has no words
                blocks.lines.append(Line(row[0].number, " | ".join(cell.text for cell in row)))
            row = None
        elif token.type in ("fence", "code_block"):
            _add_code(token, skip, blocks)
        elif token.type == "inline":
            lines = _inline(parser, env, token, skip, blocks)
            (blocks.lines if row is None else row).extend(lines)
            if heading == "h1" and blocks.headline is None and len(lines) == 1:
                blocks.headline = lines[0] if len(lines[0].text) <= MAX_HEADLINE else None
            heading = ""


def _add_code(token: Token, skip: int, blocks: _Blocks) -> None:
    # A fence's own lines are markup; what is between them is shown as it is.
    start = (token.map or [0, 0])[0] + skip + (2 if token.type == "fence" else 1)
    for number, line in enumerate(token.content.split("\n"), start=start):
        if text := clean(line):
            blocks.lines.append(Line(number, text))
            blocks.covered.add(number)


def _inline(
    parser: MarkdownIt, env: dict[str, Any], token: Token, skip: int, blocks: _Blocks
) -> list[Line]:
    first, end = token.map or [0, 0]
    blocks.covered.update(range(first + skip + 1, end + skip + 1))
    if not _MARKED.search(token.content):
        pieces = token.content.split("\n")
    elif len(token.content) > MAX_INLINE or token.content.count("[") > MAX_BRACKETS:
        blocks.unresolved += 1
        pieces = token.content.split("\n")
    else:
        children: list[Token] = []
        parser.inline.parse(token.content, parser, env, children)
        pieces = _visible(children, first + skip + 1, blocks)
    return _lines(pieces, first + skip + 1)


def _visible(children: Sequence[Token], number: int, blocks: _Blocks) -> list[str]:
    """The text that is seen, one piece for each source line; pictures' texts are set apart."""
    pieces = [""]
    for child in children:
        if child.type in _BREAKS:
            pieces.append("")
        elif child.type in _VISIBLE:
            pieces[-1] += child.content
        elif child.type == "image":
            blocks.set_apart("image", _alternative(child), number + len(pieces) - 1)
    return pieces


def _alternative(image: Token) -> str:
    return "".join(" " if c.type in _BREAKS else c.content for c in image.children or ())


def _lines(pieces: Sequence[str], number: int) -> list[Line]:
    """One line for a paragraph; one for each piece where one of them is boilerplate."""
    numbered = [Line(n, text) for n, piece in enumerate(pieces, number) if (text := clean(piece))]
    if len(numbered) <= 1 or any(classify(line.text) for line in numbered):
        return numbered
    joined = " ".join(line.text for line in numbered)
    return [Line(numbered[0].number, joined, numbered[-1].number)]
