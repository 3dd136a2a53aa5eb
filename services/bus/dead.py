"""Dead letters: found, sent again, dropped.

Retrying keeps who an article is: the event that died goes back to the stream that it was read
from, with its id, trace, drop and article id.  Only ``drop.retry`` is added, so that whatever
comes of it replaces the rejection that was told before, in any order and however often it is
told.  An outcome, and bytes in which no article can be told, go back as they were.
"""

from __future__ import annotations

import base64
import binascii
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import orjson

from schemas.article import Retry
from schemas.events import DEAD, DeadLetter
from services.bus import tracing
from services.bus.envelope import Unreadable, read
from services.bus.groups import ensure_groups, group_info
from services.bus.keys import (
    DATA_FIELD,
    DEAD_STREAM,
    ENRICHED_STREAM,
    OUTCOME_STREAM,
    RAW_STREAM,
    Keys,
)
from services.bus.messages import number_of
from services.bus.partitions import by_age, named, place_of
from services.bus.positions import point_of, written
from services.bus.scripts import Again, ArticleRef, Counted, Scripts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from redis.asyncio import Redis

    from services.bus.keys import Stream
    from services.settings import Settings

PAGE = 50
"""Letters read at once: each holds an article whole, some 20 kB, and one of 10 MB is possible."""

DAY = timedelta(days=1)

RETRIED = (RAW_STREAM, ENRICHED_STREAM, OUTCOME_STREAM)
"""What stages read."""

_ID = re.compile(r"\d{1,19}-\d{1,20}(/\d{1,4})?")


@dataclass(frozen=True)
class Letter:
    """A dead letter: where it lies, what it says, and the trace that it belongs to.

    ``entry_id`` names the partition, too, where it isn't home: see ``partitions``.
    """

    entry_id: str
    letter: DeadLetter
    traceparent: str | None

    @cached_property
    def original(self) -> bytes:
        """The bytes that could not be processed."""
        try:
            return base64.b64decode(self.letter.original, validate=True)
        except (ValueError, binascii.Error):
            return self.letter.original.encode()

    @cached_property
    def document(self) -> Any:
        """The original where it is JSON, else None."""
        try:
            return orjson.loads(self.original)
        except (ValueError, RecursionError):
            return None

    @property
    def source(self) -> str | None:
        """The article's provider, where it can be told: what ``--source`` means."""
        data = self.document.get("data") if isinstance(self.document, dict) else None
        found = data.get("provider") if isinstance(data, dict) else None
        return found if isinstance(found, str) else None

    @property
    def retries(self) -> int:
        """How often its article had been sent again before."""
        return 0 if self.letter.drop is None else number_of(self.letter.drop.retry)

    @property
    def trace_id(self) -> str | None:
        """The trace of its article; None where no article can be told."""
        return tracing.trace_id(self.traceparent)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters: those that meet every condition that is given; none: all.

    ``reason``: its type, or part of its text.  ``source``: the article's provider, or part of
    it.  ``file``: part of the file's name.  ``ids``: of letters or articles, also the first
    characters of an article's.  Text in any case.  Times: of its death.
    """

    stage: str | None = None
    reason: str | None = None
    source: str | None = None
    file: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[str, ...] = ()

    @property
    def everything(self) -> bool:
        """Whether no condition is given."""
        return self == Wanted()

    def passes(self, found: Letter) -> bool:
        """Whether a letter meets the conditions."""
        letter = found.letter
        return (
            self.stage in {None, letter.stage}
            and _within(self.reason, letter.error_type, letter.error_message)
            and (self.file is None or _within(self.file, letter.drop.file if letter.drop else ""))
            and (self.source is None or _within(self.source, found.source or ""))
            and (self.since is None or letter.died_at >= self.since)
            and (self.until is None or letter.died_at < self.until)
            and (not self.ids or self._named(found))
        )

    def _named(self, found: Letter) -> bool:
        article = str(found.letter.article_id or "")
        return any(
            each == found.entry_id or (article and article.startswith(each.lower()))
            for each in self.ids
        )


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a letter can't be sent again."""

    reason: str


