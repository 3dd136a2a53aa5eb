"""What a publisher files an article under, as evidence for its topics: section, address, keywords.

A section names a desk, not a subject: "World" says nothing of one, "Sport" all.  The table is our
own: names of sections as English-language newspapers, agencies and broadcasters use them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from schemas.article import RawArticle

Strength = Literal["sure", "hint"]

_SURE: dict[str, str] = {
    "01": "arts|art|culture|entertainment|movies|film|films|music|books|theatre|theater|tv|"
    "television|tv and radio|stage|dance|showbiz|art and design|arts and culture|"
    "arts and entertainment|entertainment and arts|culture and arts|tv and movies|literature|"
    "museums",
    "02": "crime|courts|law|law and order|crime and justice|crime and courts|justice|police|legal|"
    "law and crime|public safety and crime",
    "03": "disasters|accidents|disasters and accidents|natural disasters",
    "04": "business|economy|finance|markets|money|economics|companies|banking|stocks|investing|"
    "real estate|property|business and economy|economy and business|personal finance|energy|retail|"
    "autos|commodities|business news|small business|your money|financial markets|mergers",
    "05": "education|schools|higher education|universities|students|school|teachers|college",
    "06": "environment|climate|climate change|wildlife|conservation|green|climate and environment|"
    "environment and climate|nature|pollution",
    "07": "health|medicine|healthcare|public health|coronavirus|covid|health and medicine|"
    "health news|mental health",
    "08": "celebrity|celebrities|royals|royal family|human interest|people|weird news|odd news|"
    "offbeat|good news|oddly enough|gossip",
    "09": "labor|labour|jobs|careers|employment|workplace|labor and employment",
    "10": "lifestyle|life and style|food|travel|fashion|style|recipes|gardening|homes|dining|"
    "food and drink|home and garden|cooking|leisure|puzzles|wellness|beauty",
    "11": "politics|elections|election|government|policy|parliament|congress|white house|diplomacy|"
    "foreign affairs|national politics|us politics|uk politics|geopolitics|foreign policy",
    "12": "religion|faith|belief|church|beliefs|religion and belief",
    "13": "science|technology|tech|space|science and technology|tech and science|"
    "science and environment|gadgets|cybersecurity|artificial intelligence|ai|computing|innovation|"
    "astronomy|physics",
    "14": "society|social issues|immigration|migration|race|gender|family|parenting|social affairs|"
    "refugees|inequality|lgbtq",
    "15": "sport|sports|football|soccer|cricket|tennis|rugby|golf|basketball|baseball|hockey|"
    "ice hockey|boxing|athletics|cycling|swimming|formula 1|f1|motorsport|motor sport|olympics|"
    "nfl|nba|mlb|nhl|rugby union|rugby league|horse racing|college football|premier league|"
    "world cup|champions league|skiing",
    "16": "war|conflict|conflicts|terrorism|ukraine war|war in ukraine|russia ukraine war|"
    "war and conflict|gaza war|israel hamas war|armed conflict",
    "17": "weather|forecast|weather news|forecasts",
}
_HINTS: dict[str, str] = {
    "01": "media|features|games|obituaries|celebrity|weekend",
    "02": "investigations|corruption",
    "06": "energy|science and environment",
    "08": "obituaries|features|obituary|trending|viral",
    "09": "work|unions",
    "10": "life|living|weekend|features|family|celebrity",
    "11": "world|international|nation|national|us|uk|europe|asia|africa|middle east|americas|"
    "world news|washington|opinion|military|defense|defence",
    "14": "people|communities|women|obituaries|voices",
    "16": "military|defense|defence|security|middle east|war crimes",
}

SURE_SCORE = 0.7
"""What a section alone is worth: a person filed it there, yet desks print what is near their
subject too (the tax case of a footballer under Sport)."""

PRIOR: dict[Strength, float] = {"sure": 1.5, "hint": 0.5}
"""What is added to the model's log-odds of a class: a sure section makes even odds 4 to 1."""

MOST_KEYWORDS = 20
MOST_PATH_PARTS = 8
"""Read at most: longer lists name everything, and longer addresses are no paths of sections."""

MOST_NAME = 60
"""Characters of a section's name; a longer text is none."""

_NO_NAME = re.compile(r"[^a-z0-9]+")
_BETWEEN = re.compile(r"\s*(?:[/|>,;:•»]|\s-\s)\s*")


def _table() -> dict[str, dict[str, Strength]]:
    found: dict[str, dict[str, Strength]] = {}
    given: tuple[tuple[Strength, dict[str, str]], ...] = (("hint", _HINTS), ("sure", _SURE))
    for strength, table in given:
        for number, names in table.items():
            for name in names.split("|"):
                found.setdefault(name, {})[f"medtop:{number}000000"] = strength
    return found


SECTIONS = _table()
"""Name of a section (lower case, words only) to codes and how surely it means each."""


@dataclass(frozen=True, slots=True)
class Filed:
    """What speaks for one code: how strongly, and the words that do, as a person reads them."""

    strength: Strength
    words: tuple[str, ...]


def filed_under(article: RawArticle) -> dict[str, Filed]:
    """Media Topic codes that section, address and keywords speak for, in the table's order."""
    found: dict[str, list[tuple[Strength, str]]] = {}
    for words, name, most in _names(article):
        for code, strength in SECTIONS.get(name, {}).items():
            said: Strength = "hint" if most == "hint" else strength
            found.setdefault(code, []).append((said, words))
    return {code: _joined(found[code]) for code in sorted(found)}


def _joined(said: list[tuple[Strength, str]]) -> Filed:
    sure = any(strength == "sure" for strength, _ in said)
    return Filed("sure" if sure else "hint", tuple(dict.fromkeys(words for _, words in said)))


def _names(article: RawArticle) -> Iterator[tuple[str, str, Strength]]:
    """Each name that the article is filed under: as shown, as looked up, how far to trust it."""
    for name in _section_names(article.section or ""):
        yield f"section: {name}", normal(name), "sure"
    for part in _path(article.url or ""):
        yield f"address: /{part}/", normal(part), "sure"
    for keyword in islice(article.keywords, MOST_KEYWORDS):
        # Keywords name what is mentioned ("football" in a story of a stadium's fire).
        yield f"keyword: {keyword[:MOST_NAME]}", normal(keyword), "hint"


def _section_names(section: str) -> Iterable[str]:
    """The section as it is, and its parts where it is a path ("News / Business & Economy")."""
    whole = section[: 2 * MOST_NAME].strip()
    return dict.fromkeys(part for part in (whole, *_BETWEEN.split(whole)) if part)


def normal(name: str) -> str:
    """``name`` in lower case, "&" as "and", everything but letters and digits as spaces."""
    if len(name) > MOST_NAME:
        return ""
    return _NO_NAME.sub(" ", name.lower().replace("&", " and ")).strip()


def _path(url: str) -> list[str]:
    """The folders of the address, without the article's own name at its end."""
    try:
        path = urlsplit(url).path
    except ValueError:  # "http://[x" is no address
        return []
    return [part for part in path.split("/")[:-1] if part][:MOST_PATH_PARTS]
