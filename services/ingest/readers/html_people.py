"""Who wrote a page: names out of what publishers put into author fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from services.ingest.readers.bylines import byline

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_NAME: Final = 100
"""Characters of one author; what is longer is a sentence about one."""

MAX_AUTHORS: Final = 50
"""Authors of one article; a project of several newsrooms names about thirty."""

_ADDRESS: Final = re.compile(
    r"https?://|^www\.|^[\w.-]+\.(?:com|org|net|co\.uk|de|fr)(?:/|$)|^@\w+$|^/"
)
_MAIL: Final = re.compile(r"[<(]?\s*[\w.+-]+@[\w-]+\.[\w.-]+\s*[>)]?")
_BY: Final = re.compile(
    r"(?:(?:[Ww]ritten |[Ww]ords |[Ss]tory )?[Bb]y|BY|Von|Par|Por|Door|Af|Av|Przez|Автор|Текст)"
    r"(?:\s?:)?\s+(?=[^\W\d_]\S*\s)"
)
"""Capitals, and two words after it: names begin with "von" and "de" too."""

_SEPARATORS: Final = re.compile(
    r"\s*(?:[;|•·]|\s/\s|,?\s(?:and|und|et|y|e|en|og|och|i|и|ja|a)\s|\s&\s)\s*"
)
_NAME: Final = re.compile(r"[^\W\d_][\w.'’-]*(?:\s[^\W\d_][\w.'’-]*){1,4}")
_PLACEHOLDERS: Final = frozenset({
    "admin", "administrator", "author", "editor", "none", "null", "undefined", "unknown", "user",
    "webmaster", "wordpress", "n/a", "-", "false", "true",
})  # fmt: skip


def authors_of(values: Iterable[str]) -> tuple[str, ...]:
    """The names in ``values``, each once; addresses, handles and place holders are dropped."""
    names = (name for value in values for name in names_in(value))
    unique = {name.casefold(): name for name in reversed(list(names))}
    return tuple(reversed(unique.values()))[:MAX_AUTHORS]


def names_in(text: str) -> tuple[str, ...]:
    """The names of one field: ``By Ines Varga and Tom Lund, Valley Courier``."""
    text = _MAIL.sub("", text).strip(" ,;|")
    if not text or _ADDRESS.search(text):
        return ()
    stripped = _BY.sub("", text, count=1) if _BY.match(text) else text
    found = byline(f"By {stripped}")
    if found is not None and found.authors:
        return found.authors
    parts = [part.strip(" ,") for part in _SEPARATORS.split(stripped)]
    if len(parts) == 1 and "," in stripped:
        parts = _listed(stripped)
    elif not all(_NAME.fullmatch(part) for part in parts):
        parts = [stripped]
    return tuple(part for part in parts if _is_name(part))


def _listed(text: str) -> list[str]:
    """``text`` parted at its commas where names are what stands between them."""
    parts = [part.strip() for part in text.split(",")]
    return parts if all(_NAME.fullmatch(part) for part in parts) else [text]


def _is_name(text: str) -> bool:
    return 1 < len(text) <= MAX_NAME and text.casefold() not in _PLACEHOLDERS
