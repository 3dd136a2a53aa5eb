"""What the last or first word of a name says about its type: "… University", "Lake …"."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.article import EntityType

_LAST: dict[EntityType, str] = {
    "ORG": "inc corp corporation ltd llc plc gmbh co company group holdings university college "
    "institute academy school ministry department committee commission association federation "
    "confederation union party agency bureau council authority bank foundation society "
    "organization organisation league club orchestra band records recordings airlines airways "
    "motors industries technologies pharmaceuticals partners bancorp parliament senate "
    "congress assembly brigade battalion regiment police fc afc cf united rovers "
    "times post herald tribune gazette newspaper magazine radio television news",
    "LOC": "river rivers lake mountain mountains mount island islands valley peninsula sea ocean "
    "bay gulf strait straits desert plateau coast canyon basin forest glacier hills creek",
    "GPE": "county province district prefecture oblast municipality voivodeship township parish",
    "FAC": "airport bridge stadium street avenue road highway boulevard square tower arena "
    "cathedral station expressway tunnel motorway freeway plaza lighthouse cemetery railway",
    "EVENT": "festival olympics championships championship tournament marathon",
}
_FIRST: dict[EntityType, str] = {
    "ORG": "university ministry department institute bank association federation academy",
    "LOC": "lake mount gulf bay strait river cape",
}
_BY_LAST = {word: kind for kind, words in _LAST.items() for word in words.split()}
_BY_FIRST = {word: kind for kind, words in _FIRST.items() for word in words.split()}

_CORRECTABLE = frozenset({"PERSON", "ORG", "GPE", "LOC", "FAC", "NORP", "PRODUCT"})
"""Types that a head word may overrule. A work of art or a law is called after anything."""


def type_by_head(words: Sequence[str], elected: EntityType) -> EntityType | None:
    """The type that a folded name of several words tells by itself; None where it tells none."""
    if len(words) < 2 or elected not in _CORRECTABLE:  # noqa: PLR2004 (a head and what it heads)
        return None
    told = _BY_LAST.get(words[-1].strip(".")) or (
        _BY_FIRST.get(words[0]) if len(words) == 2 or words[1] == "of" else None  # noqa: PLR2004
    )
    if told in {"LOC", "GPE", "FAC"} and elected in {"LOC", "GPE", "FAC"}:
        return elected  # the model tells kinds of places apart better than one word does
    return told
