"""Organisations of one document that are one: "World Health Organization (WHO)", "WHO".

Joined are acronyms and their long names, names with and without their legal form
("Acme Inc", "Acme"), and a short form and the only long name that begins with it
("Goldman", "Goldman Sachs").  Where two long names fit, the short one joins neither.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from services.enrichment.annotators.names import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_SMALL_WORDS = frozenset(
    {"of", "and", "for", "the", "in", "on", "at", "to", "de", "la", "du", "des", "&"}
)

FEWEST_INITIALS = 3
"""Letters of an acronym that is joined to its long name without being declared; two-letter ones
fit too much."""

FEWEST_LETTERS = 4
"""Letters of a short form: shorter words begin too many names."""

MOST_WORDS = 10
"""Words of a long name that a declared acronym is looked for in front of."""

_LEGAL = re.compile(
    r"[,\s]+(?:inc|incorporated|corp|corporation|co|company|ltd|limited|llc|llp|plc|ag|sa|nv|gmbh|"
    r"group|holdings?)\.?$"
)
_COMMON = """
national international bank university ministry department united american british royal world
global first central federal state general european north south east west new house court
council committee party school college institute saint republic commission institut association
society federation union agency office board bureau museum church team city
"""
GENERIC = frozenset(_COMMON.split())
"""First words of very many names: no short form of any one of them."""

_DECLARED = re.compile(r"\s\(\s?(?:the\s)?[\"“]?([A-Z][A-Za-z&.]{1,9})[\"”]?\s?\)")
_BEFORE = re.compile(r"[^\W\d_](?:[^\s()\[\]\"“”,;:]*[^\W_])?")


def declared(text: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Offsets of a long name and of the acronym in brackets behind it, where they fit."""
    for match in _DECLARED.finditer(text):
        acronym = match[1].replace(".", "").replace("&", "")
        capitals = "".join(char for char in acronym if char.isupper()).casefold()
        long_name = _spelt_out(text, match.start(), capitals) if len(capitals) > 1 else None
        if long_name is not None:
            yield long_name, match.span(1)


def _spelt_out(text: str, end: int, initials: str) -> tuple[int, int] | None:
    """The words right before ``end`` whose initials these are, from the first of them on."""
    line = text.rfind("\n", max(0, end - 150), end) + 1 or max(0, end - 150)
    words = list(_BEFORE.finditer(text, line, end))[-MOST_WORDS:]
    if not words or text[words[-1].end() : end].strip():
        return None
    for index in range(len(words) - 2, -1, -1):
        fitting = [word[0].casefold() for word in words[index:]]
        if words[index][0][0].isupper() and initials in _initials(fitting):
            return words[index].start(), words[-1].end()
    return None


def _initials(words: Sequence[str]) -> set[str]:
    """With and without the small words, hyphens opened or not."""
    parts = [part for word in words for part in word.split("-") if part]
    return {
        "".join(word[0] for word in words),
        "".join(word[0] for word in words if word not in _SMALL_WORDS),
        "".join(word[0] for word in parts if word not in _SMALL_WORDS),
    }


def leaders(names: Iterable[tuple[str, str]], text_pairs: dict[str, str]) -> dict[str, str]:
    """Each organisation's folded name to the folded name of what it is a form of.

    ``names`` are (as written, folded); ``text_pairs`` are declared acronyms, folded, with
    their long names.
    """
    written = {folded: text for text, folded in names}
    leads: dict[str, str] = {}
    long_names = _by_initials(written)
    for folded, text in written.items():
        found = text_pairs.get(folded) or _only(_longer(folded, text, long_names))
        if found is not None and found != folded and found in written:
            leads[folded] = found
    leads |= _short_forms(written, leads)
    return {folded: _last(folded, leads) for folded in written}


def _last(folded: str, leads: dict[str, str]) -> str:
    """The end of a chain: acronym → long name → the same with its legal form."""
    seen = {folded}
    while folded in leads and leads[folded] not in seen:
        folded = leads[folded]
        seen.add(folded)
    return folded


def _by_initials(written: dict[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for folded in written:
        words = without_legal_form(folded).split()
        if len(words) >= FEWEST_INITIALS - 1:
            for initials in sorted(_initials(words)):
                found[initials].append(folded)
    return found


def _longer(folded: str, text: str, long_names: dict[str, list[str]]) -> list[str]:
    is_acronym = " " not in folded and text.replace(".", "").isupper()
    if not is_acronym or len(folded) < FEWEST_INITIALS:
        return []
    fitting = long_names.get(folded.replace(".", ""), [])
    # With and without its legal form, a name is one name.
    return list({without_legal_form(name): name for name in reversed(fitting)}.values())


def _short_forms(written: dict[str, str], leads: dict[str, str]) -> dict[str, str]:
    """Names without their legal form, and the first words of exactly one longer name."""
    starts: dict[str, list[str]] = defaultdict(list)
    for folded in written:
        words = folded.split()
        for count in range(1, len(words)):
            starts[" ".join(words[:count]).rstrip(",.")].append(folded)
    found = {}
    for folded in written:
        longer = [name for name in starts.get(folded, ()) if name != folded]
        same = [name for name in longer if without_legal_form(name) == folded]
        usable = len(folded) >= FEWEST_LETTERS and folded not in GENERIC
        other = _only(same) or (_only(longer) if usable else None)
        if other is not None and folded not in leads:
            found[folded] = other
    return found


def _only(names: Sequence[str]) -> str | None:
    return names[0] if len(names) == 1 else None


def without_legal_form(folded: str) -> str:
    """``acme`` of ``acme, inc.``; a name of nothing else stays."""
    return _LEGAL.sub("", folded) or folded


def folded_pairs(
    text: str, declarations: Iterable[tuple[tuple[int, int], tuple[int, int]]]
) -> dict[str, str]:
    """Folded acronyms to their folded long names; the first declaration holds."""
    pairs: dict[str, str] = {}
    for (first, last), (start, end) in declarations:
        pairs.setdefault(fold(text[start:end]), fold(text[first:last]))
    return pairs
