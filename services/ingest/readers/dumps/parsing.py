"""One record's bytes as JSON: strictly, else as far as they can be understood."""

from __future__ import annotations

import codecs
import json
from typing import TYPE_CHECKING, Any

import orjson

from services.ingest.readers.base import Unreadable
from services.ingest.readers.encoding import decode

if TYPE_CHECKING:
    from services.ingest.readers.notes import Notes


class BadJson(Exception):  # noqa: N818  (named for what is said in its stead: a BadRecord)
    """The bytes are no JSON; ``reason`` says where."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.advice = advice


def parse(data: bytes, notes: Notes) -> Any:
    """``data`` as JSON.

    What the standard forbids and is understood all the same is read with a note: NaN, control
    characters and half surrogate pairs in strings, an encoding other than UTF-8, a comma at the
    end.  Of a key that comes twice the last one counts.  Raises :class:`BadJson`.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    trimmed = data.removesuffix(b",")
    try:
        return orjson.loads(trimmed)
    except orjson.JSONDecodeError as error:
        strict = error.msg
    text = _text(trimmed, notes)
    try:
        found = json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        raise BadJson(
            f"not valid JSON at line {error.lineno}, column {error.colno} of it: {error.msg}",
            "Mend it there, and drop the file again.",
        ) from error
    except RecursionError as error:
        raise BadJson("nested too deeply to be read", "Flatten the record.") from error
    except ValueError as error:  # e.g. a number of more than 4300 digits
        raise BadJson(f"not valid JSON: {error!s:.200}", "Mend it, and drop it again.") from error
    if _is_utf8(trimmed):  # else it is said already
        notes.add(f"read although it is not strictly JSON: {strict}")
    return found


def _text(data: bytes, notes: Notes) -> str:
    if _is_utf8(data):
        return data.decode("utf-8")
    try:
        decoded = decode(data)  # whoever wrote it didn't know that JSON is UTF-8
    except Unreadable as error:
        raise BadJson(error.reason, error.advice) from error
    notes.add(*decoded.warnings)
    return decoded.text


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
