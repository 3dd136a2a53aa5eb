"""What can be used of a document that its schema refuses: faults mended, or only they left out."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeVar

from services.ingest.readers.ninjs.schema import NEWEST, Check, Fault, NinjsModel, validate

if TYPE_CHECKING:
    from collections.abc import Iterable

Model = TypeVar("Model", bound=NinjsModel)

LENIENT: Final = Check(NEWEST, lenient=True)

ROUNDS: Final = 4
"""What is put in a faulty value's place (a list, an object) may have a fault of its own, once."""

_GONE: Final = object()

_STATUS: Final = {
    "cancelled": "canceled",
    "cancel": "canceled",
    "killed": "canceled",
    "kill": "canceled",
    "deleted": "canceled",
    "retracted": "canceled",
    "withdrawn": "canceled",
    "withhold": "withheld",
    "hold": "withheld",
}
"""What providers write for the three words of the schema; nobody means "usable" by these."""

_STATUS_KEYS: Final = frozenset({"pubstatus", "pubStatus"})
_TEXTS: Final = frozenset({"headlines", "bodies", "descriptions"})


def salvage(model: type[Model], document: dict[str, Any]) -> Model | None:
    """``document`` as a ``model``, without what can't be used; None if nothing can."""
    found, faults = validate(model, document, LENIENT)
    if found is not None:
        return found
    document = copy.deepcopy(document)
    for _ in range(ROUNDS):
        _mend(document, faults)
        found, faults = validate(model, document, LENIENT)
        if found is not None:
            return found
    return None


def _mend(document: dict[str, Any], faults: Iterable[Fault]) -> None:
    shortened: dict[int, list[Any]] = {}
    for fault in faults:
        place = _place(document, fault)
        if place is None:
            continue
        container, key = place
        mended = _mended(fault, container[key])
        container[key] = mended
        if mended is _GONE and isinstance(container, list):
            shortened[id(container)] = container
        elif mended is _GONE:
            del container[key]
    for items in shortened.values():
        items[:] = [item for item in items if item is not _GONE]


def _place(document: Any, fault: Fault) -> tuple[Any, Any] | None:
    """Where a fault is: its container and its key there."""
    *way, last = fault.path or (None,)
    here = document
    for step in [*way, last]:
        known = isinstance(here, dict | list) and step is not None
        if not known or (isinstance(here, dict) and step not in here):
            return None  # mended away with what was around it
        container, here = here, here[step]
    return container, last


def _mended(fault: Fault, value: Any) -> Any:
    """A value that the schema allows and that says the same; :data:`_GONE` if there is none."""
    if fault.kind == "string_type" and _is_number(value):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if fault.kind in ("number_type", "integer_type") and isinstance(value, str):
        return _number(value)
    if fault.kind == "literal_error" and isinstance(value, str):
        return _word(fault, value)
    if fault.kind == "list_type" and isinstance(value, dict | str):
        return [value]
    if fault.kind == "model_type" and isinstance(value, str):
        # One text where there should be an object with it.
        listed = [part for part in fault.path if isinstance(part, str)][-1:]
        return {"value" if _TEXTS.intersection(listed) else "name": value}
    return _GONE


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _number(text: str) -> Any:
    text = text.strip()
    if len(text) <= len("-1234567890") and text.removeprefix("-").isdecimal():
        return int(text)
    return _GONE


def _word(fault: Fault, value: str) -> Any:
    word = value.strip().casefold()
    if fault.path[-1] in _STATUS_KEYS:
        word = _STATUS.get(word, word)
    return word if word != value else _GONE
