"""The few words around a match that a list of hits shows.

Made here and not by the database: FTS5's ``snippet()`` and ``highlight()`` take
time that grows with the square of the matches, half a minute for a hostile
article of 300,000 times the same word, and every store should show the same.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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

# Letters and digits make words, as in FTS5; Python's \w has the underscore too.
_IN_WORD = r"[^\W_]"
# Bounded, so that no text makes the search slow.
_BETWEEN_WORDS = r"[\W_]{1,20}"
_COMBINING = r"[\u0300-\u036f]*"


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


def snippet(text: str, terms: Sequence[Term] = ()) -> str:
    """Part of ``text`` on one line: around its first match of ``terms``, marked with ``[ ]``.

    Where nothing matches it is the beginning.
    """
    line = " ".join(text[:SCANNED_CHARS].split())
    folded = line.translate(_FOLDING)
    pattern = _pattern(terms)
    first = pattern.search(folded) if pattern else None
    start = 0 if first is None else _word_start(line, first.start())
    end = _word_end(line, start + SNIPPET_CHARS)
    shown = _marked(line, start, end, pattern.finditer(folded, start, end) if pattern else ())
    more = end < len(line) or len(text) > SCANNED_CHARS
    return ("…" if start else "") + shown + ("…" if more else "")


def _pattern(terms: Sequence[Term]) -> re.Pattern[str] | None:
    """What matches any of ``terms`` in a folded text; None where they hold no word."""
    found = []
    for term in terms[:MARKED_TERMS]:
        folded = unicodedata.normalize("NFC", term.text).translate(_FOLDING)
        words = [re.escape(word) for word in re.findall(f"{_IN_WORD}+", folded)]
        if words:
            rest = f"{_IN_WORD}*" if term.prefix else f"(?!{_IN_WORD})"
            found.append(_BETWEEN_WORDS.join(words) + _COMBINING + rest)
    return re.compile(f"(?<!{_IN_WORD})(?:{'|'.join(found)})") if found else None


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


def _marked(line: str, start: int, end: int, matches: Iterable[re.Match[str]]) -> str:
    parts, at = [], start
    for match in matches:
        parts += [line[at : match.start()], "[", line[match.start() : match.end()], "]"]
        at = match.end()
    return "".join([*parts, line[at:end]])