@dataclass
class DeadLetters:
    """The dead letters of a desk, over one connection."""

    redis: Redis
    settings: Settings
    unreadable: int = 0
    """Entries of the stream that were no dead letter of this release, in the last :meth:`find`."""

    _ready: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._keys = Keys.of(self.settings)
        self._scripts = Scripts(self.redis, self._keys, self.settings.marker_ttl)

    async def find(self, wanted: Wanted) -> AsyncGenerator[Letter, None]:
        """The letters that are wanted, the oldest first; read page by page."""
        self.unreadable = 0
        async with AsyncExitStack() as stack:
            pages = [self._pages(keys, wanted.since) for keys in self._keys.each()]
            for page in pages:
                stack.push_async_callback(page.aclose)
            heads = [await anext(page, None) for page in pages]
            while left := [(by_age(head[0]), place) for place, head in enumerate(heads) if head]:
                _, place = min(left)
                head, heads[place] = heads[place], await anext(pages[place], None)
                if head is not None and head[1] is not None and wanted.passes(head[1]):
                    yield head[1]

    async def _pages(
        self, keys: Keys, since: datetime | None
    ) -> AsyncGenerator[tuple[str, Letter | None], None]:
        """The entries of one partition by their names, the oldest first; None: no letter."""
        # Entries are numbered by the server's clock, and letters dated by their worker's: the
        # time itself is looked at too, and a clock may be wrong by as much as a day.
        start = "-" if since is None else written(point_of(since - DAY))
        key = keys.stream(DEAD_STREAM)
        while True:
            rows: Any = await self.redis.xrange(key, min=start, count=PAGE)
            for entry, fields in rows:
                name = named(keys, entry.decode())
                yield name, self._letter(name, fields)
            if len(rows) < PAGE:
                return
            start = f"({rows[-1][0].decode()}"

    async def get(self, name: str) -> Letter | None:
        """The letter that is called so; None where there is none."""
        if _ID.fullmatch(name) is None:
            return None
        try:
            keys, entry = place_of(self._keys, name)
        except ValueError:
            return None
        rows: Any = await self.redis.xrange(keys.stream(DEAD_STREAM), entry, entry)
        return self._letter(name, rows[0][1]) if rows else None

    def _letter(self, name: str, fields: dict[bytes, bytes]) -> Letter | None:
        event = read(fields.get(DATA_FIELD.encode(), b""), DEAD)
        if isinstance(event, Unreadable) or not isinstance(event.payload, DeadLetter):
            self.unreadable += 1
            return None
        return Letter(name, event.payload, event.traceparent)

    async def retry(self, found: Letter) -> str | Refused | None:
        """Send a letter's message on its way again; its new entry id.

        None where it isn't there any more: somebody else sent it again, or dropped it.
        """
        target = await self._target(found)
        if isinstance(target, Refused):
            return target
        keys, letter_id = place_of(self._keys, found.entry_id)
        message = replace(message_of(found, target, datetime.now(UTC)), letter_id=letter_id)
        added = await self._scripts.at(keys).retry(DEAD_STREAM, message)
        return None if added is None else named(keys, added)

    async def drop(self, found: Letter) -> bool:
        """Remove a letter for good; False where it isn't there any more."""
        keys, letter_id = place_of(self._keys, found.entry_id)
        return bool(await self.redis.xdel(keys.stream(DEAD_STREAM), letter_id))

    async def _target(self, found: Letter) -> Stream | Refused:
        """The stream that a letter's message was read from, with its group still there.

        It lies in the partition of the letter.
        """
        group, key = found.letter.group, found.letter.stream
        here, _ = place_of(self._keys, found.entry_id)
        streams = {here.stream(each): each for each in RETRIED}
        if key not in streams:
            return Refused(f"it was read from {key}, which is no stream of this desk's stages")
        if (group, key) in self._ready:
            return streams[key]
        await ensure_groups(self.redis, self._keys)
        known = {each["name"].decode() for each in await group_info(self.redis, key)}
        if group not in known:
            return Refused(f"nobody reads {key} as {group} any more; its inbox is gone")
        self._ready.add((group, key))
        return streams[key]


def message_of(found: Letter, target: Stream, at: datetime) -> Again:
    """What goes back to the stream ``target``."""
    drop, article = found.letter.drop, found.letter.article_id
    plain = Again(found.entry_id, target, found.original)
    if drop is None or article is None:
        return plain
    ref = ArticleRef(drop.drop_id, article)
    if target == OUTCOME_STREAM:
        return replace(plain, ref=ref)
    event = again(found, at) or found.original
    return replace(plain, event=event, ref=ref, counted=Counted.of(drop, None))


def again(found: Letter, at: datetime) -> bytes | None:
    """The event of a letter, as it goes back: with the number of this retry; None where it can't.

    Nothing else in it changes.
    """
    retry = Retry(number=found.retries + 1, at=at, stage=found.letter.stage)
    try:
        document = orjson.loads(found.original)
        document["data"]["drop"]["retry"] = retry.model_dump(mode="json")
        return orjson.dumps(document)
    except (TypeError, KeyError, ValueError):
        return None


def _within(part: str | None, *texts: str) -> bool:
    return part is None or any(part.casefold() in text.casefold() for text in texts)
