"""Where sentences begin and end, by rules, in time linear in the text.

A sentence ends at a full stop, a question or exclamation mark (of any script) with the
marks that close a quotation or bracket behind it, or at the end of its paragraph.  A full
stop may belong to an abbreviation, an initial or a number: then the words around it
decide.  Rules, and no model, because offsets must be the same on every machine and
because spaCy's own splitter costs more than everything else that is done with sentences.

Offsets are code points into the text, half-open.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.article import RawArticle


class Span(NamedTuple):
    """``text[start:end]``."""

    start: int
    end: int


class Sentence(NamedTuple):
    """A sentence of an article: ``text[start:end]``, and which part it stands in."""

    start: int
    end: int
    role: str
    """The section's: ``headline``, ``standfirst`` or ``body``."""
    paragraph: int
    """Number of its paragraph in the article, from 0."""


_CLOSING = "\"'”’»“‘)\\]}」』"
_WIDE = "。！？｡"  # noqa: RUF001 (full-width marks, not lookalikes)
_ENDING = rf".!?…‼⁇⁈⁉؟\u06d4\u0589।॥{_WIDE}"
_TERMINATOR = re.compile(rf"[{_ENDING}][{_ENDING}]*+[{_CLOSING}]*+")
"""Marks that may end a sentence, with what closes behind them.  Each run is tried once, whole
(possessive): a megabyte of full stops takes the time of a megabyte of letters."""

_PARAGRAPH = re.compile(r"[^\n]++(?>\n(?![^\S\n]*\n)[^\n]++)*+")
_LIST_LINE = re.compile(r"\n(?=[ \t]*(?:[-–—*•·▪‣◦●○]|\(?\d{1,3}[.)]|\(?[A-Za-z]\))[ \t])")
_NEXT = re.compile(r"[\s\"'“”„‘’«»(\[{¿¡—–-]*")
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")

LOOK_BACK = 24
"""Characters in front of a full stop that are looked at: longer words are no abbreviations."""

LOOK_AHEAD = 40
"""Characters behind it: marks and the next word."""

_TITLES = frozenset(
    {"mr", "mrs", "ms", "mx", "dr", "prof", "gen", "sen", "rep", "gov", "lt", "col", "maj", "capt"}
    | {"cpl", "sgt", "cmdr", "adm", "brig", "hon", "rev", "fr", "st", "ste", "mt", "ft", "pres"}
    | {"supt", "det", "insp", "amb", "atty", "asst", "messrs", "mme", "mlle", "hr", "frau"}
    | {"vs", "v", "cf", "eg", "e.g", "ie", "i.e", "viz", "al", "ca", "approx", "est", "dept"}
)
"""Abbreviations that another word of the same sentence always follows."""

_BEFORE_NUMBERS = frozenset(
    {"no", "nos", "nr", "fig", "figs", "p", "pp", "vol", "ch", "sec", "art", "para", "op", "tel"}
    | {"jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"}
)
"""Abbreviations in front of a number; in front of a word the sentence may have ended."""

_MAY_END = frozenset(
    {"inc", "corp", "ltd", "co", "bros", "llc", "plc", "cie", "jr", "sr", "esq", "etc", "ave"}
    | {"blvd", "rd", "mass", "calif", "conn", "fla", "ga", "ill", "ind", "la", "md", "mich", "minn"}
    | {"mo", "mont", "neb", "nev", "okla", "ore", "pa", "tenn", "tex", "va", "vt", "wash", "wis"}
    | {"wyo", "ala", "ariz", "ark", "colo", "del", "kan", "ky", "miss", "phd", "ph.d", "a.m", "p.m"}
)
"""Abbreviations that end a sentence as often as not: the next word decides."""

_STARTERS = frozenset(
    {"the", "a", "an", "this", "that", "these", "those", "there", "here", "it", "he", "she", "they"}
    | {"we", "you", "i", "his", "her", "its", "their", "our", "my", "your", "in", "on", "at", "by"}
    | {"for", "from", "with", "without", "after", "before", "when", "while", "where", "why", "how"}
    | {"if", "as", "but", "and", "or", "so", "yet", "however", "although", "though", "since"}
    | {"because", "during", "under", "despite", "meanwhile", "also", "not", "no", "some", "many"}
    | {"most", "more", "all", "both", "each", "every", "another", "other", "what", "who", "to"}
    | {"then", "now", "still", "last", "according", "among", "until", "once", "only", "even"}
    | {"asked", "earlier", "later", "officials", "police", "one", "two", "three", "such"}
)
"""Words that begin a sentence and, with a capital, hardly any name."""


