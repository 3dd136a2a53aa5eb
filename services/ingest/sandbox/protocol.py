"""What crosses between ingest and a reading process: frames of JSON, each checked on arrival.

A frame is four bytes of length (of the JSON), one byte of kind and the JSON of one message.
Nothing of what a reading process says is believed for its form: hostile content may have
taken it over, and then it can lie about the articles of that file but do no more.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from schemas.article import (
    Extent,
    Picture,
    Place,
    ReaderInfo,
    Rights,
    SourceLine,
    Subject,
)
from services.ingest.readers.base import (
    MIB,
    BadRecord,
    Limits,
    ReadArticle,
    Resume,
)

_NAMED: dict[str, Any] = {
    "Extent": Extent,
    "Picture": Picture,
    "Place": Place,
    "ReaderInfo": ReaderInfo,
    "Rights": Rights,
    "SourceLine": SourceLine,
    "Subject": Subject,
    "datetime": AwareDatetime,
}

FRAME_BYTES: Final = 64 * MIB
"""The longest JSON of one message. Eight times the largest article allowed by default: a letter
may take three bytes where the file had one, and stand both in the body and in a line set apart.
A record beyond it becomes a :class:`BadRecord`; it bounds what ingest holds for one process."""

TRACEBACK_CHARS: Final = 20_000
"""Characters of a traceback kept: its end, where the cause is."""

Count = Annotated[int, Field(ge=0, le=2**63 - 1)]


@dataclass(frozen=True, slots=True)
class Ready:
    """The process has loaded every reader. ``landlock``: the kernel's version of it, 0: none."""

    landlock: int


@dataclass(frozen=True, slots=True)
class Advance:
    """It is at byte ``offset`` of the file, and has read ``total`` bytes (some perhaps twice)."""

    offset: Count
    total: Count


@dataclass(frozen=True, slots=True)
class Finished:
    """The file's end was reached; the process waits for another."""


@dataclass(frozen=True, slots=True)
class OutOfMemory:
    """The record after the last needs more memory than there may be; the process ends."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """``Unreadable``. ``traceback``: where it comes from a fault of the reader."""

    reason: str
    advice: str
    traceback: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """``OSError``: the file can't be read now."""

    errno: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Request:
    """The one message to a reading process; the file's descriptor comes with its first byte.

    ``expanded`` is what is left of the file's budget.
    """

    name: str
    size: int | None
    expanded: int
    limits: Limits
    resume: Resume | None


@dataclass(frozen=True, slots=True)
class Leave:
    """The caller wants no more of this file; the process answers :class:`Finished`."""


Answer: TypeAlias = (
    Ready | ReadArticle | BadRecord | Advance | Finished | OutOfMemory | Refusal | Failure
)

_ANSWERS: tuple[type[Any], ...] = (
    Ready,
    ReadArticle,
    BadRecord,
    Advance,
    Finished,
    OutOfMemory,
    Refusal,
    Failure,
)
_ORDERS: tuple[type[Any], ...] = (Request, Leave)
_KINDS = (*_ANSWERS, *_ORDERS)
_ADAPTERS: tuple[TypeAdapter[Any], ...] = tuple(TypeAdapter(kind) for kind in _KINDS)
for _adapter in _ADAPTERS:
    # The annotations of the readers' classes name what only type checkers import there.
    _adapter.rebuild(_types_namespace=_NAMED)
_HEADER = struct.Struct("!IB")


class BrokenFrame(Exception):  # noqa: N818  (named for what is the case)
    """What came is no message of this protocol."""


class TooLarge(Exception):  # noqa: N818  (named for what is the case)
    """A message comes to ``size`` bytes, more than :data:`FRAME_BYTES`."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes, the limit is {FRAME_BYTES}")
        self.size = size


def pack(message: Answer | Request | Leave) -> bytes:
    """The frame of ``message``.

    Raises :class:`TooLarge`, or what pydantic raises for text that is no Unicode.
    """
    kind = _KINDS.index(type(message))
    payload = _ADAPTERS[kind].dump_json(message, warnings=False)
    if len(payload) > FRAME_BYTES:
        raise TooLarge(len(payload))
    return _HEADER.pack(len(payload), kind) + payload


class Frames:
    """Puts frames together from what arrives, in pieces of any size."""

    def __init__(self, kinds: tuple[type[Any], ...] = _ANSWERS) -> None:
        self._kinds = kinds
        self._data = bytearray()
        self._at = 0

    def feed(self, piece: bytes) -> None:
        """More of the stream."""
        del self._data[: self._at]
        self._at = 0
        self._data += piece

    def is_empty(self) -> bool:
        """Whether nothing is left over."""
        return self._at == len(self._data)

    def take(self) -> tuple[Any, int] | None:
        """The next message and its bytes; None until all of it has come.

        Raises :class:`BrokenFrame`.
        """
        start = self._at + _HEADER.size
        if start > len(self._data):
            return None
        length, kind = _HEADER.unpack_from(self._data, self._at)
        if length > FRAME_BYTES:
            raise BrokenFrame(f"a message of {length} bytes")
        if kind >= len(_KINDS) or _KINDS[kind] not in self._kinds:
            raise BrokenFrame(f"a message of kind {kind}")
        if start + length > len(self._data):
            return None
        self._at = start + length
        return _checked(kind, bytes(memoryview(self._data)[start : self._at])), length


def orders() -> Frames:
    """For the reading process, which is given orders."""
    return Frames(_ORDERS)


def _checked(kind: int, payload: bytes) -> Any:
    try:
        message = _ADAPTERS[kind].validate_json(payload)
    except (ValidationError, ValueError) as error:
        # Not the error's text: it quotes what was sent.
        raise BrokenFrame(f"a {_KINDS[kind].__name__} that is none") from error
    # JSON writes NUL so, and nothing else; it also stands in "\\u0000", hence the look inside.
    if b"\\u0000" in payload and _has_nul(_ADAPTERS[kind].dump_python(message)):
        raise BrokenFrame(f"a {_KINDS[kind].__name__} with a NUL")
    return message


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(item) for pair in value.items() for item in pair)
    return isinstance(value, list | tuple) and any(_has_nul(item) for item in value)
