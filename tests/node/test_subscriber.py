"""A subscriber in JavaScript reads what Wiredesk publishes, with ``JSON.parse`` and a schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from schemas.article import EnrichedArticle
from schemas.events import ENRICHED, CloudEvent, event_id
from schemas.generate import GENERATED
from services.bus.keys import DATA_FIELD, ENRICHED_STREAM, Keys
from tests.factories import make_enriched
from tests.node.conftest import changed

if TYPE_CHECKING:
    import subprocess

    from redis import Redis

    from tests.node.conftest import Node

STREAM = Keys("news").stream(ENRICHED_STREAM)


def enriched_event(article: EnrichedArticle) -> bytes:
    """The event as the enrichment stage writes it."""
    return (
        CloudEvent[EnrichedArticle](
            id=event_id(ENRICHED, article.drop.drop_id, article.article_id, article.revision),
            source="/wiredesk/enrichment",
            type=ENRICHED.full_name,
            subject=str(article.article_id),
            time=article.enriched_at,
            dataschema=ENRICHED.dataschema,
            data=article,
        )
        .model_dump_json()
        .encode()
    )


@dataclass(frozen=True, slots=True)
class Subscriber:
    """The stream's writer and its JavaScript reader."""

    node: Node
    redis: Redis
    url: str

    def read(self, event: bytes) -> subprocess.CompletedProcess[str]:
        """What Node says of ``event``, once it is in the stream."""
        self.redis.xadd(STREAM, {DATA_FIELD: event})
        return self.node.run("subscriber.mjs", STREAM, GENERATED, WIREDESK_REDIS_URL=self.url)


@pytest.fixture
def subscriber(node: Node, redis: Redis, redis_url: str) -> Subscriber:
    return Subscriber(node, redis, redis_url)


def test_an_enriched_event_is_json_that_fits_its_schema(subscriber: Subscriber) -> None:
    event = enriched_event(make_enriched())

    result = subscriber.read(event)

    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == CloudEvent[EnrichedArticle].model_validate_json(event).id


def test_mentions_are_found_behind_characters_outside_the_basic_plane(
    subscriber: Subscriber,
) -> None:
    """Offsets count code points: two UTF-16 units of a character must not shift them."""
    body = ("\N{SHIP}\N{ROWBOAT} Ana Petrova waved from the ferry. \N{SHIP} Ana Petrova left.",)
    article = make_enriched(headline=None, standfirst=None, body=body)
    assert [mention.start for mention in article.entities[0].mentions] == [3, 39]

    result = subscriber.read(enriched_event(article))

    assert result.returncode == 0, result.stderr


def test_fields_that_a_subscriber_does_not_know_are_no_fault(subscriber: Subscriber) -> None:
    event = changed(enriched_event(make_enriched()), sentiment={"score": 0.2})

    result = subscriber.read(event)

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"article_id": "harbour"}, '/data/article_id must match format "uuid"'),
        ({"published_at": "yesterday"}, '/data/published_at must match format "date-time"'),
        ({"revision": -1}, "/data/revision must be >= 0"),
        ({"revision": "1"}, "/data/revision must be integer"),
        ({"detected_language": None}, "/data must have required property 'detected_language'"),
        ({"provenance": "by hand"}, "/data/provenance must be array"),
        ({"text": "moved by a word"}, "is not at its offsets"),
    ],
)
def test_a_broken_event_is_refused_with_its_fault_named(
    subscriber: Subscriber, data: dict[str, object], said: str
) -> None:
    event = changed(enriched_event(make_enriched()), **data)

    result = subscriber.read(event)

    assert result.returncode == 1
    assert said in result.stderr
    assert result.stdout == ""


def test_an_event_of_an_unknown_schema_is_refused(subscriber: Subscriber) -> None:
    event = enriched_event(make_enriched()).replace(b"enriched.v1", b"enriched.v2")

    result = subscriber.read(event)

    assert result.returncode == 1
    assert "no schema for urn:wiredesk:schema:wiredesk.article.enriched.v2" in result.stderr


def test_an_entry_that_is_not_json_is_refused(subscriber: Subscriber) -> None:
    result = subscriber.read(b'{"data": NaN}')

    assert result.returncode == 1
    assert "JSON" in result.stderr
