"""Subject codes of the news standards, with IPTC Media Topics in one spelling."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from schemas.article import Subject
from services.ingest.readers.lines import clean

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_SUBJECTS: Final = 1_000
"""Subjects kept of one article: the most that careful coders give are some dozens."""

_MEDTOP: Final = re.compile(
    r"(?:medtop:|(?:https?://)?cv\.iptc\.org/newscodes/mediatopic/)([0-9]{8})/?", re.IGNORECASE
)
_MEDTOP_SCHEME: Final = re.compile(
    r"(?:https?://)?cv\.iptc\.org/newscodes/mediatopic/?|medtop:?|media ?topics?", re.IGNORECASE
)
_MEDTOP_NUMBER: Final = re.compile(r"[0-9]{8}")


def subject(code: str | None, name: str | None = None, scheme: str | None = None) -> Subject:
    """A subject as the provider gave it, without blank fields.

    A Media Topic, however it is written (``medtop:20000001``, its URI, or its eight digits with
    the vocabulary as ``scheme``), gets the code ``medtop:20000001``.  ``scheme`` stays as given.
    """
    code, scheme = clean(code or ""), clean(scheme or "")
    if found := _MEDTOP.fullmatch(code):
        code = f"medtop:{found[1]}"
    elif _MEDTOP_NUMBER.fullmatch(code) and _MEDTOP_SCHEME.fullmatch(scheme):
        code = f"medtop:{code}"
    return Subject(code=code or None, name=clean(name or "") or None, scheme=scheme or None)


def distinct(found: Iterable[Subject]) -> tuple[Subject, ...]:
    """``found`` in order, without empty ones and repeats, at most :data:`MAX_SUBJECTS`."""
    kept = (s for s in dict.fromkeys(found) if s.code or s.name)
    return tuple(s for s, _ in zip(kept, range(MAX_SUBJECTS), strict=False))
