"""Search words as people type them, taken apart; there is no syntax to get wrong.

* Words side by side, or with ``AND`` between them, are all required; ``OR``: one of them;
  ``NOT``, or a hyphen in front (``-word``): none of these.  ``AND`` binds more than ``OR``.
* ``"a phrase"`` is its words in this order, ``begin*`` and ``"to begin*"`` may go on.
* Parentheses group.

Operators count in capitals only, and only where they have something to join; a parenthesis
only where it stands at the edge of a word and has a partner.  Whatever else there is, is
plain words.  What can't be searched for (only what must *not* be there, too many words)
raises ``BadQuery``.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from services.indexer.store.base import BadQuery

MAX_TERMS = 100
"""Words and phrases of a search: more than anybody types, and a query of so many is still
answered in milliseconds."""

MAX_DEPTH = 20
"""Parentheses within each other that count; those within are left out, as punctuation is."""

# A phrase runs to the next quote, or to the end where the quote was never closed.
_PART = re.compile(r'(?P<open>-?\(|-)?"(?P<phrase>[^"]*)(?:"(?P<star>\*?)|$)|(?P<word>[^\s"]+)')
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Term:
    """A word, or several in this order; ``prefix``: the last one may go on.

    ``text`` is as typed and has at least one letter or digit; ``words`` are its runs of these.
    """

    text: str
    prefix: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """What must follow each other: runs of letters and digits, as typed."""
        return tuple(_WORD.findall(self.text))


@dataclass(frozen=True, slots=True)
class Not:
    """Stands beside something in an ``And`` only."""

    part: Expression


@dataclass(frozen=True, slots=True)
class And:
    """At least two parts, one of which is no ``Not``."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least two parts, none of which is a ``Not``."""

    parts: tuple[Expression, ...]


Expression: TypeAlias = Term | And | Or | Not


def clean(text: str) -> str:
    """``text`` as a database can take it: lone surrogates and NULs made spaces."""
    valid = text.encode("utf-8", "replace").decode("utf-8")
    return valid.replace("\0", " ")


def fold(text: str) -> str:
    """``text`` for comparing names: case, width and composition of characters don't count."""
    if text.isascii():  # as most names are: there is one composition only
        return text.replace("\0", " ").lower().strip()
    return unicodedata.normalize("NFKC", clean(text)).casefold().strip()


def name_words(text: str) -> tuple[str, ...]:
    """The words of a name as they are looked up: case, width and diacritics don't count."""
    folded = fold(text)
    if not folded.isascii():
        parts = unicodedata.normalize("NFD", folded)
        folded = "".join(c for c in parts if not unicodedata.combining(c))
    return tuple(_WORD.findall(folded))


def parse(words: str) -> Expression | None:
    """What is searched for; None where there is no word.  Raises ``BadQuery``."""
    tokens = _operators(_paired(_tokens(clean(words))))
    if sum(isinstance(token, Term) for token in tokens) > MAX_TERMS:
        raise BadQuery(f"A search takes at most {MAX_TERMS} words and phrases; leave some out")
    return _Parser(tokens).parse() if tokens else None


def positive(expression: Expression | None) -> tuple[Term, ...]:
    """The terms that make an article match, in their order: what is marked in its text."""
    if expression is None or isinstance(expression, Not):
        return ()
    if isinstance(expression, Term):
        return (expression,)
    return tuple(term for part in expression.parts for term in positive(part))


_OPEN, _CLOSE, _AND, _OR, _NOT, _MINUS = "(", ")", "AND", "OR", "NOT", "-"
_Piece: TypeAlias = "Term | str"


def _tokens(words: str) -> list[_Piece]:
    """Terms, parentheses, hyphens, and words that may be operators."""
    found: list[_Piece] = []
    at = 0
    while (part := _PART.search(words, at)) is not None:
        if part["phrase"] is not None:
            found += part["open"] or ""
            found += _term(part["phrase"], bool(part["star"]) or part["phrase"].endswith("*"))
            # A parenthesis right behind a phrase closes what was opened before it.
            closing = re.compile(r"\)+(?=[\s)]|$)").match(words, part.end())
            found += closing[0] if closing else ""
            at = closing.end() if closing else part.end()
        else:
            found += _word(part["word"])
            at = part.end()
    return found


