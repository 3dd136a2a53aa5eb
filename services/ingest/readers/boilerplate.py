"""Lines of a scraped page that are not the article's text, told by their own words alone.

:func:`classify` looks at one line; what needs the lines around it is decided in
``page.py``.  Each rule wants the *whole* line to be of its kind, so that a
sentence which merely mentions "our newsletter" or "photo" stays in the article.
When in doubt a line is text: a stray credit in the body is a blemish, a lost
paragraph is a fault.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.ingest.readers.dates import When, parse_when

if TYPE_CHECKING:
    from schemas.article import SetApartKind

MAX_CHARS = 400
"""Longer lines are prose and no rule looks at them: this bounds what a hostile line costs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a line is, and what it says.

    ``top_only``: holds only above the body; ``unlabelled``: a bare date, which could as well
    be an entry of a timeline; ``opens_list``: the lines after it belong to it.
    """

    kind: SetApartKind
    authors: tuple[str, ...] = ()
    credit: str | None = None
    published: When | None = None
    updated: When | None = None
    top_only: bool = False
    unlabelled: bool = False
    opens_list: bool = False


def classify(text: str) -> Finding | None:
    """What kind of boilerplate the line ``text`` is; None: a line of the article."""
    if len(text) > MAX_CHARS:
        return None
    for rule in (_times, _byline, _credit, _copyright, _related, _promo):
        if finding := rule(text):
            return finding
    return None


# --- Published and updated ------------------------------------------------------

_TIME_LABEL = re.compile(
    r"\b(?:(?P<updated>(?:(?:last|most recently)\s)?(?:updated|modified|edited)|(?:last\s)?update)"
    r"|(?:(?:first|originally|date)\s)?(?:published|posted|issued|uploaded)"
    r"|publication date|publish date|date(?=\s?:))(?:\s(?:on|at))?\s?[:|–—-]?\s?",
    re.IGNORECASE,
)
_AGO = re.compile(r"(?:an?|\d{1,3}) (?:second|minute|min|hour|hr|day|week)s? ago", re.IGNORECASE)
_EDGES = " \t|·•,;()-–—"


def _times(text: str) -> Finding | None:
    labels = list(_TIME_LABEL.finditer(text)) if len(text) <= 200 else []
    if not labels or text[: labels[0].start()].strip(_EDGES):
        when = _when(text)
        if when is None or not when.dated:
            return None
        return Finding("published_line", published=when, top_only=True, unlabelled=True)
    published = updated = None
    ends = [label.start() for label in labels[1:]] + [len(text)]
    for label, end in zip(labels, ends, strict=True):
        when = _when(text[label.end() : end].strip(_EDGES))
        if when is None:
            return None
        if label["updated"]:
            updated = updated or when
        else:
            published = published or when
    return Finding("published_line", published=published, updated=updated)


def _when(text: str) -> When | None:
    if _AGO.fullmatch(text):
        return When(None, f"no time taken from '{text}': it is relative to an unknown moment")
    return parse_when(text)


# --- Bylines ---------------------------------------------------------------------

_AGENCY_NAMES = (
    r"(?:Reuters|AFP|Agence France-Presse|AP|(?:The )?Associated Press|UPI|dpa|DPA|EFE|ANSA|Xinhua"
    r"|TASS|PTI|ANI|PAP|BelTA|Interfax|Bloomberg|Agencies|News Agencies|Wire Services?|Staff"
    r"|Staff (?:Writers?|Reporters?)|Web Desk|News Desk|Editorial Board|Newsroom)"
)
_BY = re.compile(
    r"(?:(?:by|words by|written by|reported by|story by|text by|author|authors)"
    r"(?:\s?:\s?|\s))(?P<names>\S.{1,160})",
    re.IGNORECASE,
)
_NAME_WORD = r"(?:[^\W\d_a-z][\w'’.-]{0,24}|d[aeiu]|del|dos|von|van|der|den|de|la|le|bin|ibn|al|el)"
_NAME = re.compile(rf"{_NAME_WORD}(?: {_NAME_WORD}){{1,4}}")
_AGENCY = re.compile(_AGENCY_NAMES)
_DESK = re.compile(r"[^.!?]{2,80}")
_NAME_JOINTS = re.compile(r",? and | & |, | / |; ")
_NOT_NAMES = frozenset(
    [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "january",
        "february",
        "march",
        "april",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
        "the",
        "a",
        "an",
        "this",
        "that",
        "these",
        "those",
        "day",
        "year",
        "years",
        "night",
        "week",
        "morning",
        "noon",
        "evening",
        "christmas",
        "easter",
        "contrast",
        "comparison",
        "law",
        "then",
        "now",
        "midnight",
        "numbers",
        "region",
        "design",
        "default",
        "far",
    ]
)
_SIGN_OFF = re.compile(
    r"\(?(?:additional )?(?:reporting|writing|editing|compiled|edited|translated) by [^.]{3,200}[.)]{0,2}",
    re.IGNORECASE,
)
_SEGMENTS = re.compile(r"\s[|•·—–]\s")


def _byline(text: str) -> Finding | None:
    if _SIGN_OFF.fullmatch(text) and text.lstrip("(")[:1].isupper():
        return Finding("byline")
    first, *rest = _SEGMENTS.split(text)
    match = _BY.fullmatch(first)
    authors = _authors(match["names"].rstrip()) if match else ()
    if not authors:
        return None
    published = updated = None
    for segment in rest:
        timed = _times(segment)
        if timed is None and not _is_desk(segment):
            return None
        published = published or (timed.published if timed else None)
        updated = updated or (timed.updated if timed else None)
    return Finding("byline", authors, published=published, updated=updated, top_only=True)


def _is_desk(text: str) -> bool:
    return len(text.split()) <= 5 and bool(_DESK.fullmatch(text))


def _authors(names: str) -> tuple[str, ...]:
    """The people (or the agency) of a byline; empty where it isn't one."""
    names, _, affiliation = names.partition(" for ")
    first, *others = _NAME_JOINTS.split(names)
    if affiliation and not _is_desk(affiliation):
        return ()
    if not _is_author(first):
        return ()
    authors = [first]
    for other in others:
        if _is_author(other) and not _AGENCY.fullmatch(other):
            authors.append(other)
        elif not _is_desk(other):
            return ()
        else:
            break  # "Jane Doe, Senior Correspondent": the rest says what she is
    return tuple(authors)


