"""A text as it was scraped from a page, taken apart: headline, standfirst, body, and the rest.

What is decided here, beyond what a line says by itself (``boilerplate.py``):

* **Headline**: the first line that is no boilerplate, if it has at most 200 characters
  and doesn't end as a sentence in running text does, or is the only line.  A longer or
  sentence-like first line is body, and the headline is None: none is made up.
* **Breadcrumb**: section names before the headline, also fused with it (``NewsMinister…``).
  A fused one is split off only on evidence, since ``NewsGuard`` is a name.
* **Repeats** of the headline anywhere, and of the standfirst next to it, are set apart.
* **Standfirst**: the paragraph after the headline, if it is repeated at once, or stands
  between the headline and a byline or time.  Otherwise the first paragraph is body.
* **Crossheads stay in the body**, also one that paraphrases the headline: without markup
  nothing tells it from a sentence of the article, and a wrong guess would cost text.
* **Dateline**: ``MINSK, Belarus (AP) —`` before the first paragraph is taken off it.
* **Times**: see ``dates.py``.  A bare date counts only above the body and only if it is the
  only one of the page: several are a timeline.

Nothing is lost: each line of the source is in the headline, standfirst, dateline, body,
or in ``set_apart`` with its number.  If *everything* looked like boilerplate, nothing is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from schemas.article import SourceLine
from services.ingest.readers.boilerplate import classify
from services.ingest.readers.finding import Finding
from services.ingest.readers.lines import Line, paragraphs, same, wrap_width
from services.ingest.readers.promotion import is_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from schemas.article import SetApartKind

MAX_HEADLINE = 200
"""Characters; the longest that newsrooms print are about 150."""

MAX_STANDFIRST = 400
"""Characters; two long sentences. What is longer is the lead."""

TOP_LINES = 2
"""Different lines of text (headline, standfirst) that may stand above a byline or a bare date."""

LEAD_CHARS = 250
"""A line of this length is a paragraph of the article: the top of the page ends there."""

MIN_STANDFIRST_WORDS = 6
"""A shorter line above a byline is a name or a place, not a summary."""

MIN_PLACE = 4
"""Letters of a place in capitals without an agency after it: "UN — The" is no dateline."""

MAX_BREADCRUMB = 60
"""Characters of section names before a headline."""

MAX_SECTIONS = 4
"""Section names that may be run together before a headline."""

MAX_RELATED = 20
"""Titles under one "Related" heading; a longer run of short lines is an article of its own."""

_SECTIONS = (
    "Breaking News", "World News", "Local News", "US News", "UK News", "News", "World",
    "Politics", "Business", "Economy", "Finance", "Markets", "Sports", "Sport", "Home",
    "Homepage", "Opinion", "Opinions", "Analysis", "Technology", "Tech", "Science", "Health",
    "Culture", "Arts", "Travel", "Entertainment", "Lifestyle", "Life", "Environment",
    "Climate", "Education", "Europe", "Asia", "Africa", "Americas", "Middle East",
    "Asia Pacific", "International", "National", "Local", "U.S.", "US", "UK", "Ukraine",
    "Russia", "China", "War", "Video", "Features", "Society", "Crime",
    "Law",
)  # fmt: skip
"""What sites call their sections; only these are taken for a breadcrumb."""

_SECTION = "|".join(re.escape(name) for name in sorted(_SECTIONS, key=len, reverse=True))
_TRAIL = re.compile(
    rf"(?:(?:{_SECTION})(?:\s?[>›»→]\s?|\s[/|]\s))+(?=\S)"  # noqa: RUF001  (as sites print it)
)
_TRAIL_END = re.compile(rf"(?:{_SECTION})")
_FUSED = re.compile(rf"(?:{_SECTION})(?=[^\W\d_a-z]|[\"“‘'])")
_CAMEL_NAMES = re.compile(
    r"(?:News(?:Guard|Nation|Corp|Max|Break|Hour|Week|Bank|Whip|Room)|WorldCom|TechCrunch|HealthCare"
    r"|BusinessWeek|SportsCenter|HomePod|HomeKit|USA\b|USB\b|UKIP|LifeLock|WarGames)"
)
_SITE_NAME = re.compile(r"\s[|–—-]\s(?=[^|–—]{2,40}$)")
_ENDS_PLAIN = re.compile(r"(?<![.A-Z])[.,;:]$|(?<=[a-z][A-Z])\.$")
_AGENCY = r"\([A-Z][\w ./&-]{1,40}\)|/[A-Z][\w. -]{2,40}/"
_DATELINE = re.compile(
    rf"""(?P<dateline>
      (?P<place>[^\W\d_a-z][^\W\d_]*(?:[ .'’-]{{1,2}}[^\W\d_]+){{0,4}}\.?)
      (?P<more>(?:,\s[^\W\d_a-z][\w.'’-]*(?:\s[\w.'’-]+){{0,3}}){{0,3}})
      (?:\s?(?P<agency>{_AGENCY}))?
    )\s?(?P<dash>—|–|--|-|:)\s?(?=[^\W_a-z]|["“‘'«])""",
    re.VERBOSE,
)
_NO_PLACE = frozenset({
    "BREAKING", "LIVE", "EXCLUSIVE", "UPDATE", "UPDATED", "ANALYSIS", "OPINION", "WATCH",
    "VIDEO", "EXPLAINER", "FACTBOX", "WRAPUP", "CORRECTED", "CORRECTION", "EDITORIAL",
    "COMMENT", "NOTE", "FACT", "CLAIM", "MYTH", "QUESTION", "ANSWER",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """What a page's text holds; see the module's docstring."""

    headline: str | None
    body: tuple[str, ...]
    standfirst: str | None = None
    dateline: str | None = None
    authors: tuple[str, ...] = ()
    published_at: datetime | None = None
    updated_at: datetime | None = None
    set_apart: tuple[SourceLine, ...] = ()
    credits: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass
class _Sorting:
    """The page in work: paragraphs still unassigned, and what was set apart."""

    rest: list[Line]
    apart: list[SourceLine] = field(default_factory=list)
    headline: str | None = None
    standfirst: str | None = None
    dateline: str | None = None

    def set_apart(self, kind: SetApartKind, line: Line, text: str | None = None) -> None:
        self.apart.append(SourceLine(kind=kind, text=text or line.text, line=line.number))


def analyse(
    lines: Sequence[Line],
    *,
    headline: str | None = None,
    standfirst: str | None = None,
    wrapped: bool = True,
) -> Page:
    """Take ``lines`` (cleaned, non-blank, in order) apart.

    ``headline`` and ``standfirst``: as metadata outside the text gives them.  ``wrapped``:
    whether a paragraph may go over several lines; False when each line is a whole one.
    """
    found = _in_context(lines, {line.number: f for line in lines if (f := classify(line.text))})
    if len(found) == len(lines) and headline is None:
        found = {}
    plain = [line for line in lines if line.number not in found]
    width = wrap_width(lines) if wrapped else None
    work = _Sorting(paragraphs(plain, width), headline=headline, standfirst=standfirst)
    work.apart = [_source_line(line, found) for line in lines if line.number in found]
    _take_headline(work)
    _take_standfirst(work, [n for n, f in found.items() if f.kind in ("published_line", "byline")])
    _take_dateline(work)
    return _page(work, [found[number] for number in sorted(found)])


def _source_line(line: Line, found: dict[int, Finding]) -> SourceLine:
    return SourceLine(kind=found[line.number].kind, text=line.text, line=line.number)


def _page(work: _Sorting, found: Sequence[Finding]) -> Page:
    published = [when for f in found if (when := f.published)]
    updated = [when for f in found if (when := f.updated)]
    warnings = [when.warning for when in (*published, *updated) if when.warning]
    return Page(
        headline=work.headline,
        standfirst=work.standfirst,
        dateline=work.dateline,
        body=tuple(line.text for line in work.rest),
        authors=tuple(dict.fromkeys(name for f in found for name in f.authors)),
        published_at=next((when.moment for when in published if when.moment), None),
        updated_at=next((when.moment for when in updated if when.moment), None),
        set_apart=tuple(sorted(work.apart, key=lambda line: line.line)),
        credits=tuple(dict.fromkeys(f.credit for f in found if f.credit)),
        warnings=tuple(dict.fromkeys(warnings)),
    )


# --- What the lines around say ----------------------------------------------------


def _in_context(lines: Sequence[Line], found: dict[int, Finding]) -> dict[int, Finding]:
    """``found`` without what its place disproves, and with the lists under "Related"."""
    bare_dates = [number for number, f in found.items() if f.unlabelled]
    if len(bare_dates) > 1:
        found = {number: f for number, f in found.items() if not f.unlabelled}
    top = _end_of_top(lines, found)
    found = {number: f for number, f in found.items() if not f.top_only or number < top}
    return {**_related_titles(lines, found), **found}


def _end_of_top(lines: Sequence[Line], found: dict[int, Finding]) -> int:
    """The number of the first line that belongs to the body for certain."""
    seen: list[str] = []
    for line in lines:
        if line.number in found or _is_trail(line.text):
            continue
        if len(line.text) > LEAD_CHARS:
            return line.number
        key = same(line.text)
        # The headline with a breadcrumb or the site's name run into it is still the headline.
        if not any(other.endswith(key) or other.startswith(key) for other in seen):
            seen.append(key)
        if len(seen) > TOP_LINES:
            return line.number
    return lines[-1].number + 1 if lines else 0


def _related_titles(lines: Sequence[Line], found: dict[int, Finding]) -> dict[int, Finding]:
    titles: dict[int, Finding] = {}
    room = 0
    for line in lines:
        finding = found.get(line.number)
        if finding is not None:
            room = MAX_RELATED if finding.opens_list else room
        elif room and is_title(line.text):
            titles[line.number] = Finding("related")
            room -= 1
        else:
            room = 0
    return titles


# --- Headline ----------------------------------------------------------------------


def _take_headline(work: _Sorting) -> None:
    if work.headline is None:
        _split_breadcrumbs(work)
        _drop_site_name(work)
        if work.rest and _is_headline(work.rest):
            work.headline = work.rest.pop(0).text
    if work.headline is not None:
        _set_repeats_apart(work, "duplicate_headline", work.headline, work.rest)


def _is_headline(rest: Sequence[Line]) -> bool:
    text = rest[0].text
    if len(text) > MAX_HEADLINE:
        return False
    if len(rest) == 1:
        return True
    return not _ENDS_PLAIN.search(text) and _dateline(text) is None


def _set_repeats_apart(
    work: _Sorting, kind: SetApartKind, text: str, among: Iterable[Line]
) -> None:
    key = same(text)
    # Punctuation alone ("* * *") has an empty key: that is a rule, no repeat.
    repeats = {line.number for line in among if key and _equals(line.text, text, key)}
    for line in work.rest:
        if line.number in repeats:
            work.set_apart(kind, line)
    work.rest = [line for line in work.rest if line.number not in repeats]


def _equals(line: str, text: str, key: str) -> bool:
    # Lengths first: normalising every paragraph of a long text would take its time.
    return abs(len(line) - len(text)) <= len(text) // 2 + 8 and same(line) == key


def _split_breadcrumbs(work: _Sorting) -> None:
    while len(work.rest) > 1 and _is_trail(work.rest[0].text):
        work.set_apart("breadcrumb", work.rest.pop(0))
    if not work.rest:
        return
    line = work.rest[0]
    cut = _trail_length(line.text) or _fused_length(work.rest)
    if cut:
        work.set_apart("breadcrumb", line, line.text[:cut].strip())
        work.rest[0] = replace(line, text=line.text[cut:].strip())


def _is_trail(text: str) -> bool:
    """Nothing but section names: "News", "Home > World > Europe"."""
    match = _TRAIL.match(text)
    return bool(_TRAIL_END.fullmatch(text, match.end() if match else 0))


def _trail_length(text: str) -> int:
    match = _TRAIL.match(text[:MAX_HEADLINE])
    return match.end() if match else 0


def _fused_length(rest: Sequence[Line]) -> int:
    """How much of the first line is section names run into the headline; 0: nothing.

    The evidence: the headline follows without them; or its first word stands alone in the
    text, and the fused word nowhere else.
    """
    text = rest[0].text
    if len(text) > MAX_HEADLINE + MAX_BREADCRUMB:
        return 0
    cuts: list[int] = []
    at = 0
    while (match := _FUSED.match(text, at)) and len(cuts) < MAX_SECTIONS:
        at = match.end()
        cuts.append(at)
    for cut in reversed(cuts):
        key = same(text[cut:])
        if any(same(line.text) == key for line in rest[1:4]) or _stands_alone(rest, cut):
            return cut
    return 0


def _stands_alone(rest: Sequence[Line], cut: int) -> bool:
    text = rest[0].text
    fused = text.split(" ", 1)[0]
    word = re.match(r"\w+", text[cut:].lstrip("\"“‘'"))
    if word is None or _CAMEL_NAMES.match(text):
        return False
    pattern = re.compile(rf"\b{re.escape(word[0])}\b")
    body = rest[1:]
    alone = any(pattern.search(line.text) for line in body)
    return alone and not any(fused in line.text for line in body)


def _drop_site_name(work: _Sorting) -> None:
    """A page's title ("Headline | Site") before the headline itself is a repeat of it."""
    if len(work.rest) <= 1 or not (match := _SITE_NAME.search(work.rest[0].text[:MAX_HEADLINE])):
        return
    bare = same(work.rest[0].text[: match.start()])
    if bare and any(same(line.text) == bare for line in work.rest[1:3]):
        work.set_apart("duplicate_headline", work.rest.pop(0))
        _split_breadcrumbs(work)


# --- Standfirst and dateline -----------------------------------------------------------


def _take_standfirst(work: _Sorting, metadata: Sequence[int]) -> None:
    if work.standfirst is None and work.headline is not None and len(work.rest) > 1:
        first, second = work.rest[:2]
        if len(first.text) > MAX_STANDFIRST or _dateline(first.text):
            return
        repeated = same(first.text) == same(second.text)
        framed = len(first.text.split()) >= MIN_STANDFIRST_WORDS and any(
            max(first.number, first.last) < number < second.number for number in metadata
        )
        if not repeated and not framed:
            return
        work.standfirst = work.rest.pop(0).text
    if work.standfirst is not None:
        _set_repeats_apart(work, "duplicate_standfirst", work.standfirst, work.rest[:3])


def _take_dateline(work: _Sorting) -> None:
    if work.rest and (match := _dateline(work.rest[0].text)):
        line = work.rest[0]
        work.dateline = match["dateline"]
        work.rest[0] = replace(line, text=line.text[match.end() :])


def _dateline(text: str) -> re.Match[str] | None:
    match = _DATELINE.match(text[:160])
    if match is None or match.end() >= len(text):
        return None
    place, agency = match["place"], match["agency"]
    if agency:
        return match if place[0].isupper() else None
    # Without an agency only a place in capitals before a dash is one: "MINSK, Belarus —".
    capitals = place.isupper() and len(place) >= MIN_PLACE and match["dash"] in ("—", "–", "--")
    return match if capitals and not _NO_PLACE.intersection(place.split()) else None
