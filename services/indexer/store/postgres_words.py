"""Full text in PostgreSQL: an article's words as ``tsvector``, a search as ``tsquery``.

Words are told apart and folded here, by the rules of :mod:`services.indexer.store.words`, and
handed over ready made: the server's dictionaries, which differ from one to the next, have no
part in it.

A ``tsvector`` holds positions up to 16,383, at most 255 of one word, and 1 MB.  So the words
of a long article are spread over several *parts*, in a table of their own, and a search there
asks for each of its terms in any part, and puts the answers together for the article.
A part begins with the last words of the one before, so that phrases of up to ``OVERLAP + 1``
words are found wherever they are; longer ones aren't where a part ends within them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

from services.indexer.store.snippets import _FOLDING as FOLDING
from services.indexer.store.words import And, Not, Term, clean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.indexer.store.words import Expression

MAX_POSITION = 16_000
"""Words of one part: positions above 16,383 would all count as that one."""

MAX_OCCURRENCES = 250
"""Of one word in one part: the server drops all after the 255th."""

MAX_BYTES = 600_000
"""Words of one part in UTF-8: with their positions they are under 1 MB."""

MAX_WORD = 500
"""Characters of a word that count: at most 2,000 bytes, and a lexeme may have 2,046."""

OVERLAP = 31
"""Words that a part has in common with the one before it."""

GAP = 100
"""Positions between headline and text, so that no phrase reaches from one into the other."""

HEADLINE, BODY = "A", ""
"""Labels of positions: what is in the headline counts more."""

_NUMBERED = {
    label: tuple(f"{at}{label}" for at in range(1, MAX_POSITION + 1)) for label in (HEADLINE, BODY)
}
"""Positions as they are written: making them takes longer than looking them up."""

NOWHERE = "' '"
"""A word that no article has: words hold no spaces."""

_WORD = re.compile(r"[^\W_]+")
_MARKS = re.compile("[\u0300-\u036f]+")


def tokens(text: str) -> list[str]:
    """The words of ``text`` as they are compared: case and diacritics don't count."""
    composed = unicodedata.normalize("NFC", clean(text)).translate(FOLDING)
    return [word[:MAX_WORD] for word in _WORD.findall(_MARKS.sub("", composed))]


def vectors(headline: str | None, body: str) -> list[str]:
    """The words of an article: one ``tsvector`` as text, or several for a long one."""
    in_headline, in_body = tokens(headline or ""), tokens(body)
    short = _short(in_headline, in_body)
    return _long(in_headline, in_body) if short is None else [short]


def _short(headline: Sequence[str], body: Sequence[str]) -> str | None:
    """The one ``tsvector`` of nearly every article; None where its words don't fit into one."""
    if len(headline) + len(body) > MAX_POSITION:
        return None
    if max(Counter([*headline, *body]).values(), default=0) > MAX_OCCURRENCES:
        return None
    places: dict[str, list[str]] = {}
    for at, word in enumerate(headline, start=1):
        places.setdefault(word, []).append(f"{at}{HEADLINE}")
    for at, word in enumerate(body, start=len(headline) + GAP):
        places.setdefault(word, []).append(str(at))
    text = " ".join([f"'{word}':{','.join(where)}" for word, where in places.items()])
    # Digits of positions and punctuation take more room here than positions do there.
    return text if len(text) < MAX_BYTES // 4 else None


def _long(headline: Sequence[str], body: Sequence[str]) -> list[str]:
    """Several, each from where the one before it was full, less ``OVERLAP`` words."""
    return [*_parts(headline, HEADLINE), *_parts(body, BODY)]


def _parts(words: Sequence[str], label: str) -> Iterator[str]:
    start = end = 0
    while end < len(words):
        text, end = _part(words, start, label)
        yield text
        start = max(start + 1, end - OVERLAP)


def _part(words: Sequence[str], start: int, label: str) -> tuple[str, int]:
    """The words from ``start`` on that fit into one ``tsvector``, and where the next begin."""
    places: dict[str, list[str]] = {}
    size = 0
    end = min(len(words), start + MAX_POSITION)
    for place, word in zip(_NUMBERED[label], islice(words, start, end), strict=False):
        known = places.get(word)
        if known is None:
            # The word, its quotes, and what the server keeps about it.
            size += len(word.encode()) + 8
            known = places[word] = []
        known.append(place)
        if len(known) == MAX_OCCURRENCES or size > MAX_BYTES:
            end = start + int(place.removesuffix(label))
            break
    return " ".join([f"'{word}':{','.join(where)}" for word, where in places.items()]), end


def query(expression: Expression) -> str:
    """``expression`` as a ``tsquery`` in text."""
    if isinstance(expression, Term):
        return _phrase(expression)
    if isinstance(expression, Not):
        return f"!({query(expression.part)})"
    join = " & " if isinstance(expression, And) else " | "
    return "(" + join.join(query(part) for part in expression.parts) + ")"


def _phrase(term: Term) -> str:
    words = [f"'{word}'" for each in term.words for word in tokens(each)]
    if term.prefix and words:
        words[-1] += ":*"
    # A term has at least one word; what folding leaves nothing of is found nowhere.
    return "(" + " <-> ".join(words or [NOWHERE]) + ")"


def terms(expression: Expression) -> list[Term]:
    """Every term of ``expression``, each once, also what must not be there."""
    if isinstance(expression, Term):
        return [expression]
    parts: Sequence[Expression] = (
        (expression.part,) if isinstance(expression, Not) else expression.parts
    )
    return list(dict.fromkeys(term for part in parts for term in terms(part)))


def over_parts(expression: Expression, names: dict[Term, str], column: str) -> str:
    """SQL for whether the parts of one article together match: for use in ``HAVING``.

    ``names``: the parameter that has the ``tsquery`` of each term.
    """
    if isinstance(expression, Term):
        return f"bool_or({column} @@ %({names[expression]})s::tsquery)"
    if isinstance(expression, Not):
        return f"NOT {over_parts(expression.part, names, column)}"
    join = " AND " if isinstance(expression, And) else " OR "
    return "(" + join.join(over_parts(part, names, column) for part in expression.parts) + ")"