def _is_author(text: str) -> bool:
    if _AGENCY.fullmatch(text):
        return True
    words = text.casefold().split()
    return bool(_NAME.fullmatch(text)) and not _NOT_NAMES.intersection(words)


# --- Photo credits -----------------------------------------------------------------

_PHOTO_AGENCY = (
    r"(?:Getty(?: Images)?|AFP|AP|Associated Press|Reuters|REUTERS|EPA(?:-EFE)?|Shutterstock|iStock"
    r"|Alamy|Wikimedia(?: Commons)?|Unsplash|Pixabay|Pexels|Flickr|Bloomberg|Anadolu|PA|PA Media"
    r"|PA Wire|TASS|Sputnik|Xinhua|BelTA|PAP|NurPhoto|ZUMA(?: Press)?|Rex(?: Features)?|dpa)"
)
_CREDIT_LABEL = re.compile(
    r"(?:(?:lead |main |cover |featured )?(?:images?|photos?|photographs?|photography|pictures?"
    r"|pics?|graphics?|illustrations?)(?:\s(?:sources?|credits?|courtesy|by|copyright))?"
    r"|credits?|image via|foto)\s?(?::|(?<=by)\s|(?<=via)\s|(?=©))\s?(?P<credit>\S.{1,140})",
    re.IGNORECASE,
)
_CREDIT_ONLY = re.compile(
    rf"\(?(?:(?:AP|AFP|EPA|PA|Reuters|File|Handout|Courtesy) (?:Photo|Image|Picture|File)s?"
    rf"(?:[/,:| -]{{1,3}}[\w .,'’/&-]{{2,80}})?"
    rf"|REUTERS/[\w .,'’/&-]{{2,80}}"
    rf"|[\w .,'’&-]{{2,60}}\s?[/|]\s?(?:[\w .&-]{{2,40}}(?: via |/))?{_PHOTO_AGENCY}"
    rf"|(?:[\w .'’&-]{{2,40}} via )?(?:Getty Images|Shutterstock|iStock|Alamy|Unsplash|Pixabay"
    rf"|Wikimedia Commons)(?: Stock Photo)?"
    rf"|©\s?[^.]{{2,80}})\)?"
)
_CAPTION_CREDIT = re.compile(
    rf"""[.!?"”'’\w)]\s?(?P<credit>
    \((?:[\w ]{{0,20}}\s)?(?:photo|image|picture|credit)s?\b[^()]{{0,80}}\)
    |\([^()]{{1,60}}(?:/|\svia\s){_PHOTO_AGENCY}[^()]{{0,20}}\)
    |(?<=[.!?"”'’)]\s)(?:photo|photograph|image|picture|credit)s?(?:\sby|\scredit)?:\s[^.]{{2,80}}
    )$""",
    re.VERBOSE | re.IGNORECASE,
)
_ABBREVIATION = re.compile(r"(?:\b(?:Inc|Ltd|Co|Corp|Jr|Sr)|\b[A-Z])\.$")


