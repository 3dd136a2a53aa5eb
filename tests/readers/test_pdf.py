"""PDF: order of reading, paragraphs, what the document says of itself, and what is refused."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest

from services.ingest.readers.base import Limits, ReadArticle, Source, Unreadable
from services.ingest.readers.pdf import reader as pdf_reader
from services.ingest.readers.pdf.reader import DOCUMENT_BYTES, PdfReader
from services.ingest.readers.registry import reader_for
from tests.readers import pdf_fuzz
from tests.readers.contract import assert_record
from tests.readers.pdf_builder import Canvas, Document, build
from tests.readers.pdf_samples import DAM, FERRY, FOLDER, SAMPLES
from tests.readers.support import source


def read(data: bytes, limits: Limits | None = None) -> ReadArticle:
    (found,) = PdfReader(limits or Limits()).read(source(data, "x.pdf"))
    assert isinstance(found, ReadArticle)
    assert_record(found)
    return found


def page(*lines: tuple[float, float, str]) -> bytes:
    canvas = Canvas()
    for x, y, text in lines:
        canvas.text(x, y, text)
    return build(Document([canvas]))


def one_column(*paragraphs: str, **fields: str) -> bytes:
    canvas = Canvas()
    y = 760.0
    for paragraph in paragraphs:
        y = canvas.block(72, y, paragraph) - 8
    return build(Document([canvas], fields))


def text_of(found: ReadArticle) -> str:
    """All of the text: of a single paragraph it can't be told whether it is a headline."""
    return " ".join(filter(None, (found.headline, *found.body)))


def refusal(data: bytes, limits: Limits | None = None) -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        read(data, limits)
    return caught.value


# --- Samples ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLES)
def test_the_files_are_what_the_builder_makes(name: str) -> None:
    assert (FOLDER / name).read_bytes() == SAMPLES[name]()


@pytest.mark.parametrize("name", SAMPLES)
def test_every_sample_is_claimed_by_its_content(name: str) -> None:
    assert reader_for((FOLDER / name).read_bytes()[:8192], "story.txt", Limits()).name == "pdf"


def test_a_press_release_fills_every_field_that_pdf_has() -> None:
    found = read(SAMPLES["press_release_with_metadata.pdf"]())
    assert found.headline == "Ferry sails again to the northern islands"
    assert found.body == FERRY
    assert found.authors == ("Ines Varga", "Tom van der Berg")
    assert found.byline == "By Ines Varga and Tom van der Berg"
    assert found.published_at == datetime(2024, 3, 4, 8, 15, tzinfo=UTC)
    assert found.language == "en-GB"
    assert found.keywords == ("ferry", "northern islands", "shipping")
    assert found.info.format == "application/pdf 1.4"
    assert [(entry.kind, entry.text) for entry in found.set_apart] == [
        ("breadcrumb", "PRESS RELEASE"),
        ("byline", "By Ines Varga and Tom van der Berg"),
        ("copyright", "© 2024 The Valley Courier. All rights reserved."),
    ]


def test_columns_are_read_one_after_the_other_over_the_pages() -> None:
    found = read(SAMPLES["two_columns_two_pages_running_heads.pdf"]())
    assert found.headline == (
        "Sluices open after nineteen years as the lake behind the Orrin dam rises"
    )
    assert found.body == DAM  # hyphens, ligatures, indents and the turn of the page undone
    apart = [entry.text for entry in found.set_apart]
    assert apart[0] == "THE VALLEY COURIER"
    assert apart.count("- 1 -") == apart.count("- 2 -") == 1
    assert found.authors == ()
    assert any("a program made it" in note for note in found.info.warnings)
    assert any("no person's name" in note for note in found.info.warnings)


def test_a_page_on_its_side_is_read_upright_and_a_stamp_across_is_set_apart() -> None:
    found = read(SAMPLES["landscape_without_metadata.pdf"]())
    assert found.headline == "Harbour counts its ships"
    assert found.body == (FERRY[0], "January | 14", "February | 9", "March | 31")
    assert [entry.text for entry in found.set_apart] == ["PROOF"]


