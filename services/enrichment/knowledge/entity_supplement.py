"""What is known of names beyond the shared sources: ``supplement.yaml``, written by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from services.enrichment.knowledge.entity_sources import (
    KNOWN_EVERYWHERE,
    BadSourceError,
    Entry,
)
from services.enrichment.linking.forms import form
from services.enrichment.linking.model import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from schemas.article import EntityType
    from services.enrichment.linking.model import Kind

SUPPLEMENT = Path(__file__).with_name("supplement.yaml")

_TYPES: Final[Mapping[str, EntityType]] = {
    "international": "ORG",
    "organisation": "ORG",
    "outlet": "ORG",
    "company": "ORG",
    "region": "LOC",
    "city": "GPE",
    "country": "GPE",
    "demonym": "NORP",
    "person": "PERSON",
}
_STATES = frozenset({"US", "CA", "AU", "GB", "DE", "ES"})
"""Countries whose regions of the supplement are states or provinces: GPE, not LOC."""


def supplement(entries: Sequence[Entry], path: Path = SUPPLEMENT) -> list[Entry]:
    """``entries`` with what the supplement says of them, and its own ones.

    Raises :class:`BadSourceError` where it names a country or a city that ``entries`` lack, or
    contradicts their ids.
    """
    content: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))
    known = list(entries)
    for code, qid in content["country_id"].items():
        _set_country_id(known, code, qid, content["country"])
    for code, names in content["country"].items():
        _rename(_only(known, "country", code), names)
    for code, rows in content["city"].items():
        for qid, names in rows.items():
            _name_city(known, code, qid, names)
    return _with_bodies(_with_peoples(known, content["demonym"]), content)


def _with_peoples(entries: Sequence[Entry], peoples: Mapping[str, Sequence[str]]) -> list[Entry]:
    """The supplement's demonyms in place of others of these countries or of these names."""
    claimed = {form(name) for names in peoples.values() for name in names}
    kept = [
        e
        for e in entries
        if e.candidate.kind != "demonym"
        or (e.code not in peoples and claimed.isdisjoint(map(form, e.names)))
    ]
    for code, names in peoples.items():
        entry = Entry(Candidate("", names[0], "NORP", "demonym", weight=10**8), code)
        entry.add(names)
        kept.append(entry)
    return kept


def _with_bodies(entries: Sequence[Entry], content: Mapping[str, Any]) -> list[Entry]:
    """The supplement's bodies, people and regions; companies lose names that are theirs."""
    known = {qid: entry for entry in entries if (qid := entry.candidate.wikidata)}
    own, replaced, claims = [], set(), set()
    for kind, code, qid, names in _bodies(content):
        name, weight = names[0].removeprefix("~"), _weight(kind)
        candidate = Candidate(
            "", name, _type(kind, code), cast("Kind", kind), wikidata=qid, weight=weight
        )
        entry = Entry(candidate, code)
        entry.add(names)
        if qid in known:
            entry.add(known[qid].names)
            replaced.add(qid)
        own.append(entry)
        claims |= {form(name) for name in names if kind != "region"}
    kept = [entry for entry in entries if entry.candidate.wikidata not in replaced]
    for entry in kept:
        if entry.candidate.kind in {"company", "outlet"}:
            entry.names = {n: f for n, f in entry.names.items() if form(n) not in claims}
    return [*kept, *own]


def _bodies(content: Mapping[str, Any]) -> Iterator[tuple[str, str | None, str | None, list[str]]]:
    """(kind, country code, Wikidata id, names) of each entry that isn't of a country or city."""
    for qid, names in content["international"].items():
        yield "international", None, qid, names
    for kind in ("organisation", "outlet", "company", "region", "person"):
        for code, rows in content[kind].items():
            for qid, names in rows.items():
                yield kind, code, None if qid.startswith("-") else qid, names


def _type(kind: str, code: str | None) -> EntityType:
    return "GPE" if kind == "region" and code in _STATES else _TYPES[kind]


def _weight(kind: str) -> int:
    return 10**7 if kind == "region" else KNOWN_EVERYWHERE


def _set_country_id(
    entries: list[Entry], code: str, qid: str, names: Mapping[str, Sequence[str]]
) -> None:
    for entry in entries:
        if entry.candidate.kind == "country" and entry.code == code:
            entry.candidate = replace(entry.candidate, wikidata=qid)
            return
    country = Candidate(
        "", names[code][0], "GPE", "country", wikidata=qid, iso_country=code, weight=10**8
    )
    entries.append(Entry(country, code))


def _only(entries: Sequence[Entry], kind: str, code: str) -> Entry:
    found = [e for e in entries if e.candidate.kind == kind and e.code == code]
    if len(found) != 1:
        raise BadSourceError(f"{kind} {code}: {len(found)} in the table, one is expected")
    return found[0]


def _rename(entry: Entry, names: Sequence[str]) -> None:
    """The supplement's names before the table's."""
    others, entry.names = entry.names, {}
    entry.candidate = replace(entry.candidate, name=names[0].removeprefix("~"))
    entry.add(names)
    for name, flags in others.items():
        entry.names.setdefault(name, flags)


def _name_city(entries: Sequence[Entry], code: str, qid: str, names: Sequence[str]) -> None:
    """Give the most populous city of this name its Wikidata id."""
    wanted = {form(name) for name in names}
    found = [
        e
        for e in entries
        if e.code == code
        and e.candidate.kind in {"city", "capital"}
        and any(form(name) in wanted for name in e.names)
    ]
    if not found:
        raise BadSourceError(f"city {code} {names[0]} ({qid}): not in the table")
    first = max(found, key=lambda e: (form(e.candidate.name) in wanted, e.candidate.weight))
    if first.candidate.wikidata not in {None, qid}:
        raise BadSourceError(f"city {code} {names[0]}: {qid}, {first.candidate.wikidata} in table")
    first.candidate = replace(first.candidate, wikidata=qid)
    _rename(first, names)