def _credit(text: str) -> Finding | None:
    if labelled := _CREDIT_LABEL.fullmatch(text):
        credit = labelled["credit"].strip()
        return Finding("photo_credit", credit=credit) if _is_credit(credit) else None
    if len(text) <= 150 and _CREDIT_ONLY.fullmatch(text) and "reserved" not in text:
        return Finding("photo_credit", credit=text.strip("()"))
    # A caption stands on the page under its picture and ends with whose it is.
    if caption := _CAPTION_CREDIT.search(text, max(0, len(text) - 110)):
        return Finding("photo_credit", credit=caption["credit"].strip("() "))
    return None


def _is_credit(text: str) -> bool:
    """Names and agencies, not a sentence after "Picture:"."""
    starts = text[0].isupper() or text[0] in "©@(\"'“"
    closed = text.endswith(".") and not _ABBREVIATION.search(text)
    return starts and not closed and len(text.split()) <= 14 and not _SPEAKS.search(text)


# --- Copyright ------------------------------------------------------------------------

_COPYRIGHT = re.compile(
    r"(?:©|\(c\)|copyright\b)\s?.{0,200}|.{0,120}\ball rights reserved\b.{0,160}"
    r"|this material may not be (?:published|reproduced).{0,160}",
    re.IGNORECASE,
)
_COPYRIGHT_MARK = re.compile(r"(?:19|20)\d\d\b|all rights reserved|may not be", re.IGNORECASE)


def _copyright(text: str) -> Finding | None:
    if text[:1].islower() or not _COPYRIGHT.fullmatch(text) or not _COPYRIGHT_MARK.search(text):
        return None
    marked = text.startswith(("©", "(c)", "(C)")) or "rights reserved" in text.lower()
    if not marked and not re.match(
        r"(?:copyright (?:©|\(c\)|(?:19|20)\d\d)|this material)", text, re.IGNORECASE
    ):
        return None
    return None if _SPEAKS.search(text) else Finding("copyright")


# --- Related content --------------------------------------------------------------------

_RELATED_HEAD = re.compile(
    r"(?:related(?: (?:content|articles?|stor(?:y|ies)|news|topics?|coverage|links?|reading|posts?))?"
    r"|(?:read|see|also read|read also|see also|more to read)(?: (?:more|also|next|too))?"
    r"|more (?:on|about) this(?: story| topic)?|more (?:news|stories|from [\w’' ]{2,40})"
    r"|(?:you (?:may|might) (?:also )?(?:like|be interested in|have missed))"
    r"|recommended(?: (?:for you|reading|stories|articles|content))?|editors?[’']?s? picks?"
    r"|(?:most|what to) (?:read|popular|viewed)(?: (?:next|now|stories|articles))?|trending(?: now)?"
    r"|don[’']t miss|further reading|up next|continue reading|keep reading|top stories"
    r"|around the web|from the web)\s?[:»>…]?",
    re.IGNORECASE,
)
_RELATED_LABEL = re.compile(
    r"(?:(?:read|see)(?: (?:more|also|next|too))|also read|read also|see also|related|recommended"
    r"|further reading|up next|don[’']t miss|more on this(?: story)?|you may also like)"
    r"(?: (?:stor(?:y|ies)|articles?|content|news|reading))?\s?[:|»>]\s?(?P<title>\S.{0,250})",
    re.IGNORECASE,
)
_READ_MORE_ON = re.compile(
    r"(?:read|see) more (?:about|on|at|here|from|in|of|stories)\b[^.!?,;:]{0,80}", re.IGNORECASE
)


