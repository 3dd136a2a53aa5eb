"""What reading a page costs us above trafilatura alone, on the same pages: ``make bench``.

The rival is ``bare_extraction(..., with_metadata=True)`` as its documentation calls it: from
bytes to body, title, authors and date.  It parses, and so do we, each once a page.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trafilatura import bare_extraction

from services.ingest.readers.base import Limits, ReadArticle
from services.ingest.readers.html_page import read_page
from tests.bench.measure import headline, paragraphs, ratio, record, seconds_of, taking_turns, tell

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 7
"""An odd number, so that the median is a round that was."""

COPIES = 3
"""Times that each page is read in a round: half a second or more, well above the clock."""

WORDS = (300, 600, 1200)
"""Words of the articles made for the purpose: short, usual, long."""

MENU_LINKS = 150
TEASERS = 40
COMMENTS = 20
SCRIPT_CHARS = 60_000
"""What stands around an article on a usual news page: some 100 kB, most of it scripts."""

SAMPLES = Path(__file__).parents[1] / "readers" / "samples" / "html"
FRAME = (SAMPLES / "news_json_ld.html").read_text(encoding="utf-8")
"""A page with all that surrounds an article: its paragraphs are replaced."""

LIMITS = Limits()


def pages() -> list[bytes]:
    """Our own sample articles, and whole pages with articles of several lengths."""
    own = [path.read_bytes() for path in sorted(SAMPLES.iterdir()) if _is_article(path)]
    made = [whole_page(number, words) for words in WORDS for number in range(4)]
    return [*own, *(page.encode() for page in made)]


def whole_page(number: int, words: int) -> str:
    """The sample page with another article in it, and as much around it as usual pages have."""
    before, _, rest = FRAME.partition('<div class="article-body">')
    _, _, after = rest.partition('<div class="newsletter-signup">')
    before = before.replace("Tidal barrier at Skarholm passes its first winter", headline(number))
    menu = "".join(f'<li><a href="/s/{n}">Section {n}</a></li>' for n in range(MENU_LINKS))
    script = (
        f"<script>var state={{{','.join(f'a{n}:{n}' for n in range(SCRIPT_CHARS // 10))}}}</script>"
    )
    teasers = "".join(
        f'<div class="teaser"><h3><a href="/n/{n}">{headline(n)}</a></h3>'
        f'<img src="/t/{n}.jpg" alt=""><p>{paragraphs(n, 20)[0][:120]}</p></div>'
        for n in range(TEASERS)
    )
    comments = "".join(
        f'<div class="comment"><b>Reader {n}</b><p>{paragraphs(n + 900, 20)[0]}</p></div>'
        for n in range(COMMENTS)
    )
    body = "".join(f"<p>{text}</p>" for text in paragraphs(number, words))
    return (
        before.replace("<nav><ul>", f"<nav><ul>{menu}").replace("</head>", f"{script}</head>")
        + f'<div class="article-body">{body}<div class="newsletter-signup">'
        + after.replace("</main>", f'<div class="teasers">{teasers}</div></main>').replace(
            '<div class="comment">', f'{comments}<div class="comment">', 1
        )
    )


def _is_article(path: Path) -> bool:
    return isinstance(_ours(path.read_bytes()), ReadArticle)


def _ours(data: bytes) -> object:
    return read_page(data, url=None, charset=None, position=1, locator="", limits=LIMITS)


def _fast(data: bytes) -> object:
    return bare_extraction(data, with_metadata=True, fast=True, include_comments=False)


def _default(data: bytes) -> object:
    return bare_extraction(data, with_metadata=True)


def timed(read: Callable[[bytes], object], given: list[bytes]) -> float:
    """Seconds for all of ``given``, :data:`COPIES` times."""
    return seconds_of(lambda: [read(page) for _ in range(COPIES) for page in given])


def test_reading_pages() -> None:
    given = pages()
    rivals = {"ours": _ours, "trafilatura fast": _fast, "trafilatura default": _default}
    for read in rivals.values():
        timed(read, given[:2])  # what is loaded at the first use isn't measured
    figures = taking_turns(
        {name: lambda _number, read=read: timed(read, given) for name, read in rivals.items()},  # type: ignore[misc]  # a default binds the loop's name
        ROUNDS,
    )
    size = COPIES * sum(map(len, given)) / 1e6
    count = COPIES * len(given)
    over = {
        name: ratio(figures["ours"], seconds) for name, seconds in figures.items() if name != "ours"
    }
    speeds = {
        name: {"pages_per_s": count / min(seconds), "mb_per_s": size / min(seconds)}
        for name, seconds in figures.items()
    }
    record("readers_html", {"pages": len(given), "ours_to": over, "best_round": speeds})
    tell(
        f"Reading {len(given)} pages, median of {ROUNDS} rounds",
        [
            *(f"ours to {name}: {value:.2f}" for name, value in over.items()),
            *(
                f"{name}: {s['pages_per_s']:.0f} pages/s, {s['mb_per_s']:.2f} MB/s"
                for name, s in speeds.items()
            ),
        ],
    )
    assert all(isinstance(_ours(page), ReadArticle) for page in given)
