"""What is remembered of articles to find their kin: near-duplicates and stories, in Redis.

Two inverted indexes of one make.  A posting is 8 bytes in a *bucket*, a string
of its own; articles are numbered as they come, so what is oldest stands first in
every bucket and goes when the bucket is next written.  Noting an article and
finding its kin are **one atomic script**: of any two articles the one that comes
second finds the first, so the pairs don't depend on how many workers there are.
The answer is kept with the article: asked again (a redelivery, another worker, a
batch tried again) the index says the same.

Memory is bounded by ``index_entries`` and by time, every key has a life span, and
what is lost here (``FLUSHALL``) is only that: articles before it have no kin after it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha1
from importlib.resources import files
from struct import Struct
from typing import TYPE_CHECKING, Any
from uuid import UUID

from redis.exceptions import NoScriptError, RedisError, ResponseError

from schemas.events import EVENT_NAMESPACE, STORY_MERGED, StoryMerged
from services.bus.connect import blocking_client
from services.bus.envelope import Outgoing, write
from services.bus.errors import Unavailable
from services.bus.keys import DATA_FIELD, ENRICHMENT, STORY_STREAM, Keys
from services.bus.patience import passes
from services.effects import effect
from services.observability import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.settings import Settings

_LOG = get_logger(__name__)

_BUCKET_SHIFT = 48
"""The top 16 bits of a feature's hash choose its bucket: 65,536 of them hold about 250 postings
each when 200,000 articles are remembered, so that one is read and written within microseconds."""

_TAG_SHIFT = 16
"""The next 32 bits tell a bucket's features apart; the lowest are the same in all that are kept."""

_HASH = Struct(">HIB")
"""A hash as the script takes it: its bucket's place among the keys, its tag, its depth."""

_VECTOR_SHIFT = 24
"""The 24 bits after the bucket's tell the parts of an article's vector apart."""

LATE = 2
"""Story windows that an article is remembered for: one that comes late still finds its story."""

LOGGED_MERGES = 10
"""Merges of one article that are logged; it seldom joins more than two stories."""

_FILLED_LATER = UUID(int=0x51), UUID(int=0x52), UUID(int=0x53)
"""Stand in a merge's event for its id, the story that stays and the one that goes, which only
the script knows."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """The index can't say: what lies under its keys isn't its own."""

    reason: str


@dataclass(frozen=True, slots=True)
class DuplicateRule:
    """When two sketches are near-duplicates.

    They have ``least`` hashes in common, and that ``share`` of the smaller one's.  One hash
    has ``full`` postings at most; one with ``common`` of them counts as boilerplate
    where most of the article's others haven't.  ``told`` at most are named.
    """

    least: int
    share: float
    full: int
    common: int
    told: int


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is noted of an article's wording.

    ``hashes``: each with its depth, the levels above ``level`` at which it is still
    kept; ``sizes``: how many are kept at ``level`` and each above; ``at`` in seconds since
    1970; ``digest`` (8 bytes) is equal where asking again is asking the same; ``info`` is
    handed to whoever finds the article.
    """

    article_id: UUID
    revision: int
    at: float
    digest: bytes
    info: bytes
    level: int
    sizes: Sequence[int]
    hashes: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Alike:
    """An article with ``common`` hashes in common, ``of`` those of the smaller sketch."""

    article_id: UUID
    common: int
    of: int
    info: bytes


@dataclass(frozen=True, slots=True)
class StoryRule:
    """When two articles tell of the same: least cosines of their ``names`` and of their ``words``.

    ``both``: least sum of that of names and twice that of words.  Where one of the two
    has no names, words alone must reach ``alone``.  ``full``: postings of one feature at
    most, the latest.
    """

    names: float
    words: float
    both: float
    alone: float
    full: int


@dataclass(frozen=True, slots=True)
class Traits:
    """What is noted of what an article is about.

    ``names`` and ``words`` are unit vectors: a feature's 64-bit hash and its part in
    255ths (1 to 255), 63 names at most.  ``story_id``: of the story that it begins if it
    joins none.
    """

    article_id: UUID
    revision: int
    at: float
    digest: bytes
    names: Sequence[tuple[int, int]]
    words: Sequence[tuple[int, int]]
    duplicates: Sequence[UUID]
    story_id: UUID


@dataclass(frozen=True, slots=True)
class Joined:
    """The story an article is in, how many are, and the stories that it made one."""

    story_id: UUID
    articles: int
    merged: tuple[UUID, ...]


@cache
def _script(name: str) -> tuple[str, str]:
    """A script's text, index.lua before it, and its SHA-1 as servers name it."""
    folder = files(__package__).joinpath("scripts", "kin")
    text = "".join(
        folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in ("index", name)
    )
    return text, sha1(text.encode(), usedforsecurity=False).hexdigest()


@dataclass
class _Buckets:
    """Keys of buckets, each once, and the place of each feature's.

    ``prefix``: what they all begin with.
    """

    prefix: str
    keys: list[str] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)

    def place(self, hashed: int) -> int:
        """The place (from 1) of the bucket of a 64-bit hash."""
        bucket = hashed >> _BUCKET_SHIFT
        place = self.places.get(bucket)
        if place is None:
            self.keys.append(f"{self.prefix}{bucket:04x}")
            place = self.places[bucket] = len(self.keys)
        return place


_Call = tuple[list[str], list[Any]]
"""Keys and arguments of one script."""


