"""Every other reader against the bare library that it stands on, on the same bytes: ``make bench``.

Pages and feeds have benches of their own.  The bare library only parses, or unpacks: what we make
of it (text in paragraphs, times, subjects, warnings) is in our figure and not in its.
"""

from __future__ import annotations

import email
import email.policy
import gzip
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import orjson
import pypdfium2
import pytest
from lxml import etree
from markdown_it import MarkdownIt

from services.ingest.readers.base import Limits, ReadArticle, Source
from services.ingest.readers.registry import read_file
from services.ingest.sandbox import Progress, Sandbox
from tests.bench.measure import headline, paragraphs, ratio, record, seconds_of, taking_turns, tell

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLES = Path(__file__).parents[1] / "readers" / "samples"
ROUNDS = 5
"""An odd number, so that the median is a round that was."""

STORIES = 300
"""Articles of a made file: about a megabyte, some tenths of a second for us."""

WORDS = 400


@dataclass(frozen=True, slots=True)
class Case:
    """A file (``data``, read ``copies`` times a round) and what reads it without us."""

    name: str
    data: bytes
    bare: Callable[[bytes], object]
    library: str
    copies: int = 1


def sample(path: str) -> bytes:
    return (SAMPLES / path).read_bytes()


def lines() -> bytes:
    """JSON lines, an article in each."""
    return b"\n".join(
        orjson.dumps(
            {
                "title": headline(number),
                "text": "\n\n".join(paragraphs(number, WORDS)),
                "url": f"https://news.example/{number}",
                "published_at": "2026-11-20T10:00:00Z",
                "language": "en",
                "author": "Ana Petrova",
            }
        )
        for number in range(STORIES)
    )


def array() -> bytes:
    return b"[" + b",\n".join(lines().split(b"\n")) + b"]"


def g2_message() -> bytes:
    item = sample("newsml_g2/newsitem_2.34_ferry_xhtml_every_field.xml").decode()
    item = item[item.index("<newsItem") :]
    items = "".join(item.replace("guid=", f'a:n="{number}" guid=') for number in range(STORIES))
    head = '<newsMessage xmlns="http://iptc.org/std/nar/2006-10-01/" xmlns:a="urn:bench">'
    return f"{head}<itemSet>{items}</itemSet></newsMessage>".encode()


def letters() -> bytes:
    """An mbox of plain mails."""
    return "".join(
        f"From desk@news.example Fri Nov 20 10:00:00 2026\nFrom: Desk <desk@news.example>\n"
        f"Subject: {headline(n)}\nDate: Fri, 20 Nov 2026 10:00:00 +0000\n"
        f"Message-ID: <{n}@news.example>\nContent-Type: text/plain; charset=utf-8\n\n"
        + "\n\n".join(paragraphs(n, WORDS))
        + "\n\n"
        for n in range(STORIES)
    ).encode()


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lines.jsonl", lines())
    return packed.getvalue()


def tarred() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("lines.jsonl")
        member.size = len(lines())
        archive.addfile(member, io.BytesIO(lines()))
    return packed.getvalue()


def loads_lines(data: bytes) -> object:
    return [orjson.loads(line) for line in data.split(b"\n")]


def open_zip(data: bytes) -> object:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [loads_lines(archive.read(name)) for name in archive.namelist()]


def open_tar(data: bytes) -> object:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [loads_lines(found.read()) for m in archive if (found := archive.extractfile(m))]


def pdf_text(data: bytes) -> object:
    document = pypdfium2.PdfDocument(data)
    texts = [page.get_textpage().get_text_bounded() for page in document]
    document.close()
    return texts


def open_mbox(data: bytes) -> object:
    parse = email.message_from_bytes
    parts = data.split(b"\n\nFrom desk@")
    found = [parse(part.partition(b"\n")[2], policy=email.policy.default) for part in parts]
    return [message.get_body().get_content() for message in found if message.get_body()]  # type: ignore[union-attr]


def open_mail(data: bytes) -> object:
    message = email.message_from_bytes(data, policy=email.policy.default)
    return [part.get_content() for part in message.walk() if not part.is_multipart()]


