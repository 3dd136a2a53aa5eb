"""Lines that say whose a picture or the text is."""

from __future__ import annotations

import re

from services.ingest.readers.finding import SPEAKS, Finding

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
MAX_CREDIT_CHARS = 150
MAX_CREDIT_WORDS = 14
"""Photographer, agency, pool and licence; more words are a sentence."""

_ABBREVIATION = re.compile(r"(?:\b(?:Inc|Ltd|Co|Corp|Jr|Sr)|\b[A-Z])\.$")


def photo_credit(text: str) -> Finding | None:
    """A picture's credit, alone or at the end of its caption."""
    if labelled := _CREDIT_LABEL.fullmatch(text):
        credit = labelled["credit"].strip()
        return Finding("photo_credit", credit=credit) if _is_credit(credit) else None
    if len(text) <= MAX_CREDIT_CHARS and _CREDIT_ONLY.fullmatch(text) and "reserved" not in text:
        return Finding("photo_credit", credit=text.strip("()"))
    # A caption stands on the page under its picture and ends with whose it is: most lines have
    # neither of the signs without which there is none.
    tail = max(0, len(text) - 110)
    signs = text.endswith(")") or text.find(":", tail) >= 0
    if signs and (caption := _CAPTION_CREDIT.search(text, tail)):
        return Finding("photo_credit", credit=caption["credit"].strip("() "))
    return None


def _is_credit(text: str) -> bool:
    """Names and agencies, not a sentence after "Picture:"."""
    starts = text[0].isupper() or text[0] in "©@(\"'“"
    closed = text.endswith(".") and not _ABBREVIATION.search(text)
    return (
        starts and not closed and len(text.split()) <= MAX_CREDIT_WORDS and not SPEAKS.search(text)
    )


_COPYRIGHT = re.compile(
    r"(?:©|\(c\)|copyright\b)\s?.{0,200}|.{0,120}\ball rights reserved\b.{0,160}"
    r"|this material may not be (?:published|reproduced).{0,160}",
    re.IGNORECASE,
)
_COPYRIGHT_MARK = re.compile(r"(?:19|20)\d\d\b|all rights reserved|may not be", re.IGNORECASE)


def copyright_notice(text: str) -> Finding | None:
    """A notice of rights."""
    if text[:1].islower() or not _COPYRIGHT.fullmatch(text) or not _COPYRIGHT_MARK.search(text):
        return None
    marked = text.startswith(("©", "(c)", "(C)")) or "rights reserved" in text.lower()
    if not marked and not re.match(
        r"(?:copyright (?:©|\(c\)|(?:19|20)\d\d)|this material)", text, re.IGNORECASE
    ):
        return None
    return None if SPEAKS.search(text) else Finding("copyright")
