"""Running text out of tokens, as an article would have it, and where each token stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_LEFT = frozenset({",", ".", ";", ":", "!", "?", ")", "]", "}", "%", "'s", "n't", "'re", "'ve"}) | {
    *("'ll", "'d", "'m", "''", "...", "’s")
}
"""Tokens that stand without a space after what is before them."""

_RIGHT = frozenset({"(", "[", "{", "$", "£", "€", "#", "``"})
"""Tokens that stand without a space before what follows."""

_QUOTES = frozenset({'"', "'"})
_QUOTE_MARKS = {"``": '"', "''": '"', "-LRB-": "(", "-RRB-": ")"}
_TIGHT = re.compile(r"[/\-]")
"""Marks that are tight on both sides where the source wrote a compound in three tokens."""


def join(tokens: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """The text and each token's ``[start, end)`` in it."""
    text, places = "", []
    glued = True
    open_quotes: set[str] = set()
    for raw in tokens:
        token = _QUOTE_MARKS.get(raw, raw)
        closes = token in _QUOTES and token in open_quotes
        if not (glued or closes or token in _LEFT):
            text += " "
        places.append((len(text), len(text) + len(token)))
        text += token
        glued = token in _RIGHT
        if token in _QUOTES:
            glued = not closes
            open_quotes ^= {token}
    return text, places
