"""The file of the knowledge table: sorted hashes of names and packed columns.

A dictionary of its 200,000 names would take 60 MB in each worker; these arrays take ten.
Names themselves are not kept but for each entry's canonical one: a look-up compares 64-bit
hashes (``forms.hashed``).
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, get_args

import numpy as np

from schemas.article import EntityType
from services.enrichment.linking.forms import hashed, own_key
from services.enrichment.linking.model import KINDS, Candidate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TABLE_FILE = Path(__file__).parent.parent / "knowledge" / "entities.npz"
FORMAT = 1
"""Of the columns and of how names are folded and hashed. Another one can't be read."""

ABBREVIATION, WEAK = 1, 2
"""Flags of a name: an acronym; a name that is also a word or somebody else's."""

TYPES: tuple[EntityType, ...] = get_args(EntityType)
NO_COUNTRY = 2**16 - 1

_PLAIN = ("ends", "kinds", "types", "wikidata", "geonames", "weights", "countries")


class WrongTableError(ValueError):
    """The file is not a knowledge table that this software can use. Build it anew, or reinstall."""


@dataclass(frozen=True, slots=True)
class Column:
    """Names of one sort to entries: ``hashes`` rise; equal ones stand side by side."""

    hashes: NDArray[np.uint64]
    entries: NDArray[np.uint32]
    flags: NDArray[np.uint8]

    @classmethod
    def of(cls, rows: Sequence[tuple[str, int, int]]) -> Column:
        """From (name's form, entry, flags); of equal pairs the first counts."""
        pairs: dict[tuple[int, int], int] = {}
        for name, entry, flags in rows:
            pairs.setdefault((hashed(name), entry), flags)
        ordered = sorted((key, entry, flags) for (key, entry), flags in pairs.items())
        return cls(
            np.array([row[0] for row in ordered], dtype=np.uint64),
            np.array([row[1] for row in ordered], dtype=np.uint32),
            np.array([row[2] for row in ordered], dtype=np.uint8),
        )

    def find(self, name: str) -> list[tuple[int, int]]:
        """(entry, flags) of all that bear this name, by rising entry."""
        key = np.uint64(hashed(name))
        start = int(self.hashes.searchsorted(key, "left"))
        found = []
        while start < len(self.hashes) and self.hashes[start] == key:
            found.append((int(self.entries[start]), int(self.flags[start])))
            start += 1
        return found


