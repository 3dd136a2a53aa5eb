"""Where a text quotes: what stands between quotation marks, whatever the marks.

Marks are paired within their paragraph, each kind with its own: “ ” " " « » » « „ “ „ ”
” ” ‘ ’ ' ' 「 」 『 』 and single angles.  A mark that nothing closes quotes nothing, except
where the next paragraph opens with it again: then one speech goes on over several paragraphs.
What is quoted inside a quotation is part of it.  Linear in the text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.enrichment.text.sentences import Span


class Quotation(NamedTuple):
    """Words between marks: ``text[start:end]``; with the marks ``text[outer_start:outer_end]``."""

    start: int
    end: int
    outer_start: int
    outer_end: int
    paragraph: int
    """Index into the paragraphs that were given."""
    goes_on: bool
    """The next paragraph continues it: no mark closes it in this one."""


_MARK = re.compile(r"[\"“”„«»\u2039\u203a「」『』'‘\u201a’]")

_CLOSES = {
    "”": "“„”",
    "“": "„“",
    '"': '"',
    "»": "«",
    "«": "»",
    "’": "‘\u201a",
    "'": "'",
    "‘": "\u201a",
    "\u203a": "\u2039",
    "\u2039": "\u203a",
    "」": "「",
    "』": "『",
}
"""Each mark with those that it closes."""

_SINGLE = frozenset("'‘’\u201a")
_ELISION = re.compile(r"['‘’](?:\d|tis\b|twas\b|em\b|til\b|cause\b|n['’]|round\b)", re.IGNORECASE)
_SURE_END = re.compile(r"[.,!?…;]['’]|['’](?=[.,;:!?)\]]|\s*$)")
"""A single mark beside other marks: it closes, where one after an ``s`` may be a genitive."""

MOST_OPEN = 8
"""Quotations within quotations that are followed; more are not nested but not closed."""

LONGEST_UNSURE = 60
"""Characters between single marks when only white space tells that the second one closes."""


class _Open(NamedTuple):
    position: int
    mark: str


def quotations(text: str, paragraphs: Sequence[Span]) -> list[Quotation]:
    """What the paragraphs quote, in order, outermost marks only, white space trimmed."""
    found: list[Quotation] = []
    waiting: list[Quotation] = []  # the parts of a speech that no mark has closed yet
    for number, (start, end) in enumerate(paragraphs):
        closed, open_mark = _paired(text, start, end, number)
        if waiting:
            same = text[start] == text[waiting[0].outer_start]
            if same and closed and closed[0].outer_start == start:
                found += waiting
            if not (same and open_mark and open_mark.position == start):
                waiting = []
        found += closed
        if open_mark is not None:
            part = _made(text, open_mark.position, end, number, goes_on=True)
            waiting += [] if part is None else [part]
    return sorted(found)


def _paired(text: str, start: int, end: int, number: int) -> tuple[list[Quotation], _Open | None]:
    """The quotations of one paragraph, and the double mark that stays open at its end."""
    pairs: list[tuple[int, int]] = []
    stack: list[_Open] = []
    sure: list[int] | None = None
    for found in _MARK.finditer(text, start, end):
        position, mark = found.start(), found[0]
        if mark in _SINGLE and _is_apostrophe(text, position, end):
            continue
        if mark in "'’" and sure is None:
            sure = [m.end() - 1 for m in _SURE_END.finditer(text, position, end)]
        opener = _opener(text, position, end, mark, stack)
        if opener is not None and not (sure and _is_genitive(text, position, end, mark, sure)):
            begun = stack[opener].position
            del stack[opener:]
            if mark not in _SINGLE or _is_surely_closed(text, begun, position, end):
                pairs.append((begun, position))
        elif _can_open(text, position, start, end, mark):
            stack = [open_ for open_ in stack if open_.mark != mark or mark in "“„«»"]
            stack = [*stack, _Open(position, mark)][-MOST_OPEN:]
    return _outermost(text, pairs, number, _left_open(stack, pairs))


def _is_apostrophe(text: str, position: int, end: int) -> bool:
    """Within a word; or alone between spaces, where it is nothing."""
    before = text[position - 1] if position else " "
    after = text[position + 1] if position + 1 < end else " "
    return (before.isalnum() and after.isalnum()) or (before.isspace() and after.isspace())


def _outermost(
    text: str, pairs: list[tuple[int, int]], number: int, left: _Open | None
) -> tuple[list[Quotation], _Open | None]:
    kept: list[Quotation] = []
    reached = -1
    for begun, closing in sorted(pairs):
        if begun < reached or (left is not None and begun > left.position):
            continue
        reached = closing
        made = _made(text, begun, closing, number, goes_on=False)
        if made is not None:
            kept.append(made)
    return kept, left


def _left_open(stack: list[_Open], pairs: list[tuple[int, int]]) -> _Open | None:
    """The last double mark without its partner, when no quotation in double marks follows."""
    doubles = [open_ for open_ in stack if open_.mark not in _SINGLE]
    if not doubles or any(begun > doubles[-1].position for begun, _ in pairs):
        return None
    return doubles[-1]


def _made(text: str, begun: int, closing: int, number: int, *, goes_on: bool) -> Quotation | None:
    inside = text[begun + 1 : closing]
    start = begun + 1 + len(inside) - len(inside.lstrip())
    end = start + len(inside.strip())
    if start >= end:
        return None
    outer_end = closing if goes_on else closing + 1
    return Quotation(start, end, begun, outer_end, number, goes_on)


def _opener(text: str, position: int, end: int, mark: str, stack: list[_Open]) -> int | None:
    """Index in ``stack`` of what the mark closes; None where it closes nothing."""
    if mark in "\"'“”’" and not _can_close(text, position, end):
        return None
    accepted = _CLOSES.get(mark, "")
    for index in range(len(stack) - 1, -1, -1):
        if stack[index].mark in accepted:
            return index
    return None


def _can_close(text: str, position: int, end: int) -> bool:
    after = text[position + 1 : position + 2] if position + 1 < end else ""
    return not text[position - 1 : position].isspace() and not after.isalnum()


def _can_open(text: str, position: int, start: int, end: int, mark: str) -> bool:
    if mark in "„«“「『\u2039":
        return True
    if mark in "」』" or position + 1 >= end or text[position + 1].isspace():
        return False
    before = text[position - 1] if position > start else " "
    if before.isalnum() or before in ".,;!?":
        return False
    return mark not in _SINGLE or _ELISION.match(text, position) is None


def _is_genitive(text: str, position: int, end: int, mark: str, sure: list[int]) -> bool:
    """``the parties’ plans’``: after an ``s``, and a better closing mark is still to come."""
    if mark not in "'’" or text[position - 1] not in "sS" or position + 1 >= end:
        return False
    following = bisect_left(sure, position)
    is_sure = following < len(sure) and sure[following] == position
    return not is_sure and following < len(sure)


def _is_surely_closed(text: str, begun: int, position: int, end: int) -> bool:
    if position - begun <= LONGEST_UNSURE:
        return True
    return _SURE_END.match(text, position - 1, end) is not None or (
        _SURE_END.match(text, position, end) is not None
    )
