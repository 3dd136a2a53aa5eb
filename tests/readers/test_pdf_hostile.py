"""PDF that can't be read, or shouldn't: what is refused, and with which words."""

from __future__ import annotations

import io
import subprocess
import sys
import time

import pytest

from services.ingest.readers.base import Limits, Source
from services.ingest.readers.pdf import reader as pdf_reader
from services.ingest.readers.pdf.reader import DOCUMENT_BYTES, PdfReader
from tests.readers import pdf_fuzz
from tests.readers.pdf_builder import Canvas, Document, build
from tests.readers.pdf_samples import DAM, FERRY, SAMPLES
from tests.readers.pdf_support import one_column, read, refusal, text_of

# --- Refusals -----------------------------------------------------------------------------


def test_a_scanned_page_is_refused_saying_that_there_is_no_ocr() -> None:
    canvas = Canvas().raw(b"q 500 0 0 700 40 70 cm /Im1 Do Q")
    found = refusal(build(Document([canvas])))
    assert "no text layer" in found.reason
    assert "OCR" in found.advice


def test_a_scanned_page_among_others_is_said() -> None:
    scan = Canvas().raw(b"q 500 0 0 700 40 70 cm /Im1 Do Q")
    text = Canvas()
    text.block(72, 700, DAM[0])
    found = read(build(Document([text, scan])))
    assert text_of(found) == DAM[0]
    assert "no text layer on pages 2 of 2: OCR isn't done" in found.info.warnings


def test_a_password_is_asked_for_by_refusing() -> None:
    text = Canvas()
    text.block(72, 700, DAM[0])
    assert "encrypted with a password" in refusal(build(Document([text], password="x"))).reason  # noqa: S106


@pytest.mark.parametrize("data", [b"%PDF-1.4\n", b"%PDF-1.4\nnothing of the kind\n%%EOF"])
def test_what_only_starts_as_a_pdf_is_refused(data: bytes) -> None:
    assert "too damaged" in refusal(data).reason


def test_what_is_no_pdf_is_refused() -> None:
    assert "no PDF" in refusal(b"# Ferry sails").reason
    assert "empty" in refusal(b"").reason


def test_a_lost_index_is_found_again() -> None:
    data = SAMPLES["press_release_with_metadata.pdf"]()
    assert read(data.replace(b"startxref\n", b"startxref\n9")).body == FERRY
    assert read(data.replace(b"xref\n0", b"xrxf\n0")).body == FERRY
    assert read(b"%PDF-1.4\n" + data).body == FERRY
    assert "too damaged" in refusal(data[: data.index(b"xref\n0")]).reason


def test_a_document_above_the_limit_is_refused_with_both_sizes() -> None:
    data = bytes(DOCUMENT_BYTES + 1)
    found = refusal(data)
    assert str(DOCUMENT_BYTES + 1) in found.reason
    assert str(DOCUMENT_BYTES) in found.reason


def test_more_text_than_an_article_may_have_is_refused_with_both_sizes() -> None:
    found = refusal(one_column(*DAM), Limits(article_bytes=1000))
    assert "1000 bytes" in found.reason
    assert "up to page 1 its text has" in found.reason


def test_more_pages_than_an_article_may_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf_reader, "MAX_PAGES", 3)
    pages = [Canvas().text(72, 700, "A page.") for _ in range(4)]
    assert "has 4 pages; from 1 to 3" in refusal(build(Document(pages))).reason


def test_a_page_fuller_than_any_is_refused() -> None:
    canvas = Canvas()
    for row in range(700):
        canvas.text(10, 800 - row, "abcdefghij " * 40, 1)
    found = refusal(build(Document([canvas], compress=True)))
    assert "page 1 holds" in found.reason
    assert "200000" in found.reason


def test_a_file_that_changes_while_it_is_read_is_come_back_to() -> None:
    data = SAMPLES["press_release_with_metadata.pdf"]()
    with pytest.raises(OSError, match="changed while it was read"):
        list(PdfReader(Limits()).read(Source("x.pdf", len(data) + 1, lambda: io.BytesIO(data))))


def test_a_stream_of_unknown_size_is_read() -> None:
    data = SAMPLES["press_release_with_metadata.pdf"]()
    (found,) = PdfReader(Limits()).read(Source("x.pdf", None, lambda: io.BytesIO(data)))
    assert found.headline == "Ferry sails again to the northern islands"


def test_scripts_and_actions_are_not_run() -> None:
    canvas = Canvas()
    canvas.block(72, 700, DAM[0])
    action = b"/OpenAction << /S /JavaScript /JS (app.alert\\(1\\); while\\(true\\){}) >>"
    assert read(build(Document([canvas], catalog=action))).headline == DAM[0]


@pytest.mark.parametrize(
    "content",
    [
        b"BT /F1 10 Tf 1e38 0 0 1e38 1e38 1e38 Tm (far away) Tj ET",
        b"BT /F1 0 Tf 10 10 Td (no size) Tj ET",
        b"BT /F1 -10 Tf 100 100 Td (upside) Tj ET",
        b"BT /F1 10 Tf 0 0 0 0 100 100 Tm (flat) Tj ET",
        b"q " * 50_000,
        b"[" * 50_000,
        b"BT /F9 10 Tf 10 10 Td (no font) Tj ET",
        b"BT /F1 10 Tf 10 10 Td <00010203> Tj ET",
    ],
    ids=lambda content: repr(content[:32]),
)
def test_hostile_page_contents_give_an_article_or_a_refusal(content: bytes) -> None:
    data = build(Document([Canvas().raw(content)]))
    assert pdf_fuzz.read(data)


def test_a_long_document_is_read_in_seconds() -> None:
    """200 pages in two columns: about a second; the bound leaves room for a slower machine."""
    pages = []
    for _ in range(200):
        canvas = Canvas()
        for x in (72, 310):
            for row in range(50):
                canvas.text(x, 760 - 14 * row, f"line {row} of a column of words, {x} wide")
        pages.append(canvas)
    data = build(Document(pages))
    started = time.process_time()
    found = read(data)
    assert time.process_time() - started < 15
    assert len(" ".join(found.body)) > 500_000


# --- Fuzz -----------------------------------------------------------------------------------


def test_damaged_documents_give_articles_or_refusals_and_never_end_the_process() -> None:
    """In a process of its own: pdfium is C++, and a crash would take the tests with it."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.readers.pdf_fuzz", "0", "1500"],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    last = done.stdout.splitlines()[-1] if done.stdout else "nothing was read"
    assert done.returncode == 0, f"input {last}: {done.stderr[-2000:]}"
    articles = int(last.removeprefix("articles: "))
    assert 300 < articles < 1500  # some were damaged beyond reading, and some not
