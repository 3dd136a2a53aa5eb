"""Every stream, group and key name. Nobody else spells one.

What belongs to one article lies in its *partition*: all keys of a partition share a hash tag, so
that they lie in one slot of a Redis Cluster and one script may touch several of them.  Partition
0 has the tag ``{namespace}``, as a desk with one partition has it; partition ``i`` has
``{namespace/i}``, which no namespace can be.  What belongs to no article lies in partition 0
(*home*): the index of kin, halts and budgets, signs of life, changes, webhooks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from schemas.events import (
    DEAD,
    ENRICHED,
    ENTITIES_CHANGED,
    FILED,
    RECEIVED,
    STORY_MERGED,
    EventType,
)

if TYPE_CHECKING:
    from uuid import UUID

    from services.settings import Settings

DATA_FIELD = "__data__"
"""The one field of a stream entry: a CloudEvent in structured JSON (FastStream's name for it)."""


SCAN_COUNT = 10_000
"""Keys that the server looks through in one step, in about a millisecond. A desk has some for
each article of a week; a hundred a step would be ten thousand questions for every look."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream: its short name, and the one type of event that it carries."""

    name: str
    event: EventType


RAW_STREAM = Stream("raw", RECEIVED)
ENRICHED_STREAM = Stream("enriched", ENRICHED)
OUTCOME_STREAM = Stream("outcomes", FILED)
DEAD_STREAM = Stream("dead", DEAD)
STORY_STREAM = Stream("stories", STORY_MERGED)
ENTITY_STREAM = Stream("entities", ENTITIES_CHANGED)
STREAMS = (RAW_STREAM, ENRICHED_STREAM, OUTCOME_STREAM, DEAD_STREAM)
"""Where an article may be on its way."""

CHANGE_STREAMS = (STORY_STREAM, ENTITY_STREAM)
"""What isn't about one article of one drop; read by subscribers only."""

INGEST_GROUP_PREFIX = "ingest:"
WEBHOOK_GROUP_PREFIX = "webhook:"


@dataclass(frozen=True, slots=True)
class StageSpec:
    """A stage: what it reads, as which consumer group, and where its results go."""

    name: str
    reads: Stream
    writes: Stream | None
    group: str
    trims: tuple[Stream, ...]
    one_process: bool = False
    """Whether one process at a time works as this group: it reads all partitions."""

    @property
    def source(self) -> str:
        """The CloudEvents ``source`` of what this stage writes."""
        return f"/wiredesk/{self.name}"


ENRICHMENT = StageSpec(
    "enrichment", RAW_STREAM, ENRICHED_STREAM, "enrichment", (RAW_STREAM, STORY_STREAM)
)
INDEXER = StageSpec(
    "indexer",
    ENRICHED_STREAM,
    OUTCOME_STREAM,
    "indexer",
    (ENRICHED_STREAM, DEAD_STREAM, ENTITY_STREAM),
)


def receipts_stage(inbox_id: UUID) -> StageSpec:
    """The stage that brings the outcomes back to one inbox; each inbox is a group of its own."""
    group = f"{INGEST_GROUP_PREFIX}{inbox_id}"
    return StageSpec("ingest", OUTCOME_STREAM, None, group, (OUTCOME_STREAM,), one_process=True)


def webhook_group(name: str) -> str:
    """The consumer group of a webhook, on each stream that it is sent."""
    return f"{WEBHOOK_GROUP_PREFIX}{name}"


def is_ours(group: str) -> bool:
    """Whether a consumer group belongs to Wiredesk (else: a subscriber's)."""
    return group in {ENRICHMENT.group, INDEXER.group} or group.startswith(INGEST_GROUP_PREFIX)


_LOW_BITS = 0xFFFF_FFFF
"""The last eight hexadecimal digits of an article's id tell its partition. An id is a UUIDv5, the
digits of a SHA-1: they are spread evenly as they are, the same in every process and release, and a
subscriber in any language can tell the partition without a hash function of ours."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one partition of a desk. Each but those of ``permanent`` has a time to live.

    ``partitions``: how many there are; ``partition``: which one these are of, home unless said.
    """

    namespace: str
    partitions: int = 1
    partition: int = 0
    _home: str = field(init=False, repr=False, compare=False)
    _here: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Spell out once what every key begins with."""
        home = f"{{{self.namespace}}}"
        here = f"{{{self.namespace}/{self.partition}}}" if self.partition else home
        object.__setattr__(self, "_home", home)
        object.__setattr__(self, "_here", here)

    @classmethod
    def of(cls, settings: Settings) -> Keys:
        """Of the desk that the settings name: its home."""
        return cls(settings.namespace, settings.partitions)

    # --- which partition -------------------------------------------------------------
    def partition_of(self, article_id: UUID) -> int:
        """The partition in which everything about this article lies."""
        return (article_id.int & _LOW_BITS) % self.partitions

    def at(self, partition: int) -> Keys:
        """The keys of another partition; ``ValueError`` where there is none of this number."""
        if not 0 <= partition < self.partitions:
            raise ValueError(f"there are {self.partitions} partitions, and no number {partition}")
        return self if partition == self.partition else replace(self, partition=partition)

    def holding(self, article_id: UUID) -> Keys:
        """The keys of the partition of an article."""
        return self.at(self.partition_of(article_id))

    def each(self, stream: Stream | None = None) -> tuple[Keys, ...]:
        """Of every partition, home first; of those in which ``stream`` lies, where one is given."""
        if stream is not None and stream in CHANGE_STREAMS:
            return (self.at(0),)
        return tuple(self.at(partition) for partition in range(self.partitions))

    # --- of a partition --------------------------------------------------------------
    def stream(self, stream: Stream) -> str:
        """Key of a stream, e.g. ``{news}:raw``; of a stream of changes always the one at home."""
        tag = self._home if stream in CHANGE_STREAMS else self._here
        return f"{tag}:{stream.name}"

    def subscribers(self) -> str:
        """Hash: ``stream/group`` → a registered subscriber, as JSON."""
        return f"{self._here}:subscribers"

    def trimmed(self) -> str:
        """Hash: stream's name → the last entry id that the janitor took off it."""
        return f"{self._here}:trimmed"

    def attempts(self, spec: StageSpec) -> str:
        """Hash: entry id → attempts begun, of the messages that are pending in a stage."""
        return f"{self._here}:attempts:{spec.group}"

    def marker(self, drop_id: UUID | str, article_id: UUID | str) -> str:
        """String: where this article of this drop is, as ``stream:entry-id``."""
        return f"{self._here}:at:{drop_id}:{article_id}"

    def begun(self, call: str) -> str:
        """String: what a call that counts attempts was answered, for when it is sent again."""
        return f"{self._here}:begun:{call}"

    def buried(self, inbox_id: UUID, day: int) -> str:
        """Hash: ``drop:article`` → ``hour|source`` of what stages rejected, for the ledger.

        Of what an inbox received on a ``day`` (since 1970, UTC); ``hour`` since 1970.
        """
        return f"{self._here}:buried:{inbox_id}:{day}"

    def noted(self) -> str:
        """String: how many partitions there are; see ``agreement``. None where there is one."""
        return f"{self._here}:partitions"

    # --- at home ---------------------------------------------------------------------
    def shares(self, spec: StageSpec) -> str:
        """Hash: which worker of a stage has which partitions, and until when; see ``shares``."""
        return f"{self._home}:shares:{spec.group}"

    def announced(self, change_id: UUID) -> str:
        """String: this change is on its stream."""
        return f"{self._home}:announced:{change_id}"

    def alive(self, spec: StageSpec, consumer: str) -> str:
        """String with a short life: the facts of one running worker, as JSON."""
        return f"{self._home}:alive:{spec.group}:{consumer}"

    def alive_pattern(self) -> str:
        """Pattern of all ``alive`` keys."""
        return f"{self._home}:alive:*"

    def recent(self, group: str) -> str:
        """List: how the last articles of a stage went, the newest first; see ``budget``."""
        return f"{self._home}:recent:{group}"

    def halted(self, group: str) -> str:
        """Hash: why and since when a stage is stopped by its failure budget; see ``budget``."""
        return f"{self._home}:halted:{group}"

    def halted_pattern(self) -> str:
        """Pattern of all ``halted`` keys."""
        return f"{self._home}:halted:*"

    def receipts(self) -> str:
        """List: the last receipts in short, as JSON, the newest first."""
        return f"{self._home}:receipts"

    def kin(self, index: str, part: str) -> str:
        """A part of the index of near-duplicates or of stories, e.g. ``{news}:kin:dup1:ids``.

        ``part``: ``state``, ``ids``, ``entries``, ``stories``, ``awaited`` (hashes), or a
        bucket of postings as four hexadecimal digits (a string).
        """
        return f"{self._home}:kin:{index}:{part}"

    def webhook(self, name: str, part: str) -> str:
        """A part of a webhook's queue, e.g. ``{news}:webhook-dead:NAME``; all expire.

        ``part``: ``lease`` (who delivers), ``tries`` (hash of events waiting for another try),
        ``state`` (hash), ``dead`` (stream of dead letters), ``again`` (stream of those that an
        operator sends again).
        """
        return f"{self._home}:webhook-{part}:{name}"

    def trial(self, token: str, part: str) -> str:
        """A key with a short life on which ``wiredesk doctor`` tries what the server allows."""
        return f"{self._home}:trial:{token}:{part}"

    # --- of them all ----------------------------------------------------------------
    def permanent(self) -> tuple[str, ...]:
        """The keys without a time to live: streams, and what must be known as long as they are."""
        streams = [keys.stream(s) for s in (*STREAMS, *CHANGE_STREAMS) for keys in self.each(s)]
        others = [(k.subscribers(), k.trimmed(), k.noted()) for k in self.each()]
        return (*streams, *(key for each in others for key in each))
