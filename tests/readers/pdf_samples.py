"""The PDF samples, from texts of our own; ``python -m tests.readers.pdf_samples`` writes them.

Their bytes are checked in, so that what the reader makes of them can be compared over time.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

from tests.readers.pdf_builder import Canvas, Document, build

FOLDER = Path(__file__).parent / "samples" / "pdf"


def _texts(text: str) -> tuple[str, ...]:
    """Paragraphs parted by blank lines, each in one piece."""
    return tuple(" ".join(part.split()) for part in text.split("\n\n"))


FERRY = _texts("""
The ferry to the northern islands will sail again from Monday, the harbour office said, after
engineers replaced the shaft that had broken in the January storm and left three villages without
mail for eleven days.

Captain Ines Varga said the crew had practised the crossing twice. The new shaft was forged in
Tessmark and came by rail, since no truck of the yard could carry its nine tonnes.

The islands' council had asked for a second vessel after the storm. The ministry of transport will
decide on it in April, a spokesman said on Thursday.
""")
DAM = _texts("""
Engineers opened the lower sluices of the Orrin dam on Tuesday evening, the first time in nineteen
years, after the lake had risen two metres in a week of rain.

The water board said that the valley was in no danger. It asked people who live below the bridge at
Kestwick to keep their cars off the river-road until the weekend, and closed two camp sites and the
lower footpath.

Farmers had warned for months that the sluices were rusted shut. Two of the five gates moved only
after divers had freed them, and the fifth stayed closed, said Jonas Adeyemi, who runs the board's
control room.

Upstream the picture is mixed. At Harl the gauge fell by a hand's breadth overnight, while at Senn
it stood where it had been, and the forecast has more rain for Friday.

The dam was finished in 1961 and belongs to the three towns of the valley in equal shares. Its
turbines were taken out of service when the grid was joined to the coast, and since then the lake
has served for drinking water and for little else.

Every new council has put the repair of the gates on its list, and every one has moved it to the
next year's. The last estimate came to four million crowns, of which the province would have paid
one half, and the towns could never agree on the other.

Mirela Osei has kept the boat hire on the west shore for thirty years. She pulled her last hull up
the slipway on Sunday, when the jetty went under, and spent the night in the boathouse with a torch
and a measuring stick.

By dawn the stick was dry. The water had gone back behind the second step, she said, and for the
first time that week she could hear the weir again instead of the siren.

The board will leave the sluices open until the lake is a metre below the crest. That takes five
days if the rain holds off, and the divers will use them to look at the gate that did not move.

On the river-road at Kestwick the barriers went up at noon. The school bus will turn at the chapel
until Friday, and the market moves to the station yard, where it had been in the flood of 1987.
""")


def press_release() -> bytes:
    """One column; title, author, keywords, language and a creation date with its zone."""
    page = Canvas()
    page.text(72, 770, "PRESS RELEASE", 9, "F2")
    page.text(72, 735, "Ferry sails again to the northern islands", 20, "F2")
    page.text(72, 705, "By Ines Varga and Tom van der Berg", 10, "F4")
    y = 680.0
    for paragraph in FERRY:
        y = page.block(72, y, paragraph) - 8
    page.text(72, y - 10, "\xa9 2024 The Valley Courier. All rights reserved.", 8)
    info = {
        "Title": "Ferry sails again to the northern islands",
        "Author": "Ines Varga; Tom van der Berg",
        "Keywords": "ferry, northern islands, shipping",
        "Creator": "Desk 4",
        "CreationDate": "D:20240304091500+01'00'",
    }
    return build(Document([page], info, "en-GB"))


def two_columns() -> bytes:
    """Two pages in two columns: masthead, running heads, page numbers, hyphens, ligatures."""
    columns = [line for paragraph in DAM for line in _set(paragraph)]
    pages = [Canvas() for _ in range(2)]
    for number, page in enumerate(pages, start=1):
        page.text(72, 812, "The Valley Courier", 8)
        page.text(420, 812, "Wednesday, 6 March 2024", 8)
        page.text(290, 30, f"- {number} -", 8)
    pages[0].text(170, 770, "THE VALLEY COURIER", 28, "F3")
    pages[0].text(72, 725, "Sluices open after nineteen years", 24, "F2")
    pages[0].text(72, 697, "as the lake behind the Orrin dam rises", 24, "F2")
    _pour(pages, columns)
    info = {"Title": "Microsoft Word - courier_p1_final.docx", "Author": "layout3"}
    return build(Document(pages, info, "en", version="1.6", compress=True))


def _set(paragraph: str) -> list[tuple[float, str]]:
    """Lines of a narrow column, the first indented; words of a line's end parted by hand."""
    text = paragraph.replace("first", "\ufb01rst")
    lines = textwrap.wrap(text, 44, break_on_hyphens=False)
    for number in range(len(lines) - 1):
        word, _, rest = lines[number + 1].partition(" ")
        if len(word) > 7 and word.isalpha() and len(lines[number]) < 40:
            lines[number] += f" {word[:4]}-"
            lines[number + 1] = f"{word[4:]} {rest}"
    return [(10.0 if number == 0 else 0.0, line) for number, line in enumerate(lines)]


def _pour(pages: list[Canvas], lines: list[tuple[float, str]]) -> None:
    left = iter(lines)
    for number, page in enumerate(pages):
        top = 660 if number == 0 else 770
        for x in (72, 310):
            for row in range((top - 160) // 12):
                indent, line = next(left, (0.0, ""))
                if line:
                    page.text(x + indent, top - row * 12, line)


def without_metadata() -> bytes:
    """A landscape page on its side, nothing said of it, a table and a stamp across."""
    page = Canvas()
    # What is turned clockwise by 90 degrees is written upwards: x and y change places.
    page.turned(60, 60, "Harbour counts its ships", "0 1 -1 0", 22)
    x = 100
    for line in textwrap.wrap(FERRY[0], 100):
        page.turned(x, 60, line, "0 1 -1 0")
        x += 12
    for name, count in (("January", "14"), ("February", "9"), ("March", "31")):
        x += 14
        page.turned(x, 60, name, "0 1 -1 0")
        page.turned(x, 180, count, "0 1 -1 0")
    page.turned(200, 200, "PROOF", "0.7 0.7 -0.7 0.7", 60)
    return build(Document([page], rotate=90, version="1.7"))


def encrypted_with_empty_password() -> bytes:
    """Opens without a password, and forbids copying."""
    page = Canvas()
    page.text(72, 760, "Dam opens its sluices", 18, "F2")
    y = 725.0
    for paragraph in DAM[:2]:
        y = page.block(72, y, paragraph) - 8
    return build(Document([page], password=""))


SAMPLES = {
    "press_release_with_metadata.pdf": press_release,
    "two_columns_two_pages_running_heads.pdf": two_columns,
    "landscape_without_metadata.pdf": without_metadata,
    "encrypted_with_empty_password.pdf": encrypted_with_empty_password,
}


def main() -> None:
    """Write the samples; run after a change here, then look at what the reader makes of them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, make in SAMPLES.items():
        (FOLDER / name).write_bytes(make())


if __name__ == "__main__":
    main()
