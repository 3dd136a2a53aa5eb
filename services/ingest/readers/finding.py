"""What a rule says of a line, and what the rules share."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.article import SetApartKind
    from services.ingest.readers.dates import When

SPEAKS = re.compile(
    r"\b(?:said|says|told|asked|wrote|writes|added|joked|announced|warned|read|reads|was|were|is|are"
    r"|had|has|would|could|became|went|showed|shows)\b",
    re.IGNORECASE,
)
"""A finite verb of telling or being: the line is a sentence about something, not a call to act."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a line is, and what it says.

    ``top_only``: holds only above the body; ``unlabelled``: a bare date, which could as well
    be an entry of a timeline; ``opens_list``: the lines after it belong to it.
    """

    kind: SetApartKind
    authors: tuple[str, ...] = ()
    credit: str | None = None
    published: When | None = None
    updated: When | None = None
    top_only: bool = False
    unlabelled: bool = False
    opens_list: bool = False
