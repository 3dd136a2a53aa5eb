"""What the tests of the index of kin share: a clock, articles as the index sees them, its size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from schemas.events import STORY_MERGED, StoryMerged
from services.bus.envelope import Event, read
from services.bus.keys import DATA_FIELD, STORY_STREAM, Keys
from services.bus.kinship import (
    Alike,
    DuplicateRule,
    Fingerprint,
    Joined,
    KinIndex,
    StoryRule,
    Traits,
    Unusable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.settings import Settings

DUPLICATES = DuplicateRule(least=3, share=0.3, full=8, common=6, told=4)
STORIES = StoryRule(names=0.2, words=0.1, both=0.9, alone=0.5, full=8)
KEYS = Keys("news")
DAY = 24 * 3600.0


class Clock:
    """Seconds since 1970, as the test says."""

    def __init__(self) -> None:
        self.now = 1_770_000_000.0

    def __call__(self) -> float:
        return self.now


def made(settings: Settings, clock: Clock) -> Iterator[KinIndex]:
    assert settings.redis_url is not None
    index = KinIndex(settings.redis_url.get_secret_value(), settings, now=clock)
    yield index
    index.close()


def limited(settings: Settings, **over: object) -> Settings:
    return settings.model_copy(update=over)


def uid(number: int) -> UUID:
    return UUID(int=number)


def hashed(number: int) -> int:
    """A 64-bit hash whose bucket and tag both follow from ``number``."""
    return number * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF


def sketch_of(number: int, grams: Sequence[int], **over: Any) -> Fingerprint:
    """The fingerprint of article ``number`` with these grams, all kept at its only level."""
    fields: dict[str, Any] = {
        "article_id": uid(number),
        "revision": 1,
        "at": float(number),
        "digest": hash(tuple(grams)).to_bytes(8, "big", signed=True),
        "info": f"info {number}".encode(),
        "level": 0,
        "sizes": [len(grams)] * 8,
        "hashes": [(hashed(gram), 7) for gram in grams],
    }
    return Fingerprint(**(fields | over))


def found(index: KinIndex, *prints: Fingerprint) -> list[tuple[Alike, ...]]:
    answers = index.duplicates(prints, DUPLICATES)
    for answer in answers:
        assert not isinstance(answer, Unusable), answer
    return answers  # type: ignore[return-value]  # just looked


def ids(alike: tuple[Alike, ...]) -> list[int]:
    return [one.article_id.int for one in alike]


def about(number: int, names: Sequence[int], words: Sequence[int], **over: Any) -> Traits:
    """Traits of article ``number`` with equal weights."""
    fields: dict[str, Any] = {
        "article_id": uid(number),
        "revision": 1,
        "at": 1000.0,
        "digest": hash((tuple(names), tuple(words))).to_bytes(8, "big", signed=True),
        "names": [(hashed(name), int(255 / len(names) ** 0.5)) for name in names],
        "words": [(hashed(10_000 + word), int(255 / len(words) ** 0.5)) for word in words],
        "duplicates": (),
        "story_id": uid(1_000_000 + number),
    }
    return Traits(**(fields | over))


def joined(index: KinIndex, *traits: Traits) -> list[Joined]:
    answers = index.stories(traits, STORIES)
    for answer in answers:
        assert isinstance(answer, Joined), answer
    return answers  # type: ignore[return-value]  # just looked


def merges(redis: Any) -> list[StoryMerged]:
    events = []
    for _, fields in redis.xrange(KEYS.stream(STORY_STREAM)):
        event = read(fields[DATA_FIELD.encode()], STORY_MERGED)
        assert isinstance(event, Event), event
        assert isinstance(event.payload, StoryMerged)
        events.append(event.payload)
    return events


def bounded_sizes(redis: Any, index: str) -> dict[str, int]:
    """Entries, ids, and postings in all buckets."""
    names = [key.decode() for key in redis.keys(f"{KEYS.kin(index, '')}*")]
    parts = {"state", "ids", "entries", "stories", "awaited"}
    buckets = [name for name in names if name.rpartition(":")[2] not in parts]
    return {
        "entries": int(redis.hlen(KEYS.kin(index, "entries"))),
        "ids": int(redis.hlen(KEYS.kin(index, "ids"))),
        "postings": sum(int(redis.strlen(name)) for name in buckets) // 8,
    }