def _related(text: str) -> Finding | None:
    if _RELATED_HEAD.fullmatch(text):
        # "Read" and "See" alone are a word of a poem as well as a link.
        alone = text.casefold().rstrip(" :»>…") in ("read", "see", "related")
        opens = not alone or text[-1] in ":»>…" or text.casefold() == "related"
        return Finding("related", opens_list=True) if opens and text[0].isupper() else None
    if (labelled := _RELATED_LABEL.fullmatch(text)) and text[0].isupper():
        strong = text.casefold().startswith(("read", "also", "see"))
        if strong or is_title(labelled["title"]):
            return Finding("related")
    if _READ_MORE_ON.fullmatch(text) and text[0].isupper() and not _SPEAKS.search(text, 5):
        return Finding("related")
    return None


def is_title(text: str) -> bool:
    """Whether ``text`` reads as the title of another article rather than as prose."""
    bare = text.rstrip("\"'”’»)")
    if len(text) > 160 or bare.endswith((".", ",", ":", ";")):
        return False
    # Titles may ask; they don't go on after it.
    return not re.search(r"[.!?][\"'”’]? \S+ \S+ \S", text)


# --- Promotion ---------------------------------------------------------------------------

_SPEAKS = re.compile(
    r"\b(?:said|says|told|asked|wrote|writes|added|joked|announced|warned|read|reads|was|were|is|are"
    r"|had|has|would|could|became|went|showed|shows)\b",
    re.IGNORECASE,
)
"""A finite verb of telling or being: the line is a sentence about something, not a call to act."""

_PLATFORM = (
    r"(?:twitter|x|facebook|instagram|tiktok|youtube|linkedin|telegram|whatsapp|google news|threads"
    r"|bluesky|mastodon|reddit|pinterest|apple news|flipboard|rss|social media)"
)
_PROMOS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"for (?:the |all the )?(?:latest|more|breaking)\b[^.!?]{0,60}?\b(?:news|headlines?|updates"
        r"|stories|coverage|weather|sports?|scores|videos?|analysis)\b[^.!?]{0,80},\s"
        r"(?:please )?(?:head (?:on )?(?:over )?to|visit|go to|follow|check out|see|tune in|download"
        r"|subscribe|sign up|click|read)\b.{0,80}",
        r"(?:please )?(?:sign up|subscribe|register)(?: now| today| here)? (?:for|to)\b[^.!?]{0,60}?"
        r"\b(?:newsletters?|alerts?|updates|briefing|podcasts?|channel|e-?mails?|magazine|digest)\b"
        r"[^.!?]{0,90}[.!]?",
        r"(?:sign up|subscribe|log in|sign in|register|donate)(?: (?:now|today|here))?[.!]?",
        r"get [^.!?]{0,80}\b(?:delivered|sent|straight|direct(?:ly)?) (?:in|to)\b[^.!?]{0,20}"
        r"\b(?:inbox|phone|e-?mail)\b[^.!?]{0,60}[.!]?",
        rf"(?:follow|like|join|find|connect with) (?:us|[^.!?,]{{1,50}}) on {_PLATFORM}\b[^.!?]{{0,90}}[.!]?",
        rf"share (?:this|on)(?: (?:article|story|page|{_PLATFORM}))?(?: on {_PLATFORM})?[.!]?",
        r"(?:download|get|install) (?:the|our|your) [^.!?]{0,40}\bapp\b[^.!?]{0,60}[.!]?",
        r"(?:advertisement|advertisements|advertising|sponsored|sponsored content|promoted content"
        r"|paid content|skip ad|skip to (?:main )?content|back to top|listen to (?:this )?article"
        r"|copy link|print(?: this)?(?: page| article)?|leave a comment|view comments|loading(?:…|\.{3})"
        r"|(?:story|article) continues (?:below|after)(?: (?:this )?(?:ad|advertisement|the ad))?)",
        r"click here (?:to|for)\b[^.!?]{0,90}[.!]?|click here[.!]?",
        r"(?:please )?support (?:our|independent|quality) journalism\b[^.!?]{0,90}[.!]?",
        r"(?:got|have|do you have) a (?:news )?(?:tip|story)(?: for us)?\?.{0,160}",
        r"never miss (?:a|an|another|our)\b[^.!?]{0,80}[.!]?",
    )
)


def _promo(text: str) -> Finding | None:
    if not text[0].isupper() or _SPEAKS.search(text):
        return None
    matched = any(pattern.fullmatch(text) for pattern in _PROMOS)
    return Finding("promo") if matched else None
