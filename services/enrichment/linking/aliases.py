"""The user's own names: a YAML file of who or what they mean.

    - name: Example Corp
      type: ORG
      aliases: [Example, "Example & Sons"]
      wikidata: Q1234
    - alias: the Lion of Exampleton
      means: wd:Q5678

An entry either describes somebody (``name`` and ``type``; ``aliases``, ``wikidata``,
``geonames`` as wanted) or gives further names (``alias`` or ``aliases``) to one whom the
table has (``means``: an entity key).  User aliases win over the table.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError, model_validator

from schemas.article import EntityType
from services.bus.errors import StopWorking
from services.enrichment.linking.forms import form, own_key
from services.enrichment.linking.model import Candidate
from services.enrichment.linking.person_names import person_key
from services.enrichment.watched_file import WatchedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Self

MOST_FAULTS = 20
"""Faults named in one message."""


@dataclass(frozen=True, slots=True)
class UserAliases:
    """What a user's file says, and the SHA-256 of its bytes."""

    by_form: dict[str, Candidate]
    by_person: dict[str, Candidate]
    by_key: dict[str, Candidate]
    digest: str


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: StrictStr | None = Field(default=None, min_length=1)
    type: EntityType | None = None
    alias: StrictStr | None = Field(default=None, min_length=1)
    aliases: tuple[StrictStr, ...] = ()
    means: StrictStr | None = Field(default=None, pattern=r"^[a-z_]+:\S.*$")
    wikidata: StrictStr | None = Field(default=None, pattern=r"^Q[1-9]\d*$")
    geonames: StrictStr | None = Field(default=None, pattern=r"^[1-9]\d*$")

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.means is not None:
            if self.name or self.type or self.wikidata or self.geonames:
                raise ValueError("'means' goes with 'alias' or 'aliases' only")
            if not self.names:
                raise ValueError("'means' needs an 'alias'")
        elif not (self.name and self.type):
            raise ValueError("needs 'name' and 'type', or 'alias' and 'means'")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name in (self.name, self.alias, *self.aliases) if name)


class AliasFile:
    """The user's file, and whether it changed since it was read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = WatchedFile(path)

    def changed(self) -> bool:
        """Whether it is another file than the one read last: one stat."""
        return self._file.changed()

    def read(self, known: Callable[[str], Candidate | None]) -> UserAliases:
        """Its entries; ``known`` finds the table's entry of a key.

        Raises :class:`StopWorking` with ``FILE:LINE: reason`` for each entry that isn't right.
        """
        try:
            content = self._file.read()
        except OSError as error:
            raise StopWorking(
                f"WIREDESK_ENTITY_ALIASES_FILE: {self._path} can't be read: "
                f"{error.strerror or error}."
            ) from error
        return _Reading(str(self._path), known).read(content)


class _Reading:
    """One pass over the file, which gathers all faults before it gives up."""

    def __init__(self, file: str, known: Callable[[str], Candidate | None]) -> None:
        self._file = file
        self._known = known
        self._faults: list[str] = []
        self._lines: dict[str, int] = {}
        self._user = UserAliases({}, {}, {}, "")

    def read(self, content: bytes) -> UserAliases:
        for line, raw in self._entries(content):
            self._take(line, raw)
        if self._faults:
            more = len(self._faults) - MOST_FAULTS
            shown = self._faults[:MOST_FAULTS] + ([f"and {more} more"] if more > 0 else [])
            raise StopWorking("Entity aliases: " + "; ".join(shown))
        return replace(self._user, digest=hashlib.sha256(content).hexdigest())

    def _entries(self, content: bytes) -> Sequence[tuple[int, Any]]:
        """(line, value) of each item of the list."""
        try:
            loader = yaml.SafeLoader(content.decode("utf-8-sig"))
            node = loader.get_single_node()
            if node is None:
                return []
            if isinstance(node, yaml.SequenceNode):
                return [
                    (item.start_mark.line + 1, loader.construct_document(item))
                    for item in node.value
                ]
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise StopWorking(f"Entity aliases: {self._file}:{line}: no text in UTF-8") from error
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            mark = getattr(error, "problem_mark", None)
            reason = getattr(error, "problem", None) or str(error).split("\n", 1)[0]
            line = mark.line + 1 if mark else 1
            raise StopWorking(f"Entity aliases: {self._file}:{line}: no YAML: {reason}") from error
        self._fault(1, "a list of entries is expected ('- name: ...')")
        return []

    def _take(self, line: int, raw: Any) -> None:
        if not isinstance(raw, dict):
            self._fault(line, "an entry with 'name' or 'alias' is expected")
            return
        try:
            entry = _Entry.model_validate(raw)
        except ValidationError as error:
            for fault in error.errors():
                where = ".".join(str(part) for part in fault["loc"])
                message = fault["msg"].removeprefix("Value error, ")
                self._fault(line, f"{where}: {message}" if where else message)
            return
        candidate = self._candidate(line, entry)
        if candidate is not None:
            self._add(line, entry, candidate)

    def _candidate(self, line: int, entry: _Entry) -> Candidate | None:
        if entry.means is not None:
            known = self._user.by_key.get(entry.means) or self._known(entry.means)
            if known is None:
                self._fault(
                    line, f"means: no entry '{entry.means}' in the table; give it a name and a type"
                )
            return known
        name, kind = cast("str", entry.name), cast("EntityType", entry.type)
        key = own_key(kind, name)
        if entry.wikidata or entry.geonames:
            key = f"wd:{entry.wikidata}" if entry.wikidata else f"gn:{entry.geonames}"
        known = self._known(key)
        if known is not None:
            return replace(known, name=name, type=kind)
        return Candidate(key, name, kind, "user", wikidata=entry.wikidata, geonames=entry.geonames)

    def _add(self, line: int, entry: _Entry, candidate: Candidate) -> None:
        own = replace(candidate, kind="user", abbreviation=False, weak=False)
        for name in entry.names:
            folded = form(name)
            if not any(char.isalnum() for char in folded):
                self._fault(line, f"'{name}' has no letters")
                continue
            other = self._user.by_form.get(folded)
            if other is not None and other.key != own.key:
                self._fault(line, f"'{name}' is already {other.name} on line {self._lines[folded]}")
                continue
            self._user.by_form[folded] = own
            self._lines.setdefault(folded, line)
            if own.type == "PERSON" and " " in person_key(name):
                self._user.by_person[person_key(name)] = own
        self._user.by_key[own.key] = own

    def _fault(self, line: int, reason: str) -> None:
        self._faults.append(f"{self._file}:{line}: {reason}")
