"""Which parts of a message are its text and which are attachments, and the text itself.

Of alternatives the HTML part is taken: it has the paragraphs that the plain one wraps at 72
columns.  The plain part is taken where it has clearly more words (an HTML part may be a mere
picture of the newsletter), and where a message has only that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.ingest.readers.base import Unreadable
from services.ingest.readers.encoding import decode
from services.ingest.readers.fragments import texts_of
from services.ingest.readers.html_tree import decode_page, parse
from services.ingest.readers.lines import Line, clean, split
from services.ingest.readers.mail import mime, trim
from services.ingest.readers.mail.headers import language

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from schemas.article import SourceLine
    from services.ingest.readers.base import Limits
    from services.ingest.readers.mail.mime import Parsed, Part

PLAIN_IS_FULLER = 1.5
"""How many times the words of the HTML part the plain one must have to be taken instead.  Plain
parts repeat link texts and footers that HTML has in pictures; a stub has a tenth of the words."""

_TEXT = frozenset({"text/plain", "text/html"})
MESSAGES = frozenset({"message/rfc822", "message/global"})
"""Whole messages; the other ``message/`` types report on delivery or point elsewhere."""

_SIGNATURES = frozenset({
    "application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature",
})  # fmt: skip
_SEALED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_UNREAD = frozenset({"audio", "video", "font", "multipart"})

Alternatives = list[list["Part"]]
"""Ways of showing one thing; each is a sequence of text parts."""


@dataclass
class Content:
    """The parts of a message by what they are for."""

    texts: list[Alternatives] = field(default_factory=list)
    attachments: list[Part] = field(default_factory=list)
    pictures: list[Part] = field(default_factory=list)
    ignored: list[Part] = field(default_factory=list)
    encrypted: bool = False


@dataclass
class Text:
    """The text of a message: its lines, and what was set apart of it."""

    lines: list[Line] = field(default_factory=list)
    apart: list[SourceLine] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    encoding: str | None = None
    language: str | None = None
    wrapped: bool = False

    @property
    def words(self) -> int:
        """Words that are no link targets."""
        words = (word for line in self.lines for word in line.text.split())
        return sum(1 for word in words if "://" not in word and not word.startswith("www."))


def sort_parts(root: Part) -> Content:
    """Tell texts from attachments; goes as deep as :data:`mime.MAX_DEPTH`, no deeper."""
    content = Content()
    _sort(root, content)
    return content


def _sort(part: Part, content: Content) -> None:
    if not part.is_multipart:
        _sort_leaf(part, content)
    elif part.kind == "multipart/alternative":
        _sort_alternatives(part, content)
    elif part.kind == "multipart/related":
        _sort_related(part, content)
    elif part.kind == "multipart/encrypted":
        content.encrypted = True
    elif part.kind == "multipart/signed":
        for child in part.children[:1]:
            _sort(child, content)
    else:
        for child in part.children:
            _sort(child, content)


def _sort_leaf(part: Part, content: Content) -> None:
    main = part.kind.partition("/")[0]
    shown = part.kind in _TEXT and part.disposition != "attachment" and part.filename is None
    if part.kind in _SEALED:
        content.encrypted = True
    elif main == "image":
        content.pictures.append(part)
    elif shown:
        content.texts.append([[part]])
    elif main in _UNREAD or (main == "message" and part.kind not in MESSAGES):
        content.ignored.append(part)
    elif part.kind not in _SIGNATURES:
        content.attachments.append(part)


def _sort_alternatives(part: Part, content: Content) -> None:
    ways: Alternatives = []
    for child in part.children:
        inner = Content()
        _sort(child, inner)
        if inner.texts:
            # Alternatives within alternatives are rare; the first way of each is as good.
            ways.append([leaf for alternatives in inner.texts for leaf in alternatives[-1]])
        elif child.kind.startswith("text/"):
            content.ignored.append(child)  # a calendar entry, AMP: other forms of the same
            continue
        content.attachments.extend(inner.attachments)
        content.pictures.extend(inner.pictures)
        content.ignored.extend(inner.ignored)
        content.encrypted = content.encrypted or inner.encrypted
    if ways:
        content.texts.append(ways)


def _sort_related(part: Part, content: Content) -> None:
    """The root is what is shown; the others are its pictures and styles, and no attachments."""
    start = (part.parameter("start") or "").strip("<> ").encode()
    with_id = (c for c in part.children if start and start in c.fields.get("content-id", b""))
    root = next(with_id, part.children[0] if part.children else None)
    for child in part.children:
        if child is root or child.disposition == "attachment":
            _sort(child, content)


# --- The text ---------------------------------------------------------------------------


def text_of(parsed: Parsed, content: Content, limits: Limits) -> Text:
    """The message's own text; raises :class:`Unreadable` where one part can't be text at all."""
    total = Text()
    for alternatives in content.texts:
        ways = [_joined(_read(parsed, part, limits) for part in way) for way in alternatives]
        _append(total, _fullest(ways))
    return total


def _fullest(ways: Sequence[Text]) -> Text:
    rich = [way for way in ways if not way.wrapped]
    plain = [way for way in ways if way.wrapped]
    best_rich = max(rich, key=lambda way: way.words, default=None)
    best_plain = max(plain, key=lambda way: way.words, default=None)
    if best_rich is None or best_plain is None:
        return best_rich or best_plain or Text()
    if best_plain.words <= best_rich.words * PLAIN_IS_FULLER:
        return best_rich
    best_plain.warnings.append(
        f"the plain text was taken: it has {best_plain.words} words, the HTML {best_rich.words}"
    )
    return best_plain


def _joined(texts: Iterator[Text]) -> Text:
    total = Text()
    for found in texts:
        _append(total, found)
    return total


def _append(total: Text, more: Text) -> None:
    """Add ``more`` below; its lines are numbered on, with a blank line between."""
    last = max([line.number for line in total.lines] + [entry.line for entry in total.apart] + [0])
    shift = last + 1 if last else 0
    total.wrapped = more.wrapped if not total.lines else total.wrapped and more.wrapped
    total.lines += [Line(line.number + shift, line.text) for line in more.lines]
    total.apart += [e.model_copy(update={"line": e.line + shift}) for e in more.apart]
    total.warnings += more.warnings
    total.encoding = total.encoding or more.encoding
    total.language = total.language or more.language


def _read(parsed: Parsed, part: Part, limits: Limits) -> Text:
    data = mime.content(parsed, part)
    if len(data) > limits.article_bytes:
        raise Unreadable(
            f"its text has {len(data)} bytes, the limit for one article is "
            f"{limits.article_bytes} bytes",
            "Split it into its articles, or raise WIREDESK_MAX_ARTICLE_BYTES.",
        )
    is_html = part.kind == "text/html"
    decoded = decode_page(data, part.charset) if is_html else decode(data, part.charset)
    text = Text(encoding=decoded.encoding, warnings=list(decoded.warnings))
    if part.charset in ("us-ascii", "ascii") and not data.isascii():
        text.warnings.append(f"declared as US-ASCII, which it isn't: taken as {decoded.encoding}")
    if is_html:
        _read_html(decoded.text, text)
    else:
        _read_plain(decoded.text, part, text)
    text.lines, footers = trim.footers(text.lines)
    text.apart += footers
    return text


def _read_plain(raw: str, part: Part, text: Text) -> None:
    trimmed = trim.plain_text(raw)
    flowed = (part.parameter("format") or "").casefold() == "flowed"
    lines = trimmed.lines
    if flowed:
        delete_space = (part.parameter("delsp") or "").casefold() == "yes"
        lines = trim.unflow(lines, delete_space=delete_space)
    text.lines = split("\n".join(lines))
    text.apart = trimmed.apart
    text.warnings += trimmed.warnings
    text.wrapped = True


def _read_html(raw: str, text: Text) -> None:
    """Paragraphs numbered from 1: the source lines of HTML say nothing to a reader."""
    tree = parse(raw)
    if tree is None:
        return
    text.language = language(clean(tree.root.get("lang") or ""))
    text.lines = [Line(number, found) for number, found in enumerate(texts_of(tree.root), start=1)]
    if tree.flattened:
        text.warnings.append("the HTML is nested too deep: only its paragraphs were told apart")
