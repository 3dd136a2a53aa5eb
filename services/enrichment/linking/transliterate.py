# ruff: noqa: RUF001 (letters that look like Latin ones are what this file is about)
"""Names of other scripts in Latin letters, as English-language news would spell them.

Cyrillic after BGN/PCGN without its marks and apostrophes (the romanisation that news agencies
follow), with the letters of Ukrainian, Belarusian, Bulgarian, Serbian and Macedonian; Greek
after ISO 843 in its simple form.  Latin letters lose their marks in ``names.fold``.
"""

from __future__ import annotations

import re
import unicodedata

_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "yo", "ж": "zh",
    "з": "z", "и": "i", "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o",
    "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts",
    "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu",
    "я": "ya", "і": "i", "ї": "yi", "є": "ye", "ґ": "g", "ў": "u", "ј": "j", "љ": "lj",
    "њ": "nj", "ђ": "dj", "ћ": "c", "џ": "dz", "ѓ": "gj", "ќ": "kj", "ѕ": "dz",
    "қ": "q", "ғ": "g", "ң": "n", "ө": "o", "ұ": "u", "ү": "u", "һ": "h", "ә": "a",
    "ʼ": "", "’": "", "'": "",
}  # fmt: skip
_GREEK = {
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th",
    "ι": "i", "κ": "k", "λ": "l", "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p",
    "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f", "χ": "ch", "ψ": "ps",
    "ω": "o",
}  # fmt: skip
_UKRAINIAN = _CYRILLIC | {"г": "h", "и": "y"}
_BELARUSIAN = _CYRILLIC | {"г": "h"}
_GREEK_PAIRS = (("ου", "u"), ("μπ", "b"), ("ντ", "nt"), ("γγ", "ng"), ("ει", "i"), ("οι", "i"))
"""Two letters for one sound, before the letters by themselves."""

_GREEK_LETTER = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]")
_CYRILLIC_LETTER = re.compile(r"[\u0400-\u052f]")
_FOREIGN = re.compile(r"[\u0370-\u03ff\u0400-\u052f\u1f00-\u1fff]")
_UKRAINIAN_LETTERS = re.compile(r"[іїєґ]")
_BELARUSIAN_LETTERS = re.compile(r"[ў]|[ыэё].*і|і.*[ыэё]")


def latin(name: str) -> str:
    """``name`` with Cyrillic and Greek letters replaced, in lower case where there are any.

    A name without them comes back as it is; letters of further scripts stay.
    """
    if not _FOREIGN.search(name):
        return name
    plain = unicodedata.normalize("NFC", name).lower()
    letters = _alphabet(plain)
    return "".join(letters.get(char, char) for char in _greek(plain))


def is_cyrillic(name: str) -> bool:
    """Whether ``name`` has Cyrillic letters."""
    return _CYRILLIC_LETTER.search(name) is not None


def _alphabet(name: str) -> dict[str, str]:
    """The same letter reads differently in Russian, Ukrainian and Belarusian."""
    if _BELARUSIAN_LETTERS.search(name):
        return _BELARUSIAN
    return _UKRAINIAN if _UKRAINIAN_LETTERS.search(name) else _CYRILLIC


def _greek(name: str) -> str:
    bare = (
        "".join(
            char for char in unicodedata.normalize("NFD", name) if not unicodedata.combining(char)
        )
        if _GREEK_LETTER.search(name)
        else name
    )
    for pair, sound in _GREEK_PAIRS:
        bare = bare.replace(pair, sound)
    return "".join(_GREEK.get(char, char) for char in bare)
