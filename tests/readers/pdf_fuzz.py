"""Reads damaged PDFs, many of them; run as a process of its own, since pdfium is C++.

``python -m tests.readers.pdf_fuzz FIRST COUNT`` reads the damaged files number FIRST to
FIRST + COUNT - 1 and says before each which it is: where pdfium brings the process down, the
last line names the input, and ``damaged(number)`` makes it again.
"""

from __future__ import annotations

import random
import sys

from services.ingest.readers.base import Limits, ReadArticle, Unreadable
from services.ingest.readers.pdf.reader import PdfReader
from tests.readers.pdf_samples import SAMPLES
from tests.readers.support import source

_TOKENS = (
    *(b"obj", b"endobj", b"stream", b"endstream", b"<<", b">>", b"[", b"]", b"(", b")", b"R"),
    *(b"/Length", b"/Kids", b"/Count", b"/Type /Page", b"/Font", b"-1", b"4294967296", b"0 0 R"),
    *(b"1e38", b"Tj", b"TJ", b"Tm", b"Td", b"BT", b"ET", b"q", b"Q", b"/Parent 2 0 R", b"\x00"),
    *(b"99999999999999999999", b"/Filter /FlateDecode", b"xref", b"startxref", b"\xff" * 8),
)
_BASES = tuple(make() for make in SAMPLES.values())


def damaged(number: int) -> bytes:
    """The ``number``-th damaged PDF: the same bytes for the same number."""
    dice = random.Random(number)  # noqa: S311  (no secrets)
    data = bytearray(dice.choice(_BASES))
    for _ in range(dice.randint(1, 12)):
        at = dice.randrange(len(data) or 1)
        match dice.randrange(5):
            case 0:
                data[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                data[at : at + dice.randint(0, 12)] = dice.choice(_TOKENS)
            case 2:
                del data[at : at + dice.randint(1, 60)]
            case 3:
                data[at:at] = data[at : at + dice.randint(1, 200)]
            case _:
                end = dice.randrange(at, len(data) + 1)
                data = data[:end] if dice.random() < 0.1 else data
    return bytes(data)


def read(data: bytes) -> str:
    """What becomes of ``data``: "article" or the reason of the refusal."""
    try:
        (record,) = PdfReader(Limits()).read(source(data, "x.pdf"))
    except Unreadable as refusal:
        return refusal.reason
    assert isinstance(record, ReadArticle)
    assert record.headline or record.body
    return "article"


def main(first: int, count: int) -> None:
    """Read ``count`` damaged files from ``first`` on."""
    articles = 0
    for number in range(first, first + count):
        print(number, flush=True)  # noqa: T201  (its output is what the test reads)
        articles += read(damaged(number)) == "article"
    print(f"articles: {articles}")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