class KinIndex:
    """The indexes of one desk. Blocks; for the worker thread of a stage.

    ``version`` says what the hashes are made of: those of another one are not
    compared.  ``now`` tells seconds since 1970.  Methods raise :class:`Unavailable` while
    the server is away or full; calling again is always safe.
    """

    def __init__(
        self, url: str, settings: Settings, version: int = 1, now: Callable[[], float] = time.time
    ) -> None:
        self._redis = blocking_client(url)
        self._keys = Keys.of(settings)
        self._settings = settings
        self._version = version
        self._now = now

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()

    def duplicates(
        self, prints: Sequence[Fingerprint], rule: DuplicateRule
    ) -> list[tuple[Alike, ...] | Unusable]:
        """Note each article, in order, and find its near-duplicates: the most alike first."""
        effect("bus.kin.duplicates")
        replies = self._run("duplicates", [self._fingerprint(each, rule) for each in prints])
        return [
            reply if isinstance(reply, Unusable) else tuple(_alike(row) for row in reply)
            for reply in replies
        ]

    def stories(self, traits: Sequence[Traits], rule: StoryRule) -> list[Joined | Unusable]:
        """Note each article, in order, and join it to its story; merges become events."""
        effect("bus.kin.stories")
        replies = self._run("stories", [self._traits(each, rule) for each in traits])
        found = [reply if isinstance(reply, Unusable) else _joined(reply) for reply in replies]
        for each, joined in zip(traits, found, strict=True):
            if isinstance(joined, Joined):
                _log_merges(each.article_id, joined)
        return found

    def _index_keys(self, index: str, *parts: str) -> list[str]:
        return [self._keys.kin(index, part) for part in ("state", "ids", "entries", *parts)]

    def _fingerprint(self, each: Fingerprint, rule: DuplicateRule) -> _Call:
        index = f"dup{self._version}"
        buckets = _Buckets(self._keys.kin(index, ""))
        hashes = [
            _HASH.pack(buckets.place(hashed), hashed >> _TAG_SHIFT & 0xFFFFFFFF, depth)
            for hashed, depth in each.hashes
        ]
        arguments = [
            *(each.article_id.bytes, each.digest, each.revision, self._now(), each.at),
            *(self._settings.index_entries, self._settings.near_duplicate_window),
            *(each.info, each.level, bytes(min(size, 255) for size in each.sizes)),
            *(rule.least, rule.share, rule.full, rule.common, rule.told),
            b"".join(hashes),
        ]
        return self._index_keys(index) + buckets.keys, arguments

    def _traits(self, each: Traits, rule: StoryRule) -> _Call:
        index = f"story{self._version}"
        buckets = _Buckets(self._keys.kin(index, ""))
        places = [buckets.place(hashed) for hashed, _ in each.names or each.words]
        window, now = self._settings.story_window, self._now()
        arguments = [
            *(each.article_id.bytes, each.digest, each.revision, now, each.at),
            *(self._settings.index_entries, LATE * window, each.story_id.bytes),
            *(_vector(each.names), _vector(each.words), window),
            *(rule.names, rule.words, rule.both, rule.alone, rule.full),
            *(DATA_FIELD, _merge_event(each.article_id, now), "".join(map(str, _FILLED_LATER))),
            *(EVENT_NAMESPACE.bytes, f"{STORY_MERGED.full_name}|"),
            b"".join(other.bytes for other in each.duplicates),
        ]
        stream = self._keys.stream(STORY_STREAM)
        keys = [*self._index_keys(index, "stories", "awaited"), stream, *buckets.keys]
        return keys, arguments + places

    def _run(self, name: str, calls: Sequence[_Call]) -> list[Any]:
        """One reply or :class:`Unusable` for each call; all go in one round trip."""
        if not calls:
            return []
        try:
            replies = self._sent(name, calls)
            if any(isinstance(reply, NoScriptError) for reply in replies):
                # Calls that went through before say the same again.
                self._redis.script_load(_script(name)[0])
                replies = self._sent(name, calls)
        except RedisError as error:
            raise Unavailable(f"server: {error}") from error
        return [_judged(reply) for reply in replies]

    def _sent(self, name: str, calls: Sequence[_Call]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for keys, arguments in calls:
            pipeline.evalsha(_script(name)[1], len(keys), *keys, *arguments)
        return pipeline.execute(raise_on_error=False)


def _judged(reply: Any) -> Any:
    if isinstance(reply, ResponseError) and not passes(reply):
        return Unusable(f"the index in Redis can't be used: {reply}")
    if isinstance(reply, RedisError):
        raise Unavailable(f"server: {reply}")
    return reply


def _vector(parts: Sequence[tuple[int, int]]) -> bytes:
    """Four bytes for each part: the first three of its tag, and its weight."""
    return b"".join(
        ((hashed >> _VECTOR_SHIFT & 0xFFFFFF) << 8 | part).to_bytes(4, "big")
        for hashed, part in parts
    )


def _alike(row: Sequence[Any]) -> Alike:
    article_id, common, of, info = row
    return Alike(UUID(bytes=article_id), int(common), int(of), info)


def _joined(reply: Sequence[Any]) -> Joined:
    story, articles, merged = reply
    return Joined(UUID(bytes=story), int(articles), tuple(UUID(bytes=one) for one in merged))


def _merge_event(article_id: UUID, now: float) -> bytes:
    """The event of a merge that this article shows, with places for what the script knows."""
    event_id, story, merged = _FILLED_LATER
    payload = StoryMerged.model_validate(
        {"story_id": story, "merged": merged, "article_id": article_id, "at": now}
    )
    head = Outgoing(
        event=STORY_MERGED,
        id=str(event_id),
        source=ENRICHMENT.source,
        subject=str(article_id),
        time=payload.at,
        traceparent=None,
    )
    return write(head, payload)


def _log_merges(article_id: UUID, joined: Joined) -> None:
    for merged in joined.merged[:LOGGED_MERGES]:
        _LOG.info(
            "story.merged",
            story_id=str(joined.story_id),
            merged=str(merged),
            article_id=str(article_id),
        )
