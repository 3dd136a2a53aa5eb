"""ninjs JSON to Python, within bounds, with all that is not quite JSON said."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NoReturn

from services.ingest.readers.base import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.ingest.readers.notes import Notes

MAX_VALUES: Final = 50_000
"""Values in one document. A story with a hundred pictures has some 5,000, and each value that a
schema refuses costs about a kilobyte while its reason is written."""

MAX_NESTING: Final = 100
"""Objects and arrays within one another: items associated with items, 40 deep. Each level of them
takes some frames of the stack, which has room for a thousand."""

MAX_INTEGER_DIGITS: Final = 20
"""No field counts further than 64 bits; a longer number is a float."""

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def parse(text: str, notes: Notes) -> object:
    """The one JSON value in ``text``.

    Of a key that comes twice in an object the last value counts; NaN and infinities are null; line
    breaks and other controls within strings are let pass; each with a note.  Raises
    :class:`Unreadable` with line and column.
    """
    try:
        try:
            return _loads(text, notes, strict=True)
        except json.JSONDecodeError as error:
            if not error.msg.startswith("Invalid control character"):
                raise
            notes.add("control characters within strings, which JSON doesn't allow")
            return _loads(text, notes, strict=False)
    except json.JSONDecodeError as error:
        raise _invalid(text, error) from error
    except RecursionError as error:
        raise too_deep() from error


def _loads(text: str, notes: Notes, *, strict: bool) -> object:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            (twice, _times), *_ = Counter(key for key, _ in pairs).most_common(1)
            notes.add(f"{twice[:60]}: comes more than once in an object; the last one counts")
        return found

    def constant(name: str) -> None:
        notes.add(f"{name} is no JSON: taken as null")

    return json.loads(
        text, strict=strict, object_pairs_hook=unique, parse_constant=constant, parse_int=_integer
    )


def _integer(digits: str) -> float:
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else float(digits)


def _invalid(text: str, error: json.JSONDecodeError) -> Unreadable:
    where = f"line {error.lineno}, column {error.colno}"
    if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
        return Unreadable(
            f"the JSON is cut short at {where}: {error.msg}", "Fetch the file again and drop it."
        )
    return Unreadable(f"not valid JSON at {where}: {error.msg}", "Correct it there.")


def too_deep() -> Unreadable:
    """The refusal of what is nested further than :data:`MAX_NESTING`."""
    return Unreadable(
        f"nested too deeply: more than {MAX_NESTING} objects and arrays within one another",
        "No news item is; ask its provider what it should be.",
    )


def bounded(document: object, notes: Notes) -> Any:
    """``document`` with at most :data:`MAX_VALUES` and :data:`MAX_NESTING`, of valid Unicode.

    Halves of surrogate pairs become U+FFFD, in a copy, with a note.  Raises :class:`Unreadable`.
    """
    torn = sum(_is_torn(key) or _is_torn(value) for _, key, value in _walk(document))
    if not torn:
        return document
    notes.add(f"{torn} texts with halves of surrogate pairs: replaced by U+FFFD")
    whole = copy.deepcopy(document)
    for place, key, value in list(_walk(whole)):
        mended = _mended(value)
        if isinstance(place, dict) and _is_torn(key):
            del place[key]
            place[_mended(key)] = mended
        elif mended is not value:
            place[key] = mended
    return whole


def _walk(document: object) -> Iterator[tuple[Any, Any, Any]]:
    """Every value with where it is: its container and its key there."""
    level: list[Any] = [document]
    values = depth = 0
    while level:
        depth += 1
        if depth > MAX_NESTING:
            raise too_deep()
        inner: list[Any] = []
        for place in level:
            for key, value in _entries(place):
                values += 1
                if values > MAX_VALUES:
                    _refuse_values()
                if isinstance(value, dict | list):
                    inner.append(value)
                yield place, key, value
        level = inner


def _entries(place: object) -> list[tuple[Any, Any]]:
    if isinstance(place, dict):
        return list(place.items())
    return list(enumerate(place)) if isinstance(place, list) else []


def _refuse_values() -> NoReturn:
    raise Unreadable(
        f"too many values for one article: more than {MAX_VALUES}",
        "It looks like a table or a dump; split it into its articles.",
    )


def _is_torn(value: object) -> bool:
    return isinstance(value, str) and not value.isascii() and bool(_LONE_SURROGATE.search(value))


def _mended(value: Any) -> Any:
    return _LONE_SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value
