"""What the readers' tests share: sources in memory, and texts of our own writing."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.ingest.readers.base import Limits, ReadArticle, Source
from services.ingest.readers.lines import Line, clean, same, split
from services.ingest.readers.page import Page, analyse
from services.ingest.readers.registry import read_file

if TYPE_CHECKING:
    from collections.abc import Iterable

LIMITS = Limits()


def source(data: bytes, name: str = "story.txt") -> Source:
    return Source(name=name, size=len(data), open=lambda: io.BytesIO(data))


def read(text: str | bytes, name: str = "story.txt") -> ReadArticle:
    """The one article of a file with this content."""
    data = text.encode() if isinstance(text, str) else text
    (article,) = read_file(source(data, name), LIMITS)
    assert isinstance(article, ReadArticle)
    return article


def page(text: str) -> Page:
    return analyse(split(text))


def kinds(article: ReadArticle | Page) -> list[tuple[str, int]]:
    """What was set apart: kind and line."""
    return [(line.kind, line.line) for line in article.set_apart]


def lost_lines(lines: Iterable[Line], article: ReadArticle | Page) -> list[str]:
    """Lines of the source that are nowhere in the article; the invariant is that there are none."""
    shown = " ".join(
        (article.headline or "", article.standfirst or "", article.dateline or "", *article.body)
    )
    apart: dict[int, str] = {}
    for entry in article.set_apart:
        apart[entry.line] = apart.get(entry.line, "") + " " + entry.text
    return [
        line.text
        for line in lines
        if not set(same(line.text).split())
        <= set(same(f"{shown} {apart.get(line.number, '')}").split()) | _fused_words(line, apart)
    ]


def _fused_words(line: Line, apart: dict[int, str]) -> set[str]:
    """The first word of a line whose breadcrumb was run into it."""
    crumb = clean(apart.get(line.number, ""))
    return set(same(line.text).split()[:1]) if crumb and line.text.startswith(crumb) else set()


@dataclass(frozen=True)
class Trap:
    """A text in which prose looks like boilerplate, or boilerplate like prose."""

    name: str
    text: str
    headline: str | None
    body: tuple[str, ...]
    set_apart: tuple[tuple[str, int], ...] = ()
    standfirst: str | None = None
    dateline: str | None = None


LEAD = (
    "The ferry to the northern islands will sail again from Monday, the harbour office said, after"
    " engineers replaced the shaft that had broken in the January storm and left three villages"
    " without mail for eleven days."
)
WRAPPED = (
    "The ferry to the northern islands will sail again from Monday, the harbour office said, after"
    " engineers replaced the shaft that had broken in the storm."
)
MORE = "Captain Ines Varga said the crew had practised the crossing twice."

TRAPS = (
    Trap(
        "prose that mentions promotion",
        "Ferry sails again\n\n"
        f"{LEAD}\n\n"
        "Sign up for our newsletter was painted on the hull by pranksters.\n\n"
        "Follow us on Twitter, the captain joked to the passengers.\n\n"
        "For the latest round of repairs, the yard will send two welders.",
        "Ferry sails again",
        (
            LEAD,
            "Sign up for our newsletter was painted on the hull by pranksters.",
            "Follow us on Twitter, the captain joked to the passengers.",
            "For the latest round of repairs, the yard will send two welders.",
        ),
    ),
    Trap(
        "prose that mentions photos and credit",
        "Lens maker closes plant\n\n"
        "Photo equipment is made in the valley since 1911, and the plant was a big employer.\n"
        "\nPicture: the economy is shrinking and nobody knows why.\n\n"
        "Credit Suisse was among the lenders.\n\n"
        "Image problems had dogged the firm for years.",
        "Lens maker closes plant",
        (
            "Photo equipment is made in the valley since 1911, and the plant was a big employer.",
            "Picture: the economy is shrinking and nobody knows why.",
            "Credit Suisse was among the lenders.",
            "Image problems had dogged the firm for years.",
        ),
    ),
    Trap(
        "prose that begins as a byline",
        "By Christmas the dam will be full\n\n"
        f"{LEAD}\n\n"
        "By Tuesday evening the streets were empty\n\n"
        "By Ines Varga's count there were nine boats.",
        "By Christmas the dam will be full",
        (
            LEAD,
            "By Tuesday evening the streets were empty",
            "By Ines Varga's count there were nine boats.",
        ),
    ),
    Trap(
        "prose that begins as a link",
        "Archive opens its doors\n\n"
        "Read more about the collection in its own catalogue, the curator told visitors.\n\n"
        "Related: the two families are cousins.\n\n"
        "See also how the roof was mended, the guide says.",
        "Archive opens its doors",
        (
            "Read more about the collection in its own catalogue, the curator told visitors.",
            "Related: the two families are cousins.",
            "See also how the roof was mended, the guide says.",
        ),
    ),
    Trap(
        "a timeline's dates are its crossheads",
        "How the bridge was built\n\n"
        "March 4, 2021\n\nThe council votes for the bridge.\n\n"
        "June 9, 2022\n\nThe first pile is driven.",
        "How the bridge was built",
        (
            "March 4, 2021",
            "The council votes for the bridge.",
            "June 9, 2022",
            "The first pile is driven.",
        ),
    ),
    Trap(
        "a brand that begins with a section's name",
        "NewsGuard rates the valley's papers\n\n"
        f"{LEAD}\n\nNewsGuard gave the Courier full marks. Guard dogs bark on.",
        "NewsGuard rates the valley's papers",
        (LEAD, "NewsGuard gave the Courier full marks. Guard dogs bark on."),
    ),
    Trap(
        "an unknown brand that the text repeats",
        "WorldPort wins the harbour tender\n\n"
        f"{LEAD}\n\nPort officials said WorldPort had offered the least.",
        "WorldPort wins the harbour tender",
        (LEAD, "Port officials said WorldPort had offered the least."),
    ),
    Trap(
        "a slash is no breadcrumb",
        f"US/China trade talks resume in Lisbon\n\n{LEAD}",
        "US/China trade talks resume in Lisbon",
        (LEAD,),
    ),
    Trap(
        "a fused breadcrumb without a repeat",
        f"WorldFerry sails again to the islands\n\n{LEAD}\n\nFerry tickets cost four crowns.",
        "Ferry sails again to the islands",
        (LEAD, "Ferry tickets cost four crowns."),
        (("breadcrumb", 1),),
    ),
    Trap(
        "a fused breadcrumb and the headline three times",
        "HomeNewsFerry sails again\nFerry sails again\n\nFerry  sails again\n\n"
        f"{LEAD}\n\nFerry sails again",
        "Ferry sails again",
        (LEAD,),
        (
            ("breadcrumb", 1),
            ("duplicate_headline", 2),
            ("duplicate_headline", 4),
            ("duplicate_headline", 8),
        ),
    ),
    Trap(
        "a trail of sections on its own line",
        f"Home > World > Europe\n\nFerry sails again\n\n{LEAD}",
        "Ferry sails again",
        (LEAD,),
        (("breadcrumb", 1),),
    ),
    Trap(
        "a trail before the headline on one line",
        f"Home » World » Ferry sails again\n\n{LEAD}",
        "Ferry sails again",
        (LEAD,),
        (("breadcrumb", 1),),
    ),
    Trap(
        "the page's title with the site's name",
        f"Ferry sails again | The Valley Courier\n\nFerry sails again\n\n{LEAD}",
        "Ferry sails again",
        (LEAD,),
        (("duplicate_headline", 1),),
    ),
    Trap(
        "standfirst, byline and time above the body",
        "Ferry sails again\n\n"
        "Three villages get their mail after eleven days without.\n\n"
        "By Ines Varga and Tom van der Berg\n"
        "Published: 4 Feb 2024 09:30 GMT | Updated: 4 Feb 2024 11:05 GMT\n\n"
        f"{LEAD}\n\n{MORE}",
        "Ferry sails again",
        (LEAD, MORE),
        (("byline", 5), ("published_line", 6)),
        standfirst="Three villages get their mail after eleven days without.",
    ),
    Trap(
        "dateline with agency",
        f"Ferry sails again\n\nTROMSØ, Norway (AP) — {LEAD}\n\n{MORE}",
        "Ferry sails again",
        (LEAD, MORE),
        dateline="TROMSØ, Norway (AP)",
    ),
    Trap(
        "an acronym before a dash is no dateline",
        f"Alliance meets\n\nNATO — the alliance of thirty — meets on Monday.\n\n{MORE}",
        "Alliance meets",
        ("NATO — the alliance of thirty — meets on Monday.", MORE),
    ),
    Trap(
        "a live label is no dateline",
        f"Storm nears\n\nBREAKING — The harbour is closed.\n\n{MORE}",
        "Storm nears",
        ("BREAKING — The harbour is closed.", MORE),
    ),
    Trap(
        "related titles in mid-page, then the article goes on",
        f"Ferry sails again\n\n{LEAD}\n\nRelated stories\nWhy the shaft broke\nWho pays for mail?\n"
        f"\n{MORE}\n\nRead more: Islands without bread",
        "Ferry sails again",
        (LEAD, MORE),
        (("related", 5), ("related", 6), ("related", 7), ("related", 11)),
    ),
    Trap(
        "a hard-wrapped text",
        "Ferry sails again\n\n"
        "The ferry to the northern islands will sail again from Monday, the\n"
        "harbour office said, after engineers replaced the shaft that had\n"
        "broken in the storm.\n\n"
        "Captain Ines Varga said the crew had practised the crossing\n"
        "twice.",
        "Ferry sails again",
        (WRAPPED, "Captain Ines Varga said the crew had practised the crossing twice."),
    ),
    Trap("no headline", f"{LEAD}\n\n{MORE}", None, (LEAD, MORE)),
    Trap(
        "a bulletin of one line",
        "Quake of magnitude 6 hits Chile",
        "Quake of magnitude 6 hits Chile",
        (),
    ),
    Trap(
        "nothing but what looks like boilerplate",
        "Photo: Ines Varga/AP",
        "Photo: Ines Varga/AP",
        (),
    ),
    Trap(
        "captions, credits, copyright and promotion",
        f"Ferry sails again\n\n{LEAD}\n\n"
        "The repaired ferry leaves the harbour. (AP Photo/Ines Varga)\n\n"
        "Tom Berg/AFP via Getty Images\n\nAdvertisement\n\n"
        f"{MORE}\n\n"
        "Sign up for our newsletter to get the harbour's news each morning.\n"
        "Follow us on Facebook and Instagram\n"
        "© 2024 The Valley Courier. All rights reserved.",
        "Ferry sails again",
        (LEAD, MORE),
        (
            ("photo_credit", 5),
            ("photo_credit", 7),
            ("promo", 9),
            ("promo", 13),
            ("promo", 14),
            ("copyright", 15),
        ),
    ),
)
