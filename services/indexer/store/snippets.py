"""The few words around a match that a list of hits shows, and the matches in a whole text.

Made here and not by the database: FTS5's ``snippet()`` and ``highlight()`` take
time that grows with the square of the matches, half a minute for a hostile
article of 300,000 times the same word, and every store should show the same.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import chain, islice, takewhile
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.indexer.store.words import Term

SNIPPET_CHARS = 160
"""Characters in a snippet, its marks left out: about two lines of a terminal."""

LEAD_CHARS = 40
"""Characters of a snippet before its first match: some words to understand it by."""

SCANNED_CHARS = 20_000
"""Characters of a text in which a match is looked for: nearly all articles are
shorter, and of a longer one the beginning is shown where no match is in them."""

MARKED_TERMS = 32
"""Terms that are marked: more don't fit into a snippet."""

MAX_HIGHLIGHTS = 2000
"""Matches that are marked in a whole text: an article of usual length has 400 words; a hostile
one of a million makes an answer of 50 kB at most."""

Range: TypeAlias = tuple[int, int]
"""From the first character of a match to behind its last."""

# Letters and digits make words, as in FTS5; Python's \w has the underscore too.
_IN_WORD = r"[^\W_]"
# Bounded, so that no text makes the search slow.
_BETWEEN_WORDS = r"[\W_]{1,20}+"
_BETWEEN_MARKED_WORDS = r"(?>(?![\u0300-\u036f])[\W_]){1,20}+"
_MARKS = r"[\u0300-\u036f]*+"
_MARK = re.compile(r"[\u0300-\u036f]")
_IN_MARKED_WORD = r"(?:[^\W_]|[\u0300-\u036f])"


class _Folding(dict[int, str]):
    """Each character in lower case and without diacritics; one for one, so offsets stay."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        parts = unicodedata.normalize("NFD", char)
        folded = parts[0] if all(unicodedata.combining(mark) for mark in parts[1:]) else char
        lower = folded.lower()
        self[code] = lower if len(lower) == 1 else folded
        return self[code]


_FOLDING = _Folding()


def excerpt(text: str, terms: Sequence[Term] = ()) -> tuple[str, tuple[Range, ...]]:
    """Part of ``text`` on one line, around its first match of ``terms``, and where matches are.

    Where nothing matches it is the beginning.  An ellipsis stands for what is left out.
    """
    line = " ".join(text[:SCANNED_CHARS].split())
    found = _matches(line, terms)
    first = next(found, None)
    start = 0 if first is None else _word_start(line, first[0])
    end = _word_end(line, start + SNIPPET_CHARS)
    more = end < len(line) or len(text) > SCANNED_CHARS
    head = "…" if start else ""
    shift = len(head) - start
    # Nearly always a whole match is shown; a phrase with much between its words may not fit.
    marked = () if first is None else takewhile(lambda at: at[1] <= end, chain((first,), found))
    places = tuple((begin + shift, stop + shift) for begin, stop in marked)
    return head + line[start:end] + ("…" if more else ""), places


def highlights(text: str, terms: Sequence[Term]) -> tuple[Range, ...]:
    """Where a whole text matches ``terms``: offsets of characters, half-open, in order.

    At most ``MAX_HIGHLIGHTS``; they don't overlap.
    """
    return tuple(islice(_matches(text, terms), MAX_HIGHLIGHTS))


def _matches(text: str, terms: Sequence[Term]) -> Iterator[Range]:
    folded = text.lower() if text.isascii() else text.translate(_FOLDING)
    pattern = _pattern(terms, marks=_has_marks(text))
    return (match.span() for match in pattern.finditer(folded)) if pattern else iter(())


def _has_marks(text: str) -> bool:
    return not text.isascii() and _MARK.search(text) is not None


def _pattern(terms: Sequence[Term], *, marks: bool) -> re.Pattern[str] | None:
    """What matches any of ``terms`` in a folded text; None where they hold no word.

    ``marks``: the text has diacritics that are characters of their own.
    """
    found = []
    in_word = _IN_MARKED_WORD if marks else _IN_WORD
    between = _BETWEEN_MARKED_WORDS if marks else _BETWEEN_WORDS
    for term in _longest_first(terms[:MARKED_TERMS]):
        folded = unicodedata.normalize("NFC", term.text).translate(_FOLDING)
        words = [_spelled(word, marks=marks) for word in re.findall(f"{_IN_WORD}+", folded)]
        if words:
            rest = f"{in_word}*" if term.prefix else f"(?!{in_word})"
            found.append(between.join(words) + rest)
    return re.compile(f"(?<!{in_word})(?:{'|'.join(found)})") if found else None


def _longest_first(terms: Sequence[Term]) -> list[Term]:
    """A phrase is marked as one where its first word is searched for too; so is a longer word."""
    return sorted(terms, key=lambda term: (-len(term.text), not term.prefix))


def _spelled(word: str, *, marks: bool) -> str:
    return "".join(char + _MARKS for char in word) if marks else word


def _word_start(line: str, match: int) -> int:
    """Where to start so that ``match`` comes after some words, at most ``LEAD_CHARS``."""
    if match <= LEAD_CHARS:
        return 0
    space = line.find(" ", match - LEAD_CHARS, match)
    return match if space < 0 else space + 1


def _word_end(line: str, limit: int) -> int:
    """Where to end so that no word is cut, unless a single one fills the snippet."""
    if limit >= len(line):
        return len(line)
    space = line.rfind(" ", limit - SNIPPET_CHARS + 1, limit + 1)
    return limit if space < 0 else space
