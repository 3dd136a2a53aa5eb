"""Topics that the provider gave itself: its IPTC Media Topic codes, under their English names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.annotations import Evidence
from schemas.article import Topic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.article import Subject
    from services.media_topics import MediaTopics

PREFIX = "medtop:"
"""How the readers begin each Media Topic's code, whichever way the provider wrote it."""

PROVIDER_SCORE = 1.0
"""A person (or the provider's own machine) has said so; no model of ours doubts it."""


def given(vocabulary: MediaTopics, subjects: Iterable[Subject]) -> tuple[Topic, ...]:
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
                name=vocabulary.name(code) or subject.name or code,
                score=PROVIDER_SCORE,
                assigned_by="provider",
                level=vocabulary.level(code),
                evidence=(Evidence(words=f"code: {code}", weight=1.0),),
            )
    return tuple(topics.values())
