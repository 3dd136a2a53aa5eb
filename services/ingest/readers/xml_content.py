"""The content that a NewsML item carries: NITF, XHTML, plain text, or markup written as text."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from services.ingest.readers import fragments, nitf, xml
from services.ingest.readers.base import Unreadable
from services.ingest.readers.encoding import decode
from services.ingest.readers.xml_reader import Parsed, Rejected, use_local_names
from services.ingest.readers.xml_story import Story
from services.ingest.readers.xml_text import flow, plain_paragraphs, text_of

if TYPE_CHECKING:
    from lxml import etree

    from services.ingest.readers.base import Limits

_NO_BASE64 = "Ask the provider for it again, as text."


def content_story(holder: etree._Element, mime: str, parsed: Parsed, headline: str | None) -> Story:
    """What the element ``holder`` (inlineXML, inlineData, DataContent) holds.

    ``mime`` is the type that the item gives, which is believed only where the content doesn't
    tell.  ``headline``: of the item, which may stand above the text once more.
    """
    if len(holder):
        return _element_story(holder, parsed, headline)
    return _text_story(holder.text or "", mime, parsed, headline)


def decoded_base64(holder: etree._Element, limits: Limits) -> str:
    """The text that ``holder`` has in base64; raises :class:`Rejected` where it is none."""
    packed = "".join((holder.text or "").split())
    if len(packed) * 3 // 4 > limits.article_bytes:
        raise Rejected(f"its base64 comes to more than {limits.article_bytes} bytes", _NO_BASE64)
    try:
        return decode(base64.b64decode(packed, validate=True)).text
    except binascii.Error as error:
        raise Rejected(f"its base64 can't be decoded: {error}", _NO_BASE64) from error
    except Unreadable as refusal:
        raise Rejected(f"in base64: {refusal.reason}", _NO_BASE64) from refusal


def _element_story(holder: etree._Element, parsed: Parsed, headline: str | None) -> Story:
    document = holder.find("nitf")
    if document is not None:
        return nitf.story(document, parsed)
    told = flow(holder, parsed.item.line - 1)
    found = Story(headline=text_of(holder.find("html/head/title")))
    told.take_headline(headline or found.headline)
    found.body = told.texts()
    found.pictures = told.pictures
    found.set_apart = told.apart
    return found


def _text_story(text: str, mime: str, parsed: Parsed, headline: str | None) -> Story:
    """Content that is one text, of which some providers make markup within markup."""
    start = text.lstrip()
    root = xml.root_of(start[:8192].encode()) if start.startswith("<") else None
    if root is not None and root[1] in ("nitf", "html", "body", "div"):
        try:
            return _written_story(start, parsed, headline)
        except xml.XMLSyntaxError:
            parsed.notes.add("the markup of its text isn't well-formed: read as HTML")
    if root is not None or "html" in mime.lower():
        return Story(body=list(fragments.paragraphs(text)))
    return Story(body=plain_paragraphs(text))


def _written_story(text: str, parsed: Parsed, headline: str | None) -> Story:
    repaired = xml.repair(xml.without_prolog(text))
    parsed.notes.add(*repaired.warnings())
    holder = xml.parse(f"<holder>{repaired.text}</holder>")
    use_local_names(holder)
    return _element_story(holder, parsed, headline)