def sentences(text: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
    """The sentences of ``text[start:end]``, in order, without white space at their edges.

    A blank line always ends one; a single line break only in front of a list's mark.
    """
    for paragraph in paragraphs(text, start, end):
        yield from _in_paragraph(text, *paragraph)


def paragraphs(text: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
    """The parts of ``text[start:end]`` between blank lines that hold more than white space."""
    for found in _PARAGRAPH.finditer(text, start, len(text) if end is None else end):
        span = _trimmed(text, found.start(), found.end())
        if span.start < span.end:
            yield span


def article_sentences(article: RawArticle, most: int | None = None) -> Iterator[Sentence]:
    """The sentences of an article's sections; of its first ``most`` characters, where given."""
    number = 0
    for section in article.sections:
        end = section.end if most is None else min(section.end, most)
        for paragraph in paragraphs(article.text, section.start, end):
            for start, stop in _in_paragraph(article.text, *paragraph):
                yield Sentence(start, stop, section.role, number)
            number += 1


def _in_paragraph(text: str, start: int, end: int) -> Iterator[Span]:
    if "\n" not in text[start:end]:
        yield from _in_lines(text, start, end)
        return
    for item in _LIST_LINE.finditer(text, start, end):
        yield from _in_lines(text, start, item.start())
        start = item.end()
    yield from _in_lines(text, start, end)


def _in_lines(text: str, start: int, end: int) -> Iterator[Span]:
    caseless = text[start:end].islower()
    begin = start
    for found in _TERMINATOR.finditer(text, start, end):
        if _ends(text, begin, found, caseless=caseless):
            span = _trimmed(text, begin, found.end())
            if span.start < span.end:
                yield span
            begin = found.end()
    span = _trimmed(text, begin, end)
    if span.start < span.end:
        yield span


def _trimmed(text: str, start: int, end: int) -> Span:
    if start < end and not text[start].isspace() and not text[end - 1].isspace():
        return Span(start, end)
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    return Span(start, max(start, start + len(part.strip())))


def _ends(text: str, begin: int, found: re.Match[str], *, caseless: bool) -> bool:
    """Whether the marks found end the sentence that began at ``begin``."""
    marks, end = found[0], found.end()
    if marks[0] in _WIDE:  # Chinese and Japanese have no white space behind them
        return True
    if not text[end : end + 1].isspace():
        return False
    ahead = text[end : end + LOOK_AHEAD]
    gap = _NEXT.match(ahead)
    first = ahead[gap.end() : gap.end() + 1] if gap else ""
    if first.islower() and not caseless and not _is_brand(ahead[gap.end() :] if gap else ""):
        return False
    if marks[0] != "." or marks.startswith(".."):
        return True
    return not _is_abbreviation(text, begin, found.start(), first, ahead)


def _is_brand(ahead: str) -> bool:
    """``iPhone``, ``eBay``: a small letter that begins a sentence all the same."""
    return ahead[1:2].isupper()


def _is_abbreviation(text: str, begin: int, stop: int, first: str, ahead: str) -> bool:
    """Whether the full stop at ``stop`` belongs to the word in front of it."""
    before = text[max(begin, stop - LOOK_BACK) : stop]
    word = before[before.rfind(" ") + 1 :]
    if not word.isalnum():
        word = before[max(map(before.rfind, " \t\n\xa0([“\"'‘«—–")) + 1 :]
    folded = word.casefold()
    if folded in _TITLES:
        return True
    if first.isdigit() and folded in _BEFORE_NUMBERS:
        return True
    if word.isdigit():  # "1. The budget" in a list; "in 2023. The" ends
        return not text[begin : stop - len(word)].strip()
    if folded in _MAY_END or "." in word or _is_initial(word):
        return not _begins_sentence(ahead)
    return False


def _is_initial(word: str) -> bool:
    return len(word) == 1 and word.isalpha() and word.isupper() and word != "I"


def _begins_sentence(ahead: str) -> bool:
    """Whether what follows an abbreviation looks like a new sentence."""
    found = _WORD.search(ahead)
    if found is None:
        return True
    if any(mark in ahead[: found.start()] for mark in '“"«„—'):
        return True
    return found[0].casefold() in _STARTERS
