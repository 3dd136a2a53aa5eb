"""What the tests of web pages share: the samples, pages made in memory, and reading them."""

from __future__ import annotations

from pathlib import Path

from services.ingest.readers.base import BadRecord, Limits, ReadArticle
from services.ingest.readers.html_page import read_page

SAMPLES = Path(__file__).parent / "samples" / "html"
FETCHED = "https://valleycourier.example/news/story-4711"

PARAGRAPHS = (
    ("The last tram of the old line left the depot at four in the morning, with eleven people on"
    " it and a brass band that had promised to keep its voice down and did not."),
    ("Its driver, Agnes Molloy, had taken the first one out in 1979 and said that the brakes had"
    " always pulled to the left, which the city's engineers denied until yesterday."),
    ("From Monday buses will run instead. They take nine minutes longer, since the bridge at"
    " Corn Street was never built for anything that cannot be steered on rails."),
)  # fmt: skip
BODY = "".join(f"<p>{text}</p>" for text in PARAGRAPHS)


def attempt(
    data: str | bytes,
    *,
    url: str | None = None,
    charset: str | None = None,
    limits: Limits | None = None,
) -> ReadArticle | BadRecord:
    """What reading gives, whichever it is."""
    encoded = data.encode() if isinstance(data, str) else data
    return read_page(
        encoded,
        url=url,
        charset=charset,
        position=1,
        locator="",
        limits=limits or Limits(),
    )


def read(data: str | bytes, *, url: str | None = None, charset: str | None = None) -> ReadArticle:
    """The article of a page that has one."""
    found = attempt(data, url=url, charset=charset)
    assert isinstance(found, ReadArticle), found
    return found


def refused(data: str | bytes) -> BadRecord:
    """The refusal of a page that is no article."""
    found = attempt(data)
    assert isinstance(found, BadRecord), found
    assert found.advice.endswith(".")
    return found


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def page(head: str = "", body: str = BODY, title: str = "The last tram") -> str:
    """A page with these contents; ``body`` is the article's."""
    return (
        f"<!DOCTYPE html><html><head><meta charset=utf-8><title>{title}</title>{head}</head>"
        f"<body><article>{body}</article></body></html>"
    )


def with_ld(json_text: str, body: str = BODY, title: str = "The last tram") -> str:
    """A page with one script of JSON-LD."""
    script = f'<script type="application/ld+json">{json_text}</script>'
    return page(script, body, title)
