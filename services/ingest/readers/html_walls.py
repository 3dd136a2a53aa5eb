"""Pages that are no article, told by what they show: walls, errors, lists, nothing.

A wall stands in place of the article and is short.  A page whose article is declared
(JSON-LD) or whose text is longer than a wall's is never taken for one: a cookie banner over an
article, a captcha in its comment form and an article about error pages are all common.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from lxml import etree

from services.ingest.readers import html_phrases as phrases
from services.ingest.readers.fragments import texts_of
from services.ingest.readers.lines import clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml.html import HtmlElement

    from services.ingest.readers.html_head import Head
    from services.ingest.readers.html_ld import LinkedData

MAX_WALL: Final = 3500
"""Characters of text on a page that is a wall: consent texts are the longest, about 3,000."""

PROSE_PARAGRAPH: Final = 150
MUCH_PROSE: Final = 600
"""Characters in paragraphs of prose that don't speak of the wall: an article is there."""

FEW_BLOCKS: Final = 12
"""Paragraphs, buttons and links of an error page with its frame."""

MIN_LINKED_HEADLINES: Final = 8
"""Headings that are links: an article's box of related ones has six at most."""

MIN_LINKS: Final = 20
"""Links below which a page isn't looked at as a list."""

LONG_PARAGRAPH: Final = 200
"""Characters: a paragraph of an article, and more than the usual teaser."""

MOSTLY: Final = 0.5
LIST_SCORE: Final = 3

