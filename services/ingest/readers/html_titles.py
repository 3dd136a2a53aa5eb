"""The headline of a page: which of its titles, and without the name of the site."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from services.ingest.readers.lines import same

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.ingest.readers.html_head import Head
    from services.ingest.readers.html_ld import LinkedData

MAX_HEADLINE: Final = 500
"""Characters; as for a heading in Markdown."""

MIN_FUSED: Final = 4
"""Letters of a site's name that may be cut off without anything between: "BBC" ends words."""

_SUFFIX: Final = re.compile(r"\s+(?:[|–—·•»›:-]|::|//|>)\s+")  # noqa: RUF001  (as sites print it)
_CUT: Final = re.compile(r"\s?(?:…|\.\.\.)$")


def choose_title(head: Head, data: LinkedData, provider: str | None) -> str | None:
    """JSON-LD's headline, else OpenGraph's or Twitter's, the ``<h1>``, or the page's title."""
    given = [
        *data.texts("headline"),
        *data.texts("name"),
        *head.all("og:title", "twitter:title", "parsely-title", "sailthru.title", "dc.title"),
        *(head.headings if len(head.headings) == 1 else ()),
        *filter(None, (head.title,)),
        *head.headings[:1],
    ]
    titles = [title for title in given if title and len(title) <= MAX_HEADLINE]
    sites = site_names(head, provider)
    bare = [without_site(title, sites, titles) for title in titles]
    return _whole(bare[0], bare[1:]) if bare else None


def site_names(head: Head, provider: str | None) -> frozenset[str]:
    """What the site calls itself, as :func:`~services.ingest.readers.lines.same` writes it."""
    hosts = (urlsplit(url).hostname for url in _addresses(head))
    given = (
        provider,
        *head.all("og:site_name", "application-name", "apple-mobile-web-app-title", "publisher"),
        *(host.removeprefix("www.") for host in hosts if host),
    )
    return frozenset(filter(None, (same(name) for name in given if name)))


def _addresses(head: Head) -> Iterable[str]:
    for url in (*head.links.get("canonical", ()), *head.all("og:url")):
        # The address was written by strangers: "http://[" has no host but an error.
        if re.match(r"https?://[\w.-]+(?:[:/?#]|$)", url):
            yield url


def without_site(title: str, sites: frozenset[str], others: Iterable[str]) -> str:
    """``title`` without the site's name after (or before) it, also one that is fused with it.

    A part goes if it is the site's name; or if what is left is another title of the page.
    """
    known = {same(other) for other in others if other != title}
    parts = _SUFFIX.split(title)
    marks = _SUFFIX.findall(title)
    while len(parts) > 1:
        left = _rejoined(parts[:-1], marks)
        right = _rejoined(parts[1:], marks[1:])
        if same(parts[-1]) in sites or same(left) in known:
            parts, marks = parts[:-1], marks[:-1]
        elif same(parts[0]) in sites or same(right) in known:
            parts, marks = parts[1:], marks[1:]
        else:
            break
    return _unfused(_rejoined(parts, marks), sites, known)


def _rejoined(parts: list[str], marks: list[str]) -> str:
    return "".join(
        part + mark for part, mark in zip(parts, [*marks[: len(parts) - 1], ""], strict=True)
    ).strip()


def _unfused(title: str, sites: frozenset[str], known: set[str]) -> str:
    """``title`` without a site's name that is run into its last word: "sails againExample News"."""
    folded = title.casefold()
    for site in sites:
        cut = len(title) - len(site)
        if len(site) < MIN_FUSED or cut <= 0 or not folded.endswith(site):
            continue
        fused = title[cut].isupper() and not title[cut - 1].isspace()
        if fused or same(title[:cut]) in known:
            return title[:cut].rstrip(" |-–—:·")
    return title


def _whole(title: str, others: Iterable[str]) -> str:
    """``title``, or the title that it is the cut beginning of (search engines want 110 letters)."""
    if not _CUT.search(title):
        return title
    start = same(_CUT.sub("", title))
    return next((o for o in others if len(o) >= len(start) and same(o).startswith(start)), title)