def _word(word: str) -> list[_Piece]:
    """A run without spaces and quotes: perhaps a hyphen or parentheses around a word."""
    head = re.match(r"(?:-?\()*(?:-(?=[^-]))?", word)
    start = head.end() if head else 0
    end = len(word.rstrip(")")) if start < len(word) else start
    bare, tail = word[start:end], word[max(start, end) :]
    if bare in {_AND, _OR, _NOT}:
        return [*word[:start], bare, *tail]
    return [*word[:start], *_term(bare.rstrip("*"), bare.endswith("*")), *tail]


def _term(text: str, prefix: bool) -> list[_Piece]:  # noqa: FBT001  (a term's two parts)
    return [Term(text.rstrip("*"), prefix)] if _WORD.search(text) else []


def _paired(tokens: list[_Piece]) -> list[_Piece]:
    """Without parentheses that have no partner, hold nothing or are too deep, and idle hyphens."""
    kept: list[_Piece | None] = []
    opened: list[int] = []
    for token in tokens:
        if token == _CLOSE:
            _close(kept, opened)
            continue
        if token == _OPEN:
            opened.append(len(kept))
        kept.append(token)
    for at in opened:
        kept[at] = None
    return _hyphens(_shallow([token for token in kept if token is not None]))


def _close(kept: list[_Piece | None], opened: list[int]) -> None:
    if not opened:
        return
    start = opened.pop()
    last = len(kept) - 1
    while kept[last] in {None, _MINUS}:
        last -= 1
    if last == start:
        del kept[start:]
    else:
        kept.append(_CLOSE)


def _shallow(tokens: list[_Piece]) -> list[_Piece]:
    depth, kept = 0, list[_Piece]()
    for token in tokens:
        depth += token == _OPEN
        if token not in (_OPEN, _CLOSE) or depth <= MAX_DEPTH:
            kept.append(token)
        depth -= token == _CLOSE
    return kept


def _hyphens(tokens: list[_Piece]) -> list[_Piece]:
    """Those in front of a term or a parenthesis mean ``NOT``; the others nothing."""
    return [
        token
        for token, after in pairwise([*tokens, _CLOSE])
        if token != _MINUS or isinstance(after, Term) or after == _OPEN
    ]


def _operators(tokens: list[_Piece]) -> list[_Piece]:
    """Words that look like operators and join nothing are plain words."""
    found: list[_Piece] = []
    for n, token in enumerate(tokens):
        before = found[-1] if found else _OPEN
        after = tokens[n + 1] if n + 1 < len(tokens) else _CLOSE
        starts = isinstance(after, Term) or after in {_OPEN, _MINUS, _NOT}
        ended = isinstance(before, Term) or before == _CLOSE
        if isinstance(token, str) and (
            (token in {_AND, _OR} and not (starts and ended)) or (token == _NOT and not starts)
        ):
            found.append(Term(token))
        else:
            found.append(token)
    return found


class _Parser:
    """Goes through tokens of which every operator has what it needs.

    Parentheses are at most ``MAX_DEPTH`` deep, and so are its calls.
    """

    def __init__(self, tokens: list[_Piece]) -> None:
        self._tokens = tokens
        self._at = 0

    def parse(self) -> Expression:
        """Everything; only a ``Not`` finds nothing."""
        return _checked(self._either())

    def _next(self) -> _Piece:
        return self._tokens[self._at] if self._at < len(self._tokens) else _CLOSE

    def _either(self) -> Expression:
        parts = [self._all()]
        while self._next() == _OR:
            self._at += 1
            parts.append(self._all())
        if len(parts) == 1:
            return parts[0]
        return Or(tuple(_checked(part) for part in parts))

    def _all(self) -> Expression:
        parts = [self._one()]
        while self._next() not in {_OR, _CLOSE}:
            self._at += self._next() == _AND
            parts.append(self._one())
        if len(parts) == 1:
            return parts[0]
        if all(isinstance(part, Not) for part in parts):
            raise _only_negative()
        return And(tuple(parts))

    def _one(self) -> Expression:
        negative = False
        while self._next() in {_NOT, _MINUS}:
            negative = not negative
            self._at += 1
        token = self._next()
        self._at += 1
        if isinstance(token, Term):
            return Not(token) if negative else token
        inner = self._either()
        self._at += 1
        if negative:
            return inner.part if isinstance(inner, Not) else Not(inner)
        return inner


def _checked(part: Expression) -> Expression:
    if isinstance(part, Not):
        raise _only_negative()
    return part


def _only_negative() -> BadQuery:
    return BadQuery(
        "A search needs something to find, not only what must not be there: "
        "write 'bridge NOT toll', not 'NOT toll'"
    )
