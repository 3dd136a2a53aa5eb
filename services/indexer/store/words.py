"""Search words as people type them, taken apart; there is no syntax to get wrong."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# A phrase runs to the next quote, or to the end where the quote was never closed.
_PART = re.compile(r'"(?P<phrase>[^"]*)(?:"|$)|(?P<word>[^\s"]+)')


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or several in this order; ``prefix``: the last one may go on."""

    text: str
    prefix: bool = False


def clean(text: str) -> str:
    """``text`` as a database can take it: lone surrogates and NULs made spaces."""
    valid = text.encode("utf-8", "replace").decode("utf-8")
    return valid.replace("\0", " ")


def fold(text: str) -> str:
    """``text`` for comparing names: case, width and composition of characters don't count."""
    return unicodedata.normalize("NFKC", clean(text)).casefold().strip()


def parse(words: str) -> tuple[Term, ...]:
    """The terms of ``words``, all of which are required.

    Never raises.  A term may hold punctuation only; it stands for no word.
    """
    terms = []
    for part in _PART.finditer(clean(words)):
        phrase, word = part["phrase"], part["word"]
        if phrase is not None:
            terms.append(Term(phrase))
        else:
            text = word.rstrip("*")
            terms.append(Term(text, prefix=text != word))
    return tuple(term for term in terms if term.text.strip())
