"""What the knowledge table is built from: the shared sources, cleaned, as entries."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from services.enrichment.annotators.names import TITLES, fold, is_junk, person_tokens
from services.enrichment.linking.forms import form
from services.enrichment.linking.model import Candidate
from services.enrichment.linking.person_names import surname_key
from services.enrichment.linking.table import WEAK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from services.enrichment.linking.model import Kind

KNOWN_EVERYWHERE, KNOWN_WITH_COUNTRY, KNOWN_LOCALLY, OBSCURE = 1000, 500, 200, 10
"""Weights of people and bodies; ``linking.link`` says what each may be linked by."""

LARGE_CITY = 300_000
"""Inhabitants from which a city's names in other languages are kept, too."""

COMMON = 5
"""Times that a word stands in lower case among 110,000 lines of news, to be a word."""

SHARED, FEW = 4, 2
"""A surname is shared if a quarter of those who bear it in the news are others, two at least."""

_PAIR = re.compile(r"\b([A-Z][^\W\d_]+)(?: [A-Z]\.)? ([A-Z][^\W\d_]+)\b")

ALIKE = 0.6
"""Share of letters in common from which two names are spellings of one: Kyiv and Kiev have
0.75, Tehran and Teheran 0.92, Topeka and Google 0.17."""

_LARGE_STATES: Final = frozenset(
    {"US", "GB", "FR", "DE", "IT", "ES", "PL", "UA", "RU", "CN", "JP", "IN", "PK", "BD", "ID"}
    | {"KR", "KP", "TR", "IR", "IQ", "IL", "SA", "EG", "NG", "ZA", "ET", "KE", "BR", "MX", "AR"}
    | {"CA", "AU", "VE", "CO", "SY", "AF", "BY", "KZ", "NL", "SE", "GR", "HU", "CU", "VN", "TH"}
    | {"PH", "MM"}
)
"""States whose leaders are known all over the world."""

_MULTINATIONAL = re.compile(
    r"multinational|airline|automo|manufactur|technology|aerospace|software|oil and gas|"
    r"investment bank|telecommunications|media company|pharmaceutical|conglomerate|consumer",
    re.IGNORECASE,
)
_LEADER = re.compile(
    r"president of|prime minister|chancellor of|king of|queen of|monarch|minister of|emir|"
    r"secretary of state|foreign minister|minister for|secretary-general|us president|"
    r"us vice president|premier of|sultan|supreme leader",
    re.IGNORECASE,
)
_PLACE = re.compile(
    r"(?!.*school district)(?:\w+[ -]){0,4}?(?:city|town|municipality|comune|commune|district|"
    r"village|borough|county seat|ward|urban area|human settlement|county|prefecture|suburb|"
    r"(?:capital|province|state) (?:city|of|in))\b"
    r"(?! (?:council|government|bank|company|railway|transport|authority|agency|operator|owned))",
    re.IGNORECASE,
)
"""Descriptions of what isn't a company but a place that runs something."""

_CITY_NAME = re.compile(r"^[A-ZÀ-ÞĀ-Ž'’\u0400-\u042f]")


class BadSourceError(ValueError):
    """A source, or the supplement, isn't as it must be."""


@dataclass(slots=True)
class Entry:
    """One entry on its way into the table; ``names``: each with its flags."""

    candidate: Candidate
    code: str | None = None
    names: dict[str, int] = field(default_factory=dict)

    def add(self, names: Iterable[str], flags: int = 0) -> None:
        """Further names; "~" before one says that it has other meanings."""
        for raw in names:
            name = raw.removeprefix("~")
            weak = WEAK if raw.startswith("~") else 0
            self.names.setdefault(name, flags | weak)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _qid(text: object) -> str | None:
    found = re.search(r"Q\d+$", str(text or ""))
    return found[0] if found else None


def _usable(names: Iterable[str]) -> Iterator[str]:
    """Names without junk: numbers, one letter, lower case, glosses in brackets."""
    for raw in names:
        name = raw.split(" (")[0].strip()
        name = name.removeprefix("the ")
        if len(form(name)) > 1 and not is_junk(name) and not name.isdecimal():
            yield name


def _country(raw: Mapping[str, Any]) -> Entry:
    qid = _qid(raw["id"])
    candidate = Candidate(
        raw["id"] if qid else "", raw["name"], "GPE", "country",
        wikidata=qid, geonames=raw["geonames"], iso_country=raw["iso2"], weight=10**8,
    )  # fmt: skip
    entry = Entry(candidate, raw["iso2"])
    entry.add(_usable([raw["name"], *raw["aliases"]]))
    return entry