@dataclass(frozen=True, slots=True)
class Row:
    """One entry, as the script that builds the table gives it. ``country``: an ISO code."""

    candidate: Candidate
    country_code: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class EntityTable:
    """The columns, each as long as there are entries; countries come first.

    ``facts`` holds ``format``, ``version`` (the day it was built for), ``notices`` and
    ``countries`` (the ISO codes of the first entries).
    """

    names: bytes
    ends: NDArray[np.uint32]
    kinds: NDArray[np.uint8]
    types: NDArray[np.uint8]
    wikidata: NDArray[np.uint32]
    geonames: NDArray[np.uint32]
    weights: NDArray[np.uint32]
    countries: NDArray[np.uint16]
    aliases: Column
    people: Column
    surnames: Column
    facts: dict[str, Any]
    sha256: str = field(default="")

    def __len__(self) -> int:
        return len(self.ends)

    def candidate(self, entry: int, flags: int = 0) -> Candidate:
        """The entry as a value."""
        kind, type_ = KINDS[self.kinds[entry]], TYPES[self.types[entry]]
        name, country = self._name(entry), int(self.countries[entry])
        is_country = kind == "country"
        return Candidate(
            key=self.key(entry),
            name=name,
            type=type_,
            kind=kind,
            wikidata=f"Q{self.wikidata[entry]}" if self.wikidata[entry] else None,
            geonames=str(self.geonames[entry]) if self.geonames[entry] else None,
            iso_country=self.facts["countries"][entry] if is_country else None,
            weight=int(self.weights[entry]),
            country=self.key(country) if country != NO_COUNTRY and not is_country else None,
            abbreviation=bool(flags & ABBREVIATION),
            weak=bool(flags & WEAK),
        )

    def key(self, entry: int) -> str:
        """The entity key of the contract."""
        if self.kinds[entry] == KINDS.index("demonym"):
            return own_key("NORP", self._name(entry))
        if self.wikidata[entry]:
            return f"wd:Q{self.wikidata[entry]}"
        if self.geonames[entry]:
            return f"gn:{self.geonames[entry]}"
        return own_key(TYPES[self.types[entry]], self._name(entry))

    def entry_of(self, key: str) -> int | None:
        """The entry with this key."""
        scheme, _, rest = key.partition(":")
        if scheme in {"wd", "gn"}:
            column, digits = (self.wikidata, rest[1:]) if scheme == "wd" else (self.geonames, rest)
            if not digits.isdecimal() or int(digits) >= 2**32:
                return None
            found = np.flatnonzero(column == np.uint32(int(digits))).tolist()
        else:
            found = [entry for entry, _ in (*self.aliases.find(rest), *self.people.find(rest))]
        return next((entry for entry in found if self.key(entry) == key), None)

    def _name(self, entry: int) -> str:
        start = int(self.ends[entry - 1]) if entry else 0
        return self.names[start : self.ends[entry]].decode()

    def save(self, file: IO[bytes]) -> None:
        """Write everything as one compressed .npz; the same table gives the same bytes."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN}
        for name in ("aliases", "people", "surnames"):
            column: Column = getattr(self, name)
            arrays |= {
                f"{name}_hashes": column.hashes,
                f"{name}_entries": column.entries,
                f"{name}_flags": column.flags,
            }
        arrays["names"] = np.frombuffer(self.names, dtype=np.uint8)
        arrays["facts"] = np.array(json.dumps(self.facts, sort_keys=True))
        np.savez_compressed(file, **arrays)


def make_table(
    rows: Sequence[Candidate],
    codes: Sequence[str | None],
    aliases: Sequence[tuple[str, int, int]],
    people: Sequence[tuple[str, int, int]],
    surnames: Sequence[tuple[str, int, int]],
    facts: dict[str, Any],
) -> EntityTable:
    """A table of ``rows``, countries first; ``codes``: the ISO code of each row's country."""
    countries = [row.iso_country for row in rows if row.kind == "country"]
    place = {code: index for index, code in enumerate(countries)}
    blobs = [row.name.encode() for row in rows]
    ends = np.cumsum([len(blob) for blob in blobs], dtype=np.uint32)
    return EntityTable(
        names=b"".join(blobs),
        ends=ends.astype(np.uint32),
        kinds=np.array([KINDS.index(row.kind) for row in rows], dtype=np.uint8),
        types=np.array([TYPES.index(row.type) for row in rows], dtype=np.uint8),
        wikidata=np.array([int((row.wikidata or "Q0")[1:]) for row in rows], dtype=np.uint32),
        geonames=np.array([int(row.geonames or 0) for row in rows], dtype=np.uint32),
        weights=np.array([min(row.weight, 2**32 - 1) for row in rows], dtype=np.uint32),
        countries=np.array([place.get(code, NO_COUNTRY) for code in codes], dtype=np.uint16),
        aliases=Column.of(aliases),
        people=Column.of(people),
        surnames=Column.of(surnames),
        facts=facts | {"format": FORMAT, "countries": countries},
    )


def load_table(path: Path = TABLE_FILE) -> EntityTable:
    """The table in ``path``; ``sha256`` is the file's.

    Raises :class:`WrongTableError` when it is missing, cut short, damaged, or of another format.
    """
    try:
        content = path.read_bytes()
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return _table(arrays, hashlib.sha256(content).hexdigest())
    except WrongTableError as error:
        raise WrongTableError(f"The knowledge table {path} {error}. Reinstall Wiredesk.") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise WrongTableError(
            f"The knowledge table {path} can't be read ({error}). Reinstall Wiredesk."
        ) from error


def _table(arrays: Any, sha256: str) -> EntityTable:
    facts: dict[str, Any] = json.loads(str(arrays["facts"]))
    if facts.get("format") != FORMAT:
        raise WrongTableError(
            f"has format {facts.get('format')}, this software reads format {FORMAT}"
        )

    def column(name: str) -> Column:
        return Column(*(arrays[f"{name}_{part}"] for part in ("hashes", "entries", "flags")))

    table = EntityTable(
        names=arrays["names"].tobytes(),
        **{name: arrays[name] for name in _PLAIN},
        aliases=column("aliases"),
        people=column("people"),
        surnames=column("surnames"),
        facts=facts,
        sha256=sha256,
    )
    _check(table)
    return table


def _check(table: EntityTable) -> None:
    """Columns that don't fit each other would give wrong answers later instead of an error now."""
    size = len(table)
    columns = (table.kinds, table.types, table.wikidata, table.geonames, table.weights)
    fits = all(len(column) == size for column in (*columns, table.countries))
    for index in (table.aliases, table.people, table.surnames):
        fits = fits and len(index.hashes) == len(index.entries) == len(index.flags)
        fits = fits and bool((index.entries < size).all())
        fits = fits and bool((index.hashes[1:] >= index.hashes[:-1]).all())
    if not size or not fits or table.ends[-1] != len(table.names):
        raise WrongTableError("has columns of different lengths")
