"""What a stage holds of a message while it works on it, and what it makes of it."""

from __future__ import annotations

import base64
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, UUID, uuid5

import orjson
from pydantic import TypeAdapter, ValidationError

from schemas.article import Drop, EnrichedArticle, RawArticle, Retry, Revision
from schemas.events import (
    DEAD,
    FILED,
    DeadLetter,
    Outcome,
    Payload,
    Timings,
    event_id,
    source_name,
    timings_of,
)
from services.bus import tracing
from services.bus.envelope import Event, Outgoing, Unreadable, write
from services.bus.scripts import ArticleRef, Burial, Counted

if TYPE_CHECKING:
    from services.bus.errors import Reject
    from services.bus.keys import StageSpec

STACK_CHARS = 8000
"""Characters of a stack trace kept in a dead letter: its end, where the cause is."""

REASON_CHARS = 2000
"""Characters of a reason kept: whoever reads it wants a sentence, not the article quoted in it."""

_REVISION = TypeAdapter(Revision)

ArticlePayload = RawArticle | EnrichedArticle | Outcome


@dataclass(slots=True)  # not frozen, here and below: it would double what making one costs
class Message:
    """One stream entry: its id, its bytes, and what was read from them.

    ``partition``: the one that it lies in.
    """

    entry_id: str
    raw: bytes
    reading: Event | Unreadable
    partition: int = 0


@dataclass(slots=True)
class Item:
    """A readable message about an article, with the attempts begun on it, once they are counted.

    ``ref``: which article of which drop.
    """

    entry_id: str
    raw: bytes
    payload: ArticlePayload
    traceparent: str | None
    attempts: int = 0
    partition: int = 0
    ref: ArticleRef = field(init=False)

    def __post_init__(self) -> None:
        """Say what it is about."""
        self.ref = ArticleRef(self.payload.drop.drop_id, self.payload.article_id)

    @property
    def context(self) -> dict[str, object]:
        """What every log line about this message carries."""
        drop_id, article_id = self.ref.spelt
        return {
            "article_id": article_id,
            "drop_id": drop_id,
            "file": self.payload.drop.file,
            "trace_id": tracing.trace_id(self.traceparent),
            "entry_id": self.entry_id,
        }


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a message dies: for the dead letter, and for the outcome."""

    kind: str
    reason: str
    advice: str
    stack: str | None = None

    def __post_init__(self) -> None:
        """Make everything writable: a burial that can't be written would never end."""
        object.__setattr__(self, "reason", _writable(self.reason)[:REASON_CHARS])
        object.__setattr__(self, "advice", _writable(self.advice)[:REASON_CHARS])
        if self.stack is not None:
            object.__setattr__(self, "stack", _writable(self.stack)[-STACK_CHARS:])


@cache
def software_version() -> str:
    """The release that runs; read from the installed metadata once, not at each sign of life."""
    return version("wiredesk")