class Lands:
    """Countries by their names and demonyms, to find the one in a description."""

    def __init__(self, raws: Iterable[Mapping[str, Any]]) -> None:
        self._codes: dict[str, str] = {"u.s.": "US", "usa": "US", "u.k.": "GB", "england": "GB"}
        for raw in raws:
            if raw["type"] == "country":
                for name in (raw["name"], *raw["aliases"], raw["demonym"] or ""):
                    if name[:1].isascii() and len(name) > 2:  # noqa: PLR2004 ("US" is also "us")
                        self._codes.setdefault(name.lower(), raw["iso2"])

    def code_in(self, text: str) -> str | None:
        """The ISO code of the only country that ``text`` names, or None."""
        words = re.findall(r"[^\W\d_][\w.'’-]*", text.lower())
        pairs = [" ".join(pair) for pair in pairwise(words)]
        found = {self._codes[name] for name in (*words, *pairs) if name in self._codes}
        return found.pop() if len(found) == 1 else None


def _city(raw: Mapping[str, Any]) -> Entry:
    kind: Kind = "capital" if raw["capital"] else "city"
    candidate = Candidate(
        raw["id"], raw["name"], "GPE", kind,
        wikidata=_qid(raw.get("wikidata")), geonames=raw["id"][3:], weight=raw["pop"],
    )  # fmt: skip
    large = raw["capital"] or raw["pop"] >= LARGE_CITY
    further = [n for n in raw["aliases"] if large and _CITY_NAME.match(n)]
    entry = Entry(candidate, raw["cc"])
    entry.add(_usable([raw["name"], *further]))
    return entry


def _person(raw: Mapping[str, Any], country: str | None) -> Entry:
    known = any(_LEADER.search(role) for role in raw["roles"])
    congress = "us-congress" in raw["src"]
    weight = OBSCURE
    if known:
        weight = KNOWN_EVERYWHERE if country in _LARGE_STATES else KNOWN_WITH_COUNTRY
    elif congress:
        weight = KNOWN_LOCALLY
    candidate = Candidate(
        raw["id"], raw["name"], "PERSON", "person", wikidata=_qid(raw["id"]), weight=weight
    )
    entry = Entry(candidate, "US" if congress else country)
    entry.add(_usable([raw["name"], *raw["aliases"]]))
    return entry


def _company(raw: Mapping[str, Any], lands: Lands) -> Entry:
    weight = KNOWN_WITH_COUNTRY if _MULTINATIONAL.search(raw["desc"]) else KNOWN_LOCALLY
    candidate = Candidate(
        raw["id"], raw["name"], "ORG", "company", wikidata=_qid(raw["id"]), weight=weight
    )
    entry = Entry(candidate, lands.code_in(raw["desc"]))
    # Its lower-case aliases (is_junk) are what map makers typed, often the brands of others.
    entry.add(_usable([raw["name"], *raw["aliases"]]))
    return entry


def _outlet(raw: Mapping[str, Any]) -> Entry:
    weight = KNOWN_EVERYWHERE if raw.get("verified") else KNOWN_LOCALLY
    candidate = Candidate(
        raw["id"], raw["name"], "ORG", "outlet", wikidata=_qid(raw["id"]), weight=weight
    )
    entry = Entry(candidate, raw.get("cc"))
    entry.add(_usable([raw["name"], *raw["aliases"]]))
    return entry


