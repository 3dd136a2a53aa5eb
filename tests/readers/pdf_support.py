"""Reads PDFs for the tests, and makes plain ones."""

from __future__ import annotations

import pytest

from services.ingest.readers.base import Limits, ReadArticle, Unreadable
from services.ingest.readers.pdf.reader import PdfReader
from tests.readers.contract import assert_record
from tests.readers.pdf_builder import Canvas, Document, build
from tests.readers.support import source


def read(data: bytes, limits: Limits | None = None) -> ReadArticle:
    """The one article of a document."""
    (found,) = PdfReader(limits or Limits()).read(source(data, "x.pdf"))
    assert isinstance(found, ReadArticle)
    assert_record(found)
    return found


def page(*lines: tuple[float, float, str]) -> bytes:
    """A page with these lines at these places."""
    canvas = Canvas()
    for x, y, text in lines:
        canvas.text(x, y, text)
    return build(Document([canvas]))


def one_column(*paragraphs: str, **fields: str) -> bytes:
    """A page of paragraphs, and the information dictionary."""
    canvas = Canvas()
    y = 760.0
    for paragraph in paragraphs:
        y = canvas.block(72, y, paragraph) - 8
    return build(Document([canvas], fields))


def text_of(found: ReadArticle) -> str:
    """All of the text: of a single paragraph it can't be told whether it is a headline."""
    return " ".join(filter(None, (found.headline, *found.body)))


def refusal(data: bytes, limits: Limits | None = None) -> Unreadable:
    """Why a document can't be read."""
    with pytest.raises(Unreadable) as caught:
        read(data, limits)
    return caught.value