def _writable(text: str) -> str:
    """``text`` with lone surrogates (undecodable file names hold some) as escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def fault_of(error: BaseException) -> Fault:
    """The fault that an exception of a handler is."""
    stack = "".join(traceback.format_exception(error))
    reason = f"{error.__class__.__name__}: {error}"
    advice = "see its stack with `wiredesk dead show`; once mended, `wiredesk dead retry`"
    return Fault(error.__class__.__name__, reason, advice, stack)


def fault_of_reject(reject: Reject) -> Fault:
    """The fault that a handler named itself."""
    return Fault("Reject", reject.reason, reject.advice)


def fault_of_reading(reading: Unreadable) -> Fault:
    """The fault of bytes that are no event."""
    advice = "the sender must send this release's events; see schemas/generated"
    return Fault("Unreadable", reading.reason, advice)


def fault_of_crash(attempts: int) -> Fault:
    """The fault of a message whose worker died each time."""
    reason = f"its worker died on it {attempts} times (killed, out of memory, or crashed)"
    return Fault("WorkerDied", reason, "look at the text for what is unusual, or raise the memory")


def event_of(spec: StageSpec, item: Item, payload: Payload, at: datetime) -> bytes:
    """The event with which ``payload`` follows from ``item``."""
    if spec.writes is None:
        raise ValueError(f"stage {spec.name} writes no stream")
    event = spec.writes.event
    revision, again = item.payload.revision, item.payload.drop.retry
    retry = 0
    if isinstance(payload, Outcome):
        # The store may give what it had decided before the article became a dead letter.
        payload = payload.model_copy(
            update={"drop": payload.drop.model_copy(update={"retry": again})}
        )
        retry = number_of(again)
    drop_id, article_id = item.ref.spelt
    head = Outgoing(
        event=event,
        id=event_id(event, drop_id, article_id, revision, retry),
        source=spec.source,
        subject=article_id,
        time=at,
        traceparent=tracing.child(item.traceparent, event),
    )
    return write(head, payload)


def number_of(retry: Retry | None) -> int:
    """Which retry, 0 for none."""
    return 0 if retry is None else retry.number


def burial_of(spec: StageSpec, stream: str, item: Item, fault: Fault) -> Burial:
    """Dead letter and outcome of a readable message.

    The stage that reads outcomes reports none: an outcome of an outcome would never end.
    """
    now = datetime.now(UTC)
    letter = _letter(spec, stream, item.entry_id, item.raw, fault, item.attempts)
    full = letter.model_copy(update={"drop": item.payload.drop, "article_id": item.ref.article_id})
    outcome = counted = None
    if spec.writes is not None and not isinstance(item.payload, Outcome):
        counted = Counted.of(item.payload.drop, item.payload.provider)
        trace = tracing.child(item.traceparent, FILED)
        outcome = outcome_event(spec.source, rejected(spec, item.payload, fault, now), trace)
    return Burial(
        entry_id=item.entry_id,
        dead_letter=_dead_event(spec, full, item.traceparent),
        outcome=outcome,
        ref=item.ref if outcome is not None else None,
        counted=counted,
    )


def burial_of_unreadable(spec: StageSpec, stream: str, message: Message, fault: Fault) -> Burial:
    """Dead letter of bytes that are no event; with an outcome where an article can still be told.

    A newer release's event is such a case: its article and drop can be read, and
    whoever dropped the file is told.
    """
    now = datetime.now(UTC)
    letter = _letter(spec, stream, message.entry_id, message.raw, fault, attempts=0)
    known = _salvage(message.raw) if spec.writes is not None else None
    if known is None:
        return Burial(message.entry_id, _dead_event(spec, letter, None), None, None)
    drop, article_id, revision, source = known
    full = letter.model_copy(update={"drop": drop, "article_id": article_id})
    outcome = Outcome(
        drop=drop,
        article_id=article_id,
        revision=revision,
        outcome="rejected",
        source=source,
        stage=spec.name,
        reason=fault.reason,
        advice=fault.advice,
        timings=Timings(received_at=drop.received_at, filed_at=now),
    )
    event = outcome_event(spec.source, outcome, tracing.start_trace(drop.drop_id, article_id))
    ref = ArticleRef(drop.drop_id, article_id)
    counted = Counted.of(drop, source)
    return Burial(message.entry_id, _dead_event(spec, full, None), event, ref, counted)


def _salvage(raw: bytes) -> tuple[Drop, UUID, int, str | None] | None:
    """Drop, article, revision and source of bytes that are no event that we know."""
    try:
        data = orjson.loads(raw)["data"]
        # Only the fields that we know: an unknown one may be what makes it unreadable.
        drop = Drop.model_validate({name: data["drop"].get(name) for name in Drop.model_fields})
        provider = data.get("provider")
        source = source_name(_writable(provider)) if isinstance(provider, str) else None
        return drop, UUID(data["article_id"]), _revision(data.get("revision")), source
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, ValidationError):
        return None


def _revision(value: object) -> int:
    """``value`` where it can be a revision, else 0: the outcome must be writable in any case."""
    try:
        return _REVISION.validate_python(value, strict=True)
    except ValidationError:
        return 0


def rejected(
    spec: StageSpec, article: RawArticle | EnrichedArticle, fault: Fault, at: datetime
) -> Outcome:
    """The outcome of an article that a stage could not process."""
    return Outcome(
        drop=article.drop,
        article_id=article.article_id,
        revision=article.revision,
        outcome="rejected",
        headline=article.headline,
        source=source_name(article.provider),
        stage=spec.name,
        reason=fault.reason,
        advice=fault.advice,
        timings=timings_of(article, at),
    )


def outcome_event(source: str, outcome: Outcome, traceparent: str | None) -> bytes:
    """The ``filed`` event of an outcome."""
    ids = (outcome.drop.drop_id, outcome.article_id, outcome.revision)
    head = Outgoing(
        event=FILED,
        id=event_id(FILED, *ids, number_of(outcome.drop.retry)),
        source=source,
        subject=str(outcome.article_id),
        time=outcome.timings.filed_at,
        traceparent=traceparent,
    )
    return write(head, outcome)


def _letter(
    spec: StageSpec, stream: str, entry_id: str, raw: bytes, fault: Fault, attempts: int
) -> DeadLetter:
    return DeadLetter(
        stage=spec.name,
        group=spec.group,
        stream=stream,
        entry_id=entry_id,
        error_type=fault.kind,
        error_message=fault.reason,
        stack=fault.stack,
        attempts=attempts,
        software_version=software_version(),
        original=base64.b64encode(raw).decode("ascii"),
        died_at=datetime.now(UTC),
    )


def _dead_event(spec: StageSpec, letter: DeadLetter, traceparent: str | None) -> bytes:
    about = f"{letter.stream}|{letter.group}|{letter.entry_id}"
    head = Outgoing(
        event=DEAD,
        id=str(uuid5(NAMESPACE_OID, about)),
        source=spec.source,
        subject=str(letter.article_id) if letter.article_id else None,
        time=letter.died_at,
        traceparent=tracing.child(traceparent, DEAD),
    )
    return write(head, letter)


def item_of(message: Message) -> Item | None:
    """The message as an item, if it could be read and is about an article."""
    reading = message.reading
    if isinstance(reading, Unreadable) or not isinstance(reading.payload, ArticlePayload):
        return None
    payload, partition = reading.payload, message.partition
    return Item(message.entry_id, message.raw, payload, reading.traceparent, partition=partition)


def log_fields(payload: Any) -> dict[str, object]:
    """What a stage's own result adds to its log line."""
    if not isinstance(payload, Outcome):
        return {}
    told = {"of": payload.of, "by_revision": payload.by_revision}
    return {"outcome": payload.outcome, **{k: v for k, v in told.items() if v is not None}}


def time_of(payload: Payload) -> datetime:
    """When what ``payload`` says was so."""
    if isinstance(payload, EnrichedArticle):
        return payload.enriched_at
    if isinstance(payload, RawArticle):
        return payload.ingested_at
    if isinstance(payload, Outcome):
        return payload.timings.filed_at
    return datetime.now(UTC)
