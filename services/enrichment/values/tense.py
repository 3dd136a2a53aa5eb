"""Whether a clause looks back or ahead, told by its nearest verb.

"said on Tuesday that it will rise": the last cue before the day is "said", so the day is past.
"will meet on Tuesday": ahead.  A day in front of its verb ("On Tuesday, voters will choose")
is told by the first cue behind it.  No parser: a window of fixed length, so the time is bounded.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Tense = Literal["past", "future"]

WINDOW_BEFORE: Final = 120
"""Characters looked at before an expression: a long clause of news."""

WINDOW_AFTER: Final = 80

_AHEAD = (
    r"(?:will|'ll|won't|would|shall|should|must|may|might|can|could|to(?=\sbe\s)|going\sto|gonna|"
    r"(?:is|are|was|were|be|been|now|still|also|not|currently|both)\s(?:due|set|slated|poised|likely|"
    r"expected|scheduled|planned|supposed|meant|required|to(?=\s))|"
    r"due\s(?:to|in|on|for)|set\s(?:to|for)|slated\s(?:to|for)|scheduled\s(?:to|for)|"
    r"(?:expected|planned|required|hoped|intended|meant|supposed|projected|forecast)\s(?:to|for|in|by|on)|"
    r"(?:re)?scheduled|postponed\s(?:to|until|till)|delayed\suntil|"
    r"expects?|plans?\s(?:to|for|on)|planning|hopes?|hoping|intends?|aims?|vows?|pledges?|"
    r"promises|promised|upcoming|coming|forthcoming|ahead\sof|in\stime\sfor|deadline|until|before|"
    r"by|go(?:es)?\sto\sthe\spolls|head(?:s|ing)?\sto\sthe\spolls|takes?\splace|begins?|starts?|"
    r"opens?|kicks?\soff|expires?|takes?\seffect|runs?\s(?:until|through))"
)
_BACK = (
    r"(?:said|says|told|was|were|did|had|has|have|having|'ve|came|went|began|took|made|met|won|lost|fell|"
    r"rose|hit|died|ran|got|gave|left|held|led|sent|saw|shot|spoke|sought|struck|wrote|became|broke|"
    r"brought|built|chose|drew|fled|flew|found|grew|heard|kept|knew|laid|paid|sold|stood|swore|"
    r"thought|threw|warns|reports|since|after|ago|could\snot|couldn't|recently|previous|earlier)"
)
_NEUTRAL = (
    r"(?:(?:be|being|get)\s(?:\w{2,12}ly\s)?\w{2,14}(?:ed|en|wn|ught|ade|eld|ld)|to\shave\s\w{2,14}|"
    r"have\sbeen\s(?:expected|planning|scheduled)|agreed\sto|"
    r"(?:need|indeed|speed|feed|seed|breed|bleed|hundred|red|bed|wed|united|armed|wanted|so-called))"
)
_CUE = re.compile(
    rf"(?<![\w'])(?:(?P<neutral>{_NEUTRAL})|(?P<past>could\snot|couldn't)|(?P<ahead>{_AHEAD})|"
    rf"(?P<back>{_BACK}|\w{{2,14}}ed))(?!\w)|(?P<short>'ll)\b"
)
_CLAUSE_START = re.compile(r"[.!?;:\n](?=\s|[\"'\u201d])|[\u201d\u201c\"]|\s[-\u2013\u2014]\s|\n")
_CLAUSE_END = re.compile(r"[!?;:\n\u201c\u201d\"]|\.(?=\s|$)|\s[-\u2013\u2014]\s")
_DIRECTLY_AHEAD = re.compile(r"\b(?:ahead\sof|for|until|till|by|from)\s(?:the\s)?$")
_PLANNED = re.compile(
    r"\b(?:(?:re)?scheduled|set|slated|planned|due|called|billed)\s(?:\w+\s){0,2}$"
)
_SINCE = re.compile(r"\b(?:since|after|following|from)\s(?:the\s)?$")
_AHEAD_OF = re.compile(r"\b(?:ahead\sof\s(?:the\s)?|(?:is|are)\son\s)$")
_LONGEST_DIRECTLY: Final = len("following the \n")
"""Characters of the longest that stands directly before an expression; ``$`` lets one follow."""


def tense(text: str, start: int, end: int) -> Tense | None:
    """Which way the clause around ``text[start:end]`` looks; None where nothing tells."""
    before = _lowered(text[max(0, start - WINDOW_BEFORE) : start])
    directly = _directly(before)
    if directly is not None:
        return directly
    told = _last(before[_last_end(before) :])
    if told is not None:
        return told
    after = _lowered(text[end : end + WINDOW_AFTER])
    stop = _CLAUSE_END.search(after)
    return _first(after[: stop.start()] if stop else after)


def _lowered(text: str) -> str:
    return text.lower().replace("\u2019", "'")


def _directly(before: str) -> Tense | None:
    near = max(0, len(before) - _LONGEST_DIRECTLY)
    if _AHEAD_OF.search(before, near):
        return "future"
    if _SINCE.search(before, near):
        return "past"
    found = _DIRECTLY_AHEAD.search(before, near)
    if found and _PLANNED.search(before[: found.start()]):
        return "future"
    return None


def _last_end(before: str) -> int:
    end = 0
    for boundary in _CLAUSE_START.finditer(before):
        end = boundary.end()
    return end


def _last(clause: str) -> Tense | None:
    told: Tense | None = None
    for cue in _CUE.finditer(clause):
        told = _said(cue) or told
    return told


def _first(clause: str) -> Tense | None:
    for cue in _CUE.finditer(clause):
        told = _said(cue)
        if told is not None:
            # What was expected in March was expected then.
            return "past" if cue[0].startswith(("was ", "were ")) else told
    return None


def _said(cue: re.Match[str]) -> Tense | None:
    if cue.lastgroup in ("ahead", "short"):
        return "future"
    return "past" if cue.lastgroup in ("back", "past") else None
