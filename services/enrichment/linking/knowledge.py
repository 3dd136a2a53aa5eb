"""Names to candidates: the shipped table, and before it the user's own aliases."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from services.bus.errors import StopWorking
from services.enrichment.annotators.names import person_tokens
from services.enrichment.linking.aliases import AliasFile, UserAliases
from services.enrichment.linking.forms import fits_as_abbreviation, form, without_legal_form
from services.enrichment.linking.person_names import person_key, surname_key
from services.enrichment.linking.table import TABLE_FILE, WrongTableError, load_table
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from services.enrichment.linking.model import Candidate
    from services.enrichment.linking.table import EntityTable

_LOG = get_logger(__name__)

CACHE = 8192
"""Look-ups remembered: names recur between articles. About 4 MB when full."""


class Knowledge:
    """Who and what bears a name. Not thread safe; one for each process."""

    def __init__(self, table: EntityTable, aliases: AliasFile | None = None) -> None:
        self._table = table
        self._file = aliases
        self._user = UserAliases({}, {}, {}, "")
        self._stale = False
        self._candidates = lru_cache(CACHE)(self._find)
        self._people = lru_cache(CACHE)(self._find_people)
        self._entry = lru_cache(CACHE)(self._by_key)

    @classmethod
    def load(cls, aliases_file: Path | None = None, table: Path = TABLE_FILE) -> Knowledge:
        """The shipped table and the user's file.

        Raises :class:`StopWorking`: a broken table, an unreadable file, or an entry in it that
        isn't right (with the lines and the reasons).
        """
        try:
            loaded = load_table(table)
        except WrongTableError as error:
            raise StopWorking(str(error)) from error
        knowledge = cls(loaded, AliasFile(aliases_file) if aliases_file is not None else None)
        if knowledge._file is not None:
            knowledge._user = knowledge._file.read(knowledge._in_table)
        return knowledge

    @property
    def version(self) -> str:
        """The table's day and the digest of the user's file: for provenance."""
        version = f"entities {self._table.facts['version']}"
        if self._file is not None:
            version += f"+aliases {self._user.digest[:12]}"
        return version + (" (aliases file unreadable, older state kept)" if self._stale else "")

    @property
    def sha256(self) -> str:
        """The digest of the table's file."""
        return self._table.sha256

    def candidates(self, name: str) -> Sequence[Candidate]:
        """All who bear exactly this name (folded, in Latin letters), the user's own alone if any.

        An abbreviation is found only where it is written like one.
        """
        return self._candidates(name)

    def people(self, name: str) -> Sequence[Candidate]:
        """The people whose full name this is in some spelling or script."""
        return self._people(name)

    def surname(self, name: str) -> Sequence[Candidate]:
        """The people of the table with this surname, the best known first."""
        found = [
            self._table.candidate(*row) for row in self._table.surnames.find(surname_key(name))
        ]
        return sorted(found, key=lambda candidate: (-candidate.weight, candidate.key))

    def get(self, key: str) -> Candidate | None:
        """The entry with this key."""
        return self._user.by_key.get(key) or self._entry(key)

    def refresh(self) -> bool:
        """Read the user's file again if it changed; True when its aliases did.

        One that can't be read now leaves things as they are: it is logged once, and
        ``version`` says so.
        """
        if self._file is None or not self._file.changed():
            return False
        try:
            user = self._file.read(self._in_table)
        except StopWorking as error:
            _LOG.warning("aliases.unreadable", error=str(error))
            self._stale = True
            return False
        changed, self._stale = user.digest != self._user.digest, False
        self._user = user
        self._candidates.cache_clear()
        self._people.cache_clear()
        return changed

    def _in_table(self, key: str) -> Candidate | None:
        return self._entry(key)

    def _by_key(self, key: str) -> Candidate | None:
        entry = self._table.entry_of(key)
        return None if entry is None else self._table.candidate(entry)

    def _find(self, name: str) -> tuple[Candidate, ...]:
        folded = form(name)
        own = self._user.by_form.get(folded)
        if own is not None:
            return (own,)
        found = self._known(folded)
        if not found and folded:
            shorter = without_legal_form(folded)
            found = (
                [c for c in self._known(shorter) if c.type == "ORG"] if shorter != folded else []
            )
        kept = [c for c in found if not c.abbreviation or fits_as_abbreviation(name)]
        return tuple(sorted(kept, key=lambda c: (-c.weight, c.key)))

    def _known(self, folded: str) -> list[Candidate]:
        return [self._table.candidate(*row) for row in self._table.aliases.find(folded)]

    def _find_people(self, name: str) -> tuple[Candidate, ...]:
        key = person_key(name)
        own = self._user.by_person.get(key) or self._user.by_form.get(form(name))
        if own is not None:
            return (own,)
        if " " not in key:
            return ()
        found = [self._table.candidate(*row) for row in self._table.people.find(key)]
        if not found and len(person_tokens(name)) == 2:  # noqa: PLR2004 (Orbán Viktor)
            found = [
                self._table.candidate(*row)
                for row in self._table.people.find(person_key(" ".join(reversed(name.split()))))
            ]
        return tuple(sorted(found, key=lambda c: (-c.weight, c.key)))
