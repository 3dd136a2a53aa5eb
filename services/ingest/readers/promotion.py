"""Lines that lead away from the article: other articles, newsletters, apps, advertisements."""

from __future__ import annotations

import re

from services.ingest.readers.finding import SPEAKS, Finding

_RELATED_HEAD = re.compile(
    r"(?:related(?: (?:content|articles?|stor(?:y|ies)|news|topics?|coverage|links?"
    r"|reading|posts?))?"
    r"|(?:read|see|also read|read also|see also|more to read)(?: (?:more|also|next|too))?"
    r"|more (?:on|about) this(?: story| topic)?|more (?:news|stories|from [\w’' ]{2,40})"
    r"|(?:you (?:may|might) (?:also )?(?:like|be interested in|have missed))"
    r"|recommended(?: (?:for you|reading|stories|articles|content))?|editors?[’']?s? picks?"
    r"|(?:most|what to) (?:read|popular|viewed)(?: (?:next|now|stories|articles))?"
    r"|trending(?: now)?"
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
MAX_TITLE = 160
"""Characters of another article's title; see also ``page.MAX_HEADLINE``."""

_READ_MORE_ON = re.compile(
    r"(?:read|see) more (?:about|on|at|here|from|in|of|stories)\b[^.!?,;:]{0,80}", re.IGNORECASE
)


def related(text: str) -> Finding | None:
    """A heading over other articles, or the link to one."""
    if _RELATED_HEAD.fullmatch(text):
        # "Read" and "See" alone are a word of a poem as well as a link.
        alone = text.casefold().rstrip(" :»>…") in ("read", "see", "related")
        opens = not alone or text[-1] in ":»>…" or text.casefold() == "related"
        return Finding("related", opens_list=True) if opens and text[0].isupper() else None
    if (labelled := _RELATED_LABEL.fullmatch(text)) and text[0].isupper():
        strong = text.casefold().startswith(("read", "also", "see"))
        if strong or is_title(labelled["title"]):
            return Finding("related")
    if _READ_MORE_ON.fullmatch(text) and text[0].isupper() and not SPEAKS.search(text, 5):
        return Finding("related")
    return None


def is_title(text: str) -> bool:
    """Whether ``text`` reads as the title of another article rather than as prose."""
    bare = text.rstrip("\"'”’»)")
    if len(text) > MAX_TITLE or bare.endswith((".", ",", ":", ";")):
        return False
    # Titles may ask; they don't go on after it.
    return not re.search(r"[.!?][\"'”’]? \S+ \S+ \S", text)


_PLATFORM = (
    r"(?:twitter|x|facebook|instagram|tiktok|youtube|linkedin|telegram|whatsapp|google news|threads"
    r"|bluesky|mastodon|reddit|pinterest|apple news|flipboard|rss|social media)"
)
_REST = r"[^.!?]{0,90}[.!]?"
"""What may follow up to the end of the one sentence."""

_PROMO = re.compile(
    rf"""
    for\ (?:the\ |all\ the\ )?(?:latest|more|breaking)\b[^.!?]{{0,60}}?
      \b(?:news|headlines?|updates|stories|coverage|weather|sports?|scores|videos?
      |analysis)\b
      [^.!?]{{0,80}},\s(?:please\ )?(?:head\ (?:on\ )?(?:over\ )?to|visit|go\ to
      |follow|check\ out|see|tune\ in|download|subscribe|sign\ up|click|read)\b.{{0,80}}
    |(?:please\ )?(?:sign\ up|subscribe|register)(?:\ (?:now|today|here))?\ (?:for|to)\b
      [^.!?]{{0,60}}?
      \b(?:newsletters?|alerts?|updates|briefing|podcasts?|channel|e-?mails?|magazine|digest)\b
      {_REST}
    |(?:sign\ up|subscribe|log\ in|sign\ in|register|donate)(?:\ (?:now|today|here))?[.!]?
    |get\ [^.!?]{{0,80}}\b(?:delivered|sent|straight|direct(?:ly)?)\ (?:in|to)\b[^.!?]{{0,20}}
      \b(?:inbox|phone|e-?mail)\b{_REST}
    |(?:follow|like|join|find|connect\ with)\ (?:us|[^.!?,]{{1,50}})\ on\ {_PLATFORM}\b{_REST}
    |share\ (?:this|on)(?:\ (?:article|story|page|{_PLATFORM}))?(?:\ on\ {_PLATFORM})?[.!]?
    |(?:download|get|install)\ (?:the|our|your)\ [^.!?]{{0,40}}\bapp\b{_REST}
    |advertisements?|advertising|sponsored(?:\ content)?|promoted\ content|paid\ content|skip\ ad
    |skip\ to\ (?:main\ )?content|back\ to\ top|listen\ to\ (?:this\ )?article|copy\ link
    |print(?:\ this)?(?:\ page|\ article)?|leave\ a\ comment|view\ comments|loading(?:…|\.{{3}})
    |(?:story|article)\ continues\ (?:below|after)(?:\ (?:this\ |the\ )?(?:ad|advertisement))?
    |click\ here(?:\ (?:to|for)\b[^.!?]{{0,90}})?[.!]?
    |(?:please\ )?support\ (?:our|independent|quality)\ journalism\b{_REST}
    |(?:got|have|do\ you\ have)\ a\ (?:news\ )?(?:tip|story)(?:\ for\ us)?\?.{{0,160}}
    |never\ miss\ (?:an?|another|our)\b{_REST}
    """,
    re.VERBOSE | re.IGNORECASE,
)


def promo(text: str) -> Finding | None:
    """A call to subscribe, follow, download, or an advertisement's label."""
    # In this order: hardly a line starts as one of these, and a verb is looked for in all of it.
    if not text[0].isupper() or not _PROMO.fullmatch(text) or SPEAKS.search(text):
        return None
    return Finding("promo")
