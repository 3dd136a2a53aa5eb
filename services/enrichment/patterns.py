"""Patterns that are fast to look for in a whole text.

The engine skips to where a pattern may begin only if the pattern itself begins with a letter or
a set of them; one that begins with a border of a word, a look-behind or letters of either case is
tried at every character, ten times as slowly.  So what must not stand in front is asked behind the
first letter.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CAPITAL = r"[A-ZÀ-ÖØ-ÞŁŚŠŽČĆĐİ]"
"""A letter that a name begins with."""

_SAME = {"i": "iI\u0130\u0131", "k": "kK\u212a", "s": "sS\u017f"}
"""What the engine takes for the same letter where case is ignored, beside both its cases."""


def by_first_letter(words: Iterable[str], *, behind: str = "", any_case: bool = False) -> str:
    """A pattern for one of ``words``: only those with the first letter that is there are tried.

    ``behind`` stands in the pattern behind that letter.  Shorter words may hide longer ones, so
    what follows must end a word.  ``any_case``: of small letters, found in capitals as well.
    """
    rests: dict[str, list[str]] = defaultdict(list)
    for word in sorted(words):
        for first in _SAME.get(word[0], word[0] + word[0].upper()) if any_case else word[0]:
            rests[first].append(re.escape(word[1:]))
    flag = "i" if any_case else ""
    return "|".join(
        f"{re.escape(first)}{behind}(?{flag}:{'|'.join(rest)})" for first, rest in rests.items()
    )