def test_encryption_without_a_password_is_read_and_said() -> None:
    found = read(SAMPLES["encrypted_with_empty_password.pdf"]())
    assert found.body == DAM[:2]
    assert "its author asks not to copy text from it" in found.info.warnings


# --- Paragraphs and words ------------------------------------------------------------------


@pytest.mark.parametrize("turn", ["1 0 0 1", "0 1 -1 0", "-1 0 0 -1", "0 -1 1 0"])
def test_text_reads_the_same_whichever_way_it_is_turned(turn: str) -> None:
    canvas = Canvas()
    a, b, c, d = (int(number) for number in turn.split())
    for row, line in enumerate(("One line is here", "and one below it.")):
        # A step of a line down, in the turned frame, from the middle of the page.
        canvas.turned(300 - c * row * 12, 400 - d * row * 12, line, f"{a} {b} {c} {d}")
    assert text_of(read(build(Document([canvas])))) == "One line is here and one below it."


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["The ferry is bro-", "ken again today."], "The ferry is broken again today."),
        (
            ["The north-west wind and north-", "west rain."],
            "The north-west wind and north-west rain.",
        ),
        (["The Anglo-", "Saxon treaty."], "The Anglo-Saxon treaty."),
        (["Numbers 14-", "15 are here."], "Numbers 14-15 are here."),
        (["A dash - ", "and more."], "A dash - and more."),
        (["The \ufb01rst \ufb02ood of"], "The first flood of"),
    ],
)
def test_words_parted_at_line_ends_are_whole_again(lines: list[str], text: str) -> None:
    canvas = Canvas()
    canvas.lines(72, 700, lines)
    assert text_of(read(build(Document([canvas])))) == text


def test_an_indent_or_a_gap_starts_a_paragraph_and_a_short_line_ends_one() -> None:
    canvas = Canvas()
    first = "One is a long line of words that fills the column to its right edge, nearly."
    canvas.lines(72, 700, [first, "It ends here.", first, "It goes on."])
    canvas.lines(72, 700 - 48, [first], indent=12)
    canvas.lines(72, 700 - 84, [first])
    found = read(build(Document([canvas])))
    assert found.body == (f"{first} It ends here.", f"{first} It goes on.", first, first)


def test_a_headline_over_both_columns_parts_what_is_above_and_below() -> None:
    canvas = Canvas()
    for x, column in ((72, "left"), (320, "right")):
        for row in range(6):
            canvas.text(x, 760 - 12 * row, f"upper {column} column line {row},")
            canvas.text(x, 640 - 12 * row, f"lower {column} column line {row},")
    canvas.text(72, 665, "A headline that goes across both of the columns of it all", 16)
    text = " ".join(read(build(Document([canvas]))).body)
    order = [
        text.index(part) for part in ("upper left", "upper right", "lower left", "lower right")
    ]
    assert order == sorted(order)


def test_writing_from_right_to_left_is_read_from_the_right_column_on() -> None:
    right, left = ("abc defg hijk lmno", "tuvw xyza bcde fg"), ("abcd efghi jklm", "rstu vwxy zabc")
    canvas = Canvas()
    for x, lines in ((320, right), (72, left)):
        # On the page the first letter of a line is its rightmost one.
        canvas.lines(x, 700, [line[::-1] for line in lines])
    hebrew = str.maketrans({chr(ord("a") + n): chr(0x5D0 + n) for n in range(26)})
    found = text_of(read(build(Document([canvas], hebrew=True))))
    assert found == " ".join((*right, *left)).translate(hebrew)


def test_a_table_is_read_across() -> None:
    rows = [("Harl", "412 cm", "fell"), ("Senn", "377 cm", "rose"), ("Kest", "290 cm", "fell")]
    lines = [(x, 700 - 14.0 * n, cell) for n, row in enumerate(rows)
             for x, cell in zip((72, 200, 330), row, strict=True)]  # fmt: skip
    assert text_of(read(page(*lines))) == " ".join(" | ".join(row) for row in rows)