def _countries_of_people(data: Path) -> dict[str, str]:
    """Wikidata id of an office-holder to that of the country; none for those of several."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, person, country in (
        ("world-leaders-wikidata.csv", "officeholder", "countryid"),
        ("foreign-ministers-wikidata.csv", "person", "country"),
    ):
        with (data / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found[row[person]].add(row[country])
    return {person: min(states) for person, states in found.items() if len(states) == 1}


def read(data: Path, words: frozenset[str]) -> list[Entry]:
    """The entries of the shared sources in ``data``, countries first.

    ``words``: names of one word among them that are also words belong to nobody for sure.
    """
    raws = list(_rows(data / "entities.jsonl.gz"))
    countries = [_country(raw) for raw in raws if raw["type"] == "country"]
    demonyms = [entry for raw in raws if raw["type"] == "country" for entry in _demonym(raw)]
    cities = [_city(raw) for raw in raws if raw["type"] == "city"]
    codes = {entry.candidate.wikidata: entry.code for entry in countries}
    homes = _countries_of_people(data)
    people = [
        _person(raw, codes.get(homes.get(raw["id"][3:]))) for raw in raws if raw["type"] == "person"
    ]
    lands = Lands(raws)
    companies = [raw for raw in raws if raw["type"] == "org"]
    _give_ids(cities, [raw for raw in companies if _PLACE.match(raw["desc"])], lands)
    bodies = [_company(raw, lands) for raw in companies if not _PLACE.match(raw["desc"])]
    bodies += [_outlet(raw) for raw in raws if raw["type"] == "media"]
    _mark_words(bodies, words | _borne(people))
    entries = [*countries, *demonyms, *cities, *people, *bodies]
    _drop_borrowed(cities, entries)
    return entries


def _give_ids(cities: Sequence[Entry], places: Sequence[Mapping[str, Any]], lands: Lands) -> None:
    """Towns stand among the companies, as those that run things: their ids are the cities'.

    Taken only where one city has the name, in the country that the description names.
    """
    by_name: dict[str, list[Entry]] = defaultdict(list)
    for city in cities:
        by_name[form(city.candidate.name)].append(city)
    for place in places:
        found = by_name[form(place["name"])]
        if len(found) == 1 and found[0].code == lands.code_in(place["desc"]):
            known = found[0].candidate.wikidata or _qid(place["id"])
            found[0].candidate = replace(found[0].candidate, wikidata=known)


def _borne(people: Sequence[Entry]) -> frozenset[str]:
    """First names and surnames of the people."""
    return frozenset(token for person in people for token in person_tokens(person.candidate.name))


def _mark_words(bodies: Sequence[Entry], words: frozenset[str]) -> None:
    """Flag names of one word that is in ``words``."""
    for body in bodies:
        body.names = {
            name: flags | (WEAK if form(name) in words else 0) for name, flags in body.names.items()
        }


def _drop_borrowed(cities: Sequence[Entry], entries: Sequence[Entry]) -> None:
    """A city's further names that are another one's usual name, unless they are alike.

    Topeka called itself Google for a month; Victoria was a part of Hong Kong.
    """
    usual = {form(entry.candidate.name) for entry in entries}
    for city in cities:
        own = form(city.candidate.name)
        city.names = {
            name: flags
            for name, flags in city.names.items()
            if form(name) not in usual or _alike(form(name), own)
        }


def _alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one, other).ratio() >= ALIKE


def shared_surnames(path: Path, people: Iterable[Entry]) -> frozenset[str]:
    """Keys of surnames that the news gives to others than the best known bearer, too.

    Of "First Last" in the news (pairs of words in capitals, the first no title and no common
    word), one in :data:`SHARED` or more has another first name than the bearers in ``people``.
    """
    own: dict[str, set[str]] = defaultdict(set)
    for person in people:
        for name in person.names:
            first, *rest = person_tokens(name) or ("",)
            if rest:
                own[rest[-1]].add(first)
    pairs: Counter[tuple[str, str]] = Counter()
    for row in _rows(path):
        if row["ds"].startswith("wcep"):
            pairs.update(_PAIR.findall(row["t"]))
    words = common_words(path) | TITLES
    totals, others = Counter[str](), Counter[str]()
    for (first, last), count in pairs.items():
        plain, surname = fold(first), fold(last)
        if surname in own and plain not in words:
            totals[surname] += count
            others[surname] += count if plain not in own[surname] else 0
    shared = (n for n in own if others[n] >= FEW and others[n] * SHARED >= totals[n])
    return frozenset(surname_key(name) for name in shared)


def common_words(path: Path) -> frozenset[str]:
    """Words of the news that are written in lower case often enough to be words."""
    counts: Counter[str] = Counter()
    for row in _rows(path):
        if row["ds"].startswith("wcep"):  # the other sets are lower-cased throughout
            counts.update(re.findall(r"(?<![^\s(])[a-z]{3,}(?![^\s,.;:)])", row["t"]))
    return frozenset(word for word, count in counts.items() if count >= COMMON)


def _demonym(raw: Mapping[str, Any]) -> Iterator[Entry]:
    for name in re.split(r",| or ", raw["demonym"] or ""):
        if name.strip():
            entry = Entry(Candidate("", name.strip(), "NORP", "demonym", weight=10**8), raw["iso2"])
            entry.add([name.strip(), *_plural(name.strip())])
            yield entry


def _plural(name: str) -> list[str]:
    """Russian, Russians; but Chinese, French and British stay as they are."""
    return [name + "s"] if name.endswith(("n", "i")) else []
