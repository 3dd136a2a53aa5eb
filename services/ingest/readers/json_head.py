"""What a JSON file starts with, so that its reader can be chosen before it is parsed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

Kind = Literal["object", "array", "lines"]

LINES_TO_TELL: Final = 5
"""Lines behind the first that tell a dump; more would say no more."""

_TOKEN: Final = re.compile(
    r"[ \t\r\n]*(?:"
    r'(?P<string>"(?:[^"\\]|\\.)*")(?P<colon>[ \t\r\n]*:)?'
    r"|(?P<open>[\[{])|(?P<close>[\]}])"
    r"|[,:]|-?[0-9][0-9.eE+-]*|true|false|null|NaN|-?Infinity"
    r")",
    re.DOTALL,
)
_BLANK: Final = re.compile(r"[ \t\r\n]*")
_WIDE: Final = (
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_WIDE_SHAPES: Final = {
    "000x": "utf-32-be",
    "x000": "utf-32-le",
    "0x0x": "utf-16-be",
    "x0x0": "utf-16-le",
}


@dataclass(frozen=True, slots=True)
class JsonHead:
    """The first object of a JSON file, as far as the head shows it.

    ``kind``: the file is one ``object``; an ``array`` of objects; or JSON ``lines``, that is one
    object after the other.  ``keys``: the first object's, at its top level.  ``whole``: that object
    ends within the head; if not, an ``object`` may still turn out to be the first of several lines.
    """

    kind: Kind
    keys: frozenset[str]
    whole: bool


def keys_of(head: bytes) -> frozenset[str] | None:
    """The top-level keys of the first object in ``head``; None where it is no JSON of objects."""
    found = json_head(head)
    return None if found is None else found.keys


@lru_cache(maxsize=2)  # each reader of a JSON format asks for the same head
def json_head(head: bytes) -> JsonHead | None:
    """What ``head`` (the first 8 KiB of a file, in UTF-8, UTF-16 or UTF-32) starts; never raises.

    None for what is no JSON, or starts with no object: a scalar, an array of scalars.  A head that
    starts as JSON and goes wrong later is still told by the keys in front of the fault.
    """
    text = _text(head)
    start = _BLANK.match(text)
    at = start.end() if start else 0
    array = text.startswith("[", at)
    if array:
        inner = _BLANK.match(text, at + 1)
        at = inner.end() if inner else at + 1
        if text[at:].startswith("]"):
            return JsonHead("array", frozenset(), whole=True)
    if not text.startswith("{", at):
        return None
    keys, end = _scan(text, at)
    if not keys and end is None:
        return None  # a brace at the start of prose
    if array:
        return JsonHead("array", frozenset(keys), whole=end is not None)
    more = end is not None and text[end:].lstrip(" \t\r\n").startswith("{")
    return JsonHead("lines" if more else "object", frozenset(keys), whole=end is not None)


def are_lines_behind_a_fault(text: str) -> bool:
    """Whether all lines of ``text`` (the start of a file) but the first are objects with keys.

    Two of them at least, and whole: a dump whose first line is damaged is a dump all the same,
    where a text that quotes a line of JSON goes on as text.
    """
    lines = [line for line in text.lstrip("\ufeff \t\r\n").split("\n")[1:-1] if line.strip()]
    return len(lines) > 1 and all(_is_object(line) for line in lines[:LINES_TO_TELL])


def _is_object(line: str) -> bool:
    if not line.startswith("{"):
        return False
    keys, end = _scan(line, 0)
    return bool(keys) and end is not None and not line[end:].strip()


def _scan(text: str, at: int) -> tuple[set[str], int | None]:
    """The keys of the object at ``at``, and where it ends (None: not within ``text``)."""
    keys: set[str] = set()
    depth = 0
    while found := _TOKEN.match(text, at):
        at = found.end()
        if found["open"]:
            depth += 1
        elif found["close"]:
            depth -= 1
            if depth == 0:
                return keys, at
        elif found["colon"] and depth == 1:
            keys.add(_unquoted(found["string"]))
    return keys, None


def _unquoted(string: str) -> str:
    try:
        return str(json.loads(string, strict=False))
    except ValueError:
        return string[1:-1]


def _text(head: bytes) -> str:
    for mark, encoding in _WIDE:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, "replace")
    # JSON starts with two ASCII characters: where NULs are among their bytes tells the width.
    shape = "".join("0" if byte == 0 else "x" for byte in head[:4])
    narrow = head.removeprefix(b"\xef\xbb\xbf")
    return narrow.decode(_WIDE_SHAPES.get(shape, "utf-8"), "replace")
