"""The IPTC Media Topics: codes, English names, and which topic is part of which.

Enrichment names topics with it; searches find a topic's parts with it.  The table is
built by ``services.enrichment.knowledge.build_media_topics``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MEDIA_TOPICS_FILE = Path(__file__).parent / "media_topics.json"


@dataclass(frozen=True, slots=True)
class MediaTopic:
    """One term of the vocabulary; retired ones too, since old articles carry them."""

    name: str
    broader: str | None


class MediaTopics:
    """The vocabulary; ``version`` (days of its releases) goes into provenance."""

    def __init__(self, topics: Mapping[str, MediaTopic], version: str) -> None:
        self._topics = topics
        self.version = version

    @classmethod
    def load(cls, path: Path = MEDIA_TOPICS_FILE) -> MediaTopics:
        """The shipped table; ``OSError``, ``ValueError`` or ``KeyError`` when it is broken."""
        table: dict[str, Any] = json.loads(path.read_text("utf-8"))
        topics = {row["code"]: MediaTopic(row["name"], row["broader"]) for row in table["topics"]}
        return cls(topics, str(table["version"]))

    def __len__(self) -> int:
        return len(self._topics)

    def __iter__(self) -> Iterator[str]:
        """Every code, in order."""
        return iter(sorted(self._topics))

    def name(self, code: str) -> str | None:
        """The English name of a code; None where the vocabulary (as shipped) lacks it."""
        topic = self._topics.get(code)
        return None if topic is None else topic.name

    def knows(self, code: str) -> bool:
        """Whether the vocabulary (as shipped) has the code."""
        return code in self._topics

    def level(self, code: str) -> int | None:
        """1 for the most general; None where the vocabulary lacks the code."""
        return sum(1 for _ in self.lineage(code)) if code in self._topics else None

    def lineage(self, code: str) -> Iterator[str]:
        """``code`` and what is above it, up to the first level."""
        seen: set[str] = set()
        at: str | None = code
        while at is not None and at not in seen:
            seen.add(at)
            yield at
            topic = self._topics.get(at)
            at = None if topic is None else topic.broader


@cache
def media_topics() -> MediaTopics:
    """The shipped vocabulary, read once."""
    return MediaTopics.load()