def test_running_heads_with_other_numbers_on_each_page_are_no_text() -> None:
    pages = []
    for number in range(1, 5):
        canvas = Canvas()
        canvas.text(72, 800, f"Annual report 2023, chapter {number}")
        canvas.block(72, 700, DAM[number])
        canvas.text(290, 30, str(number))
        pages.append(canvas)
    found = read(build(Document(pages)))
    assert found.body == DAM[1:5]
    assert len(found.set_apart) == 8


def test_a_line_at_the_top_that_stands_once_is_text() -> None:
    first, second = Canvas(), Canvas()
    first.block(72, 800, DAM[0])
    second.block(72, 800, DAM[1])
    assert read(build(Document([first, second]))).body == DAM[:2]


# --- What the document says of itself --------------------------------------------------------


@pytest.mark.parametrize(
    "title",
    ["Microsoft Word - report.doc", "untitled", "courier_12.indd", "Document1", "Slide 1", "2024"],
)
def test_a_title_that_a_program_made_is_no_headline(title: str) -> None:
    found = read(one_column(*DAM[:2], Title=title))
    assert found.headline is None
    assert any("a program made it" in note for note in found.info.warnings)


def test_a_title_that_is_not_shown_is_the_headline_where_nothing_is_larger() -> None:
    found = read(one_column(*DAM[:2], Title="Dam opens its sluices"))
    assert found.headline == "Dam opens its sluices"
    assert found.body == DAM[:2]


def test_what_is_set_larger_goes_before_a_title_that_is_not_shown() -> None:
    canvas = Canvas()
    canvas.text(72, 780, "Sluices open after nineteen years", 22)
    canvas.block(72, 740, DAM[0])
    found = read(build(Document([canvas], {"Title": "Template of the valley board"})))
    assert found.headline == "Sluices open after nineteen years"


def test_without_larger_text_and_title_no_headline_is_made_up() -> None:
    assert read(one_column(*DAM[:3])).headline is None


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("D:20240304091500+01'00'", datetime(2024, 3, 4, 8, 15, tzinfo=UTC)),
        ("D:20240304091500-0330", datetime(2024, 3, 4, 12, 45, tzinfo=UTC)),
        ("D:20240304091500Z00'00'", datetime(2024, 3, 4, 9, 15, tzinfo=UTC)),
        ("20240304091500Z", datetime(2024, 3, 4, 9, 15, tzinfo=UTC)),
        ("D:202403040915+01", datetime(2024, 3, 4, 8, 15, tzinfo=UTC)),
        ("D:20240304091500", None),
        ("D:20240304", None),
        ("D:20241344091500Z", None),
        ("D:00010101000000+14'00'", None),
        ("D:20240304091500+99'99'", None),
        ("4 March 2024", None),
    ],
)
def test_the_creation_date_counts_only_with_a_zone(given: str, moment: datetime | None) -> None:
    found = read(one_column(*DAM[:2], CreationDate=given))
    assert found.published_at == moment
    assert any("time" in note for note in found.info.warnings)


def test_a_time_in_the_text_goes_before_the_document_s() -> None:
    canvas = Canvas()
    canvas.text(72, 780, "Dam opens its sluices", 20)
    canvas.text(72, 755, "Published: 5 March 2024 18:00 GMT")
    canvas.block(72, 730, DAM[0])
    found = read(build(Document([canvas], {"CreationDate": "D:20240306091500Z"})))
    assert found.published_at == datetime(2024, 3, 5, 18, 0, tzinfo=UTC)


def test_metadata_in_other_letters_is_read() -> None:
    found = read(one_column(*DAM[:2], Title="Fähre fährt – дамба"))
    assert found.headline == "Fähre fährt – дамба"


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
