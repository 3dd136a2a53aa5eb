"""Topics that the provider gave itself: its IPTC Media Topic codes, under their English names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.annotations import Evidence
from schemas.article import Topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from schemas.article import Subject

MEDIA_TOPICS_FILE = Path(__file__).parent.parent / "knowledge" / "media_topics.json"

PREFIX = "medtop:"
"""How the readers begin each Media Topic's code, whichever way the provider wrote it."""

PROVIDER_SCORE = 1.0
"""A person (or the provider's own machine) has said so; no model of ours doubts it."""


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

    def given(self, subjects: Iterable[Subject]) -> tuple[Topic, ...]:
        """The Media Topics among ``subjects``, in the provider's order, each code once.

        A code that the vocabulary lacks (a later release's) keeps the provider's
        name, or stands for itself.
        """
        topics: dict[str, Topic] = {}
        for subject in subjects:
            code = subject.code or ""
            if code.startswith(PREFIX) and code != PREFIX and code not in topics:
                topics[code] = Topic(
                    code=code,
                    name=self.name(code) or subject.name or code,
                    score=PROVIDER_SCORE,
                    assigned_by="provider",
                    level=self.level(code),
                    evidence=(Evidence(words=f"code: {code}", weight=1.0),),
                )
        return tuple(topics.values())