_COUNTS: Final = {
    name: etree.XPath(f"count({path})")
    for name, path in (
        ("links", "//a[@href]"),
        ("headlines", "//h2//a | //h3//a | //h4//a | //a//h2 | //a//h3 | //a//h4"),
        ("passwords", "//input[@type='password']"),
        ("frames", "//frame | //frameset"),
    )
}
_CHALLENGE: Final = etree.XPath(
    "boolean(//*[@id='cf-challenge-running' or @id='challenge-form' or @id='challenge-running'"
    " or @id='px-captcha' or @id='cf-wrapper' or contains(@class, 'h-captcha')"
    " or contains(@class, 'g-recaptcha') or contains(@class, 'cf-turnstile')]"
    " | //script[contains(@src, '/cdn-cgi/challenge-platform/')"
    " or contains(@src, 'captcha-delivery.com') or contains(@src, '_Incapsula_Resource')])"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a page is no article, and what to do."""

    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class _Wall:
    """A kind of page that stands in place of an article."""

    what: str
    advice: str
    title: re.Pattern[str]
    phrase: re.Pattern[str]
    needs_password: bool = False


_AS_SHOWN: Final = "Open it in a browser, save what it then shows, and drop that."
_WALLS: Final = (
    _Wall(
        "a check for robots, not an article",
        "Fetch the page again from a browser, or ask the site for access.",
        phrases.ROBOT_TITLE,
        phrases.ROBOT_PHRASE,
    ),
    _Wall(
        "a request for consent, not an article",
        "Accept or refuse the cookies in a browser, save the article itself, and drop that.",
        phrases.CONSENT_TITLE,
        phrases.CONSENT_PHRASE,
    ),
    _Wall(
        "an error page, not an article",
        "Look for the article's present address, and drop the page from there.",
        phrases.ERROR_TITLE,
        phrases.ERROR_PHRASE,
    ),
    _Wall(
        "a page to log in, not an article",
        "Log in with a browser, save the article itself, and drop that.",
        phrases.LOGIN_TITLE,
        phrases.LOGIN_PHRASE,
        needs_password=True,
    ),
)
_REFRESH: Final = re.compile(
    r"\s*\d+(?:\.\d+)?\s*[;,]\s*(?:url\s*=\s*)?['\"]?([^'\"]{1,300})", re.IGNORECASE
)


def refusal_of(
    root: HtmlElement, head: Head, data: LinkedData, body: Sequence[str], url: str | None
) -> Refusal | None:
    """Why the page is no article; None where it is one."""
    if data.article:
        return None
    size = sum(map(len, body))
    if size < MAX_WALL and (found := _wall(root, head, body)):
        return found
    if not body:
        return _empty(root, head)
    return _list(root, head, data, body, url)


def _wall(root: HtmlElement, head: Head, body: Sequence[str]) -> Refusal | None:
    shown = texts_of(root)
    if sum(map(len, shown)) > MAX_WALL:
        # There is more on the page than a wall and its frame.
        shown = tuple(body)
    titles = [*head.headings[:2], head.title]
    for wall in _WALLS:
        evidence = None if _has_prose(wall, body) else _evidence(wall, titles, shown)
        if evidence and (not wall.needs_password or _count(root, "passwords")):
            return Refusal(f"{wall.what}: '{evidence[:80]}'", wall.advice)
    if not body and _CHALLENGE(root):
        return Refusal("a check for robots, not an article: a captcha's script", _WALLS[0].advice)
    return None


def _has_prose(wall: _Wall, body: Sequence[str]) -> bool:
    long = (text for text in body if len(text) >= PROSE_PARAGRAPH)
    return sum(len(text) for text in long if not wall.phrase.search(text)) >= MUCH_PROSE


def _evidence(wall: _Wall, titles: Sequence[str], shown: Sequence[str]) -> str | None:
    title = next((text for text in titles if wall.title.search(text)), None)
    said = [text for text in shown if wall.phrase.search(text)]
    if title is not None and (said or len(shown) <= FEW_BLOCKS):
        return title
    # Without its title a wall shows itself by most of what it says.
    told = sum(map(len, said))
    return said[0] if said and told > MOSTLY * sum(map(len, shown)) else None


def _count(root: HtmlElement, name: str) -> int:
    return int(float(str(_COUNTS[name](root))))


def _empty(root: HtmlElement, head: Head) -> Refusal:
    target = next((m[1] for text in head.all("refresh") if (m := _REFRESH.match(text))), None)
    if target:
        return Refusal(
            f"no article: the page only leads on to {clean(target)[:120]}",
            "Drop the page that it leads to.",
        )
    if _count(root, "frames"):
        return Refusal(
            "no article: a frameset, whose text is in other files", "Drop the frame's own file."
        )
    if next(root.iter("script"), None) is not None:
        return Refusal("no text in the page: a script would have to make it", _AS_SHOWN)
    return Refusal("there is no text in the page", _AS_SHOWN)


def _list(
    root: HtmlElement, head: Head, data: LinkedData, body: Sequence[str], url: str | None
) -> Refusal | None:
    links = _count(root, "links")
    if links < MIN_LINKS or head.first("og:type") == "article":
        return None
    headlines = _count(root, "headlines")
    share = _link_share(root)
    score = sum((
        2 * data.is_list,
        head.first("og:type") == "website",
        headlines >= MIN_LINKED_HEADLINES,
        share > MOSTLY,
        sum(len(text) >= LONG_PARAGRAPH for text in body) < LIST_SCORE,
        _is_front(url),
        -2 * any(head.all("article:published_time", "author", "article:author")),
    ))  # fmt: skip
    if score < LIST_SCORE:
        return None
    return Refusal(
        f"a list of articles, not one: {links} links, {headlines} of them headlines, "
        f"{share:.0%} of the text",
        "Drop the articles' own pages.",
    )


def _link_share(root: HtmlElement) -> float:
    linked = sum(len(clean("".join(link.itertext()))) for link in root.iter("a"))
    return min(1.0, linked / max(1, sum(map(len, texts_of(root)))))


def _is_front(url: str | None) -> bool:
    """Whether the address is a site's or a section's: no number, no title in it."""
    path = urlsplit(url).path.strip("/") if url else None
    return path is not None and not re.search(r"\d|-.*-|\.", path) and path.count("/") <= 1
