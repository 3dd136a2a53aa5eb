"""The form in which names are compared with the table."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from services.enrichment.annotators.names import fold
from services.enrichment.linking.person_names import LONGEST, person_key
from services.enrichment.linking.transliterate import latin

if TYPE_CHECKING:
    from schemas.article import EntityType

LONGEST_ACRONYM = 3
"""Letters up to which an abbreviation must be written in capitals: "WHO" and "who", "US" and
"us". Longer ones are also written like words: Nato, Unicef."""

_JOINTS = re.compile(r"[-/·]+")
_SPACES = re.compile(r"\s+")
_STOPS = re.compile(r"(?<=\w)\.(?=\s|$)")
_LEGAL = re.compile(
    r"[ ,]+(?:inc|incorporated|corp|corporation|co|company|ltd|limited|llc|llp|plc|ag|sa|se|nv|"
    r"spa|gmbh|ab|asa|oyj|kk|pjsc|ojsc|jsc|group|holdings?)\.?$"
)


def form(name: str) -> str:
    """``name`` for looking up: Latin letters, folded, hyphens as spaces, no closing full stops."""
    plain = fold(latin(name[:LONGEST]))
    return _SPACES.sub(" ", _JOINTS.sub(" ", _STOPS.sub("", plain))).strip()


def without_legal_form(folded: str) -> str:
    """A company's name without "Inc." and the like, of which there may be two."""
    shorter = _LEGAL.sub("", _LEGAL.sub("", folded))
    return shorter.strip(" ,") or folded


def is_abbreviation(name: str) -> bool:
    """Whether ``name`` is written like one: short, in capitals, "U.N." too."""
    letters = name.replace(".", "").replace("&", "")
    return 2 <= len(letters) <= 6 and letters.isupper() and " " not in name  # noqa: PLR2004 (letters of an acronym)


def fits_as_abbreviation(name: str) -> bool:
    """Whether ``name``, which folds like an abbreviation, is written like this one."""
    letters = [char for char in name if char.isalpha()]
    if len(letters) <= LONGEST_ACRONYM:
        return all(char.isupper() for char in letters)
    return bool(letters) and letters[0].isupper()


def hashed(text: str) -> int:
    """64 bits of ``text``, the same on every machine.

    That two of 300,000 names share them has one chance in 400 million.
    """
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def own_key(kind: EntityType, name: str) -> str:
    """The key of somebody or something without an id: ``person:ned price``, ``org:belta``."""
    plain = person_key(name) if kind == "PERSON" else form(name)
    return f"{kind.lower()}:{plain}"
