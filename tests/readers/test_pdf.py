"""PDF: order of reading, paragraphs, what the document says of itself, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.ingest.readers.base import Limits
from services.ingest.readers.registry import reader_for
from tests.readers.pdf_builder import Canvas, Document, build
from tests.readers.pdf_samples import DAM, FERRY, FOLDER, SAMPLES
from tests.readers.pdf_support import one_column, page, read, text_of

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