def cases() -> list[Case]:
    ferry = sample("nitf/nitf_3.6_ferry_every_field.xml")
    newsml = sample("newsml_1/newsml_1.2_ferry_nitf_and_photos_every_field.xml")
    two_columns = sample("pdf/two_columns_two_pages_running_heads.pdf")
    letter = sample("mail/newsletter_html_with_plain_alternative.eml")
    text = f"{headline(1)}\n\n" + "\n\n".join(paragraphs(1, WORDS))
    markdown = f"# {text}".encode()
    return [
        Case("JSON lines", lines(), loads_lines, "orjson"),
        Case("JSON array", array(), orjson.loads, "orjson"),
        Case("JSON lines, gzip", gzip.compress(lines()), _loads_gzip, "gzip, orjson"),
        Case("JSON lines, zip", zipped(), open_zip, "zipfile, orjson"),
        Case("JSON lines, tar", tarred(), open_tar, "tarfile, orjson"),
        Case("ninjs", sample("ninjs/3.1_story_every_field.json"), json.loads, "json", 100),
        Case("NewsML-G2", g2_message(), etree.fromstring, "lxml"),
        Case("NewsML 1", newsml, etree.fromstring, "lxml", 100),
        Case("NITF", ferry, etree.fromstring, "lxml", 100),
        Case("mail", letter, open_mail, "email", 50),
        Case("mbox", letters(), open_mbox, "email"),
        Case("PDF", two_columns, pdf_text, "pypdfium2", 20),
        Case("Markdown", markdown, _render, "markdown-it", 50),
        Case("text", text.encode(), bytes.decode, "bytes.decode", 100),
    ]


def _loads_gzip(data: bytes) -> object:
    return loads_lines(gzip.decompress(data))


def _render(data: bytes) -> object:
    return MarkdownIt().render(data.decode())


def ours(data: bytes) -> list[ReadArticle]:
    records = read_file(Source("file", len(data), lambda: io.BytesIO(data)), Limits())
    return [each for each in records if isinstance(each, ReadArticle)]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_reading(case: Case) -> None:
    rivals = {"ours": ours, "bare": case.bare}
    for read in rivals.values():
        read(case.data)  # what is loaded at the first use isn't measured
    figures = taking_turns(
        {
            name: lambda _number, read=read: seconds_of(  # type: ignore[misc]  # a default binds the loop's name
                lambda: [read(case.data) for _ in range(case.copies)]
            )
            for name, read in rivals.items()
        },
        ROUNDS,
    )
    best = min(figures["ours"])
    count = case.copies * len(ours(case.data))
    shown = {
        "ours_to_bare": ratio(figures["ours"], figures["bare"]),
        "library": case.library,
        "mb_per_s": case.copies * len(case.data) / best / 1e6,
        "articles_per_s": count / best,
    }
    record(f"readers {case.name}", shown)
    tell(case.name, [f"{name}: {value}" for name, value in shown.items()])
    assert count


def open_never() -> BinaryIO:
    raise AssertionError("the reading process opens the file by its descriptor")


def test_crossing_from_the_reading_process(tmp_path: Path) -> None:
    """What the sandbox costs: the same file read in this process and in the other one."""
    path = tmp_path / "lines.jsonl"
    path.write_bytes(lines() + b"\n" + lines())
    sandbox = Sandbox(timeout=60, memory_bytes=768 * 1024 * 1024, processes=2)

    def apart(_number: int) -> float:
        with path.open("rb") as stream:
            source = Source("a", None, open_never, descriptor=stream.fileno())
            return seconds_of(
                lambda: [r for r in sandbox.read(source, Limits()) if not isinstance(r, Progress)]
            )

    try:
        apart(0)
        data = path.read_bytes()
        figures = taking_turns(
            {"sandbox": apart, "here": lambda _number: seconds_of(lambda: ours(data))}, ROUNDS
        )
    finally:
        sandbox.close()
    shown = {
        "sandbox_to_here": ratio(figures["sandbox"], figures["here"]),
        "articles_per_s": 2 * STORIES / min(figures["sandbox"]),
    }
    record("readers sandbox", shown)
    tell("The reading process", [f"{name}: {value:.3g}" for name, value in shown.items()])
