"""What feeds and web archives cost over the bare libraries, on the same bytes.

* **Feeds**: our reader against ``feedparser.parse`` of the whole feed as it is called by
  default, and with its sanitiser and its resolving of addresses off, as we call it.  We also
  find each entry's bounds, and make paragraphs of its HTML, which feedparser leaves as it is.
* **Web archives**: our reader against warcio's iterator with trafilatura on each page.

All take turns within a round; what is kept are ratios of CPU time.
"""

from __future__ import annotations

import io
import statistics
import time
from html import escape
from typing import TYPE_CHECKING

import feedparser
import trafilatura
from warcio.archiveiterator import ArchiveIterator

from services.ingest.readers.base import Limits, ReadArticle
from services.ingest.readers.feeds import FeedReader
from services.ingest.readers.warc import WarcReader
from tests.bench.measure import headline, paragraphs, ratio, record, taking_turns, tell
from tests.readers.support import source
from tests.readers.warcs import http, packed, page, warcinfo
from tests.readers.warcs import record as warc_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.ingest.readers.base import Reader

ROUNDS = 5
"""Turns of each rival; the median forgives one disturbed turn, even two."""

ENTRIES = 400
"""Of a feed: a day of an agency's, and half a second for each rival."""

PAGES = 100
"""Of a web archive: a second for each rival."""

WORDS = 400
"""Words of an article: the usual length of an agency's."""


def an_item(number: int) -> str:
    """An entry as newsrooms' systems write it: HTML in CDATA, and a summary."""
    texts = paragraphs(number, WORDS)
    content = "".join(f"<p>{escape(text, quote=False)}</p>" for text in texts)
    return (
        f"<item><title>{headline(number)}</title>"
        f"<link>https://courier.example/news/{number}?utm_source=rss</link>"
        f'<guid isPermaLink="false">courier-{number}</guid>'
        "<pubDate>Fri, 20 Nov 2026 10:00:00 +0100</pubDate><dc:creator>Ines Varga</dc:creator>"
        "<category>Harbour</category><category>Storm</category>"
        f"<description>{escape(texts[0][:200])}</description>"
        f"<content:encoded><![CDATA[{content}]]></content:encoded></item>\n"
    )


def a_feed() -> bytes:
    """A feed of :data:`ENTRIES` entries."""
    head = (
        '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>'
        "<title>The Valley Courier</title><link>https://courier.example/</link>"
        "<description>News</description><language>en</language>\n"
    )
    items = "".join(an_item(number) for number in range(ENTRIES))
    return f"{head}{items}</channel></rss>".encode()


def an_archive() -> bytes:
    """A WARC.gz of :data:`PAGES` pages."""
    pages = (
        page(headline(number), *paragraphs(number, WORDS), url=f"https://courier.example/{number}")
        for number in range(PAGES)
    )
    records = (warc_record(http(made.encode()), "https://courier.example/") for made in pages)
    return packed(warcinfo(), *records)


def cpu_seconds_of(work: Callable[[], int], expected: int) -> float:
    """CPU time that ``work`` takes; it must have found ``expected`` articles."""
    started = time.process_time()
    found = work()
    taken = time.process_time() - started
    assert found == expected
    return taken


def ours(reader: Reader, data: bytes) -> int:
    """How many articles our reader finds."""
    return sum(isinstance(found, ReadArticle) for found in reader.read(source(data)))


def bare_feedparser(data: bytes, **options: bool) -> int:
    """How many entries feedparser finds."""
    return len(feedparser.parse(io.BytesIO(data), **options)["entries"])


def bare_warcio(data: bytes) -> int:
    """How many pages warcio and trafilatura get a text from."""
    found = 0
    for item in ArchiveIterator(io.BytesIO(data)):
        if item.rec_type == "response":
            body = item.content_stream().read()
            document = trafilatura.bare_extraction(body, with_metadata=True)
            found += document is not None
    return found


def test_feeds() -> None:
    data = a_feed()
    off = {"sanitize_html": False, "resolve_relative_uris": False}
    figures = taking_turns(
        {
            "wiredesk": lambda _: cpu_seconds_of(lambda: ours(FeedReader(Limits()), data), ENTRIES),
            "feedparser": lambda _: cpu_seconds_of(lambda: bare_feedparser(data), ENTRIES),
            "feedparser, all off": lambda _: cpu_seconds_of(
                lambda: bare_feedparser(data, **off), ENTRIES
            ),
        },
        ROUNDS,
    )
    report("readers_feeds", "RSS", data, ENTRIES, figures)


def test_web_archives() -> None:
    data = an_archive()
    figures = taking_turns(
        {
            "wiredesk": lambda _: cpu_seconds_of(lambda: ours(WarcReader(Limits()), data), PAGES),
            "warcio + trafilatura": lambda _: cpu_seconds_of(lambda: bare_warcio(data), PAGES),
        },
        ROUNDS,
    )
    report("readers_warc", "WARC.gz", data, PAGES, figures)


def report(
    bench: str, what: str, data: bytes, articles: int, figures: dict[str, list[float]]
) -> None:
    """Print and keep what was measured."""
    mine = figures["wiredesk"]
    ratios = {
        f"wiredesk / {name}": ratio(mine, taken)
        for name, taken in figures.items()
        if name != "wiredesk"
    }
    medians = {name: statistics.median(taken) for name, taken in figures.items()}
    megabytes = len(data) / 1e6
    tell(
        f"{what}, {articles} articles in {megabytes:.2f} MB, CPU time",
        [
            *(
                f"{name:22} {megabytes / taken:7.2f} MB/s {articles / taken:7.0f} articles/s"
                for name, taken in medians.items()
            ),
            *(f"{name:34} {value:.2f}" for name, value in ratios.items()),
        ],
    )
    record(
        bench,
        {
            "articles": articles,
            "megabytes": megabytes,
            "megabytes_per_s": {name: megabytes / taken for name, taken in medians.items()},
            "articles_per_s": {name: articles / taken for name, taken in medians.items()},
            "ratios": ratios,
        },
    )
