"""Near-duplicates over a real index: every variant is found, strangers aren't, order is nothing."""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from services.bus.errors import Unavailable
from services.bus.kinship import KinIndex
from services.bus.server import EmbeddedServer
from services.enrichment.annotators.base import Draft
from services.enrichment.annotators.duplicates import NO_INDEX, NearDuplicateFinder
from services.enrichment.pipeline import Enricher
from services.enrichment.registry import build_annotators
from tests.enrichment.kin_generator import VARIANTS, Piece, article, event, variant
from tests.enrichment.kin_groups import groups_of
from tests.factories import article_id, at, make_drop, make_raw

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from redis import Redis

    from schemas.annotations import NearDuplicate
    from services.enrichment.annotators.base import Block
    from services.settings import Settings

ORIGINALS = 25
EXPECTED = {
    "cut": {"shortened"},
    "edited": {"corrected"},
    "boilerplate": {"extended"},
    "shuffled": {"same"},
    "extracted again": {"same"},
    "new headline": {"same", "corrected"},
}


@pytest.fixture
def index(redis: Redis, settings: Settings) -> Iterator[KinIndex]:
    del redis  # empties the server
    assert settings.redis_url is not None
    index = KinIndex(settings.redis_url.get_secret_value(), settings)
    yield index
    index.close()


@pytest.fixture
def finder(index: KinIndex) -> NearDuplicateFinder:
    return NearDuplicateFinder(index)


def originals(count: int = ORIGINALS) -> list[Piece]:
    """Originals of 180 to 900 words, several on events of each kind."""
    return [article(event(n), n, 150 + n * 30) for n in range(1, count + 1)]


def one(finder: NearDuplicateFinder, draft: Draft) -> Block:
    return finder.annotate([draft])[0]


def by_id(block: Block) -> dict[UUID, NearDuplicate]:
    return {other.article_id: other for other in block.near_duplicates}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_found_with_its_direction(finder: NearDuplicateFinder, name: str) -> None:
    pieces = originals()
    finder.annotate([piece.draft() for piece in pieces])
    for piece in pieces:
        made = variant(piece, name, 1000 + piece.number)
        block = one(finder, made.draft())
        found = by_id(block).get(piece.raw().article_id)
        assert found is not None, (name, piece.number)
        assert found.direction in EXPECTED[name], (name, piece.number, found)
        assert found.provider == piece.provider
        assert block.near_duplicate_of == found
        assert len(block.near_duplicates) == 1


def test_unrelated_articles_of_one_subject_and_one_event_are_not_found(
    finder: NearDuplicateFinder,
) -> None:
    drafts = [article(event(n % 4, event(0).kind), n, 300).draft() for n in range(1, 81)]
    found = [block.near_duplicates for block in finder.annotate(drafts)]
    assert found == [()] * 80, "0 of 3,160 pairs"


def test_those_that_quote_one_statement_are_no_duplicates(finder: NearDuplicateFinder) -> None:
    statement = article(event(77), 500, 60).paragraphs
    pieces = [article(event(n), n, 300) for n in range(1, 5)]
    quoting = [
        make_raw(
            article_id=article_id(piece.number),
            headline=piece.headline,
            body=(*piece.paragraphs[:2], *statement, *piece.paragraphs[2:]),
        )
        for piece in pieces
    ]
    drafts = [Draft(raw) for raw in quoting]
    assert [block.near_duplicates for block in finder.annotate(drafts)] == [()] * 4


def test_the_earliest_is_named_even_when_it_comes_last(finder: NearDuplicateFinder) -> None:
    early = article(event(3), 30, 300, hours=-5)
    later = [variant(early, "new headline", 31), variant(early, "boilerplate", 32)]
    blocks = finder.annotate([piece.draft() for piece in (later[0], later[1], early)])
    assert blocks[0].near_duplicate_of is None
    assert blocks[2].near_duplicate_of is None, "it came out first"
    assert len(blocks[2].near_duplicates) == 2
    (fourth,) = finder.annotate([variant(early, "cut", 33).draft()])
    assert fourth.near_duplicate_of is not None
    assert fourth.near_duplicate_of.article_id == early.raw().article_id


@pytest.mark.parametrize(
    "published", [at(40 * 3600), at(0).replace(year=1969)], ids=["to come", "before 1970"]
)
def test_a_published_time_that_cannot_be_gives_way_to_the_receipt(
    finder: NearDuplicateFinder, published: datetime
) -> None:
    piece = article(event(4), 40, 200)
    wrong = piece.raw().model_copy(update={"published_at": published})
    copy = variant(piece, "new headline", 41)
    _, copied = finder.annotate([Draft(wrong), copy.draft()])
    assert copied.near_duplicate_of is not None, "it was received an hour later"


def test_a_correction_is_one_within_a_house_and_a_reprint_in_another(
    finder: NearDuplicateFinder,
) -> None:
    piece = article(event(5), 50, 400)
    changed = (piece.paragraphs[0] + " It rained", *piece.paragraphs[1:])
    for number, provider, expected in ((51, piece.provider, "corrected"), (52, "Other", "same")):
        raw = piece.raw().model_copy(update={"provider": provider})
        made = make_raw(
            article_id=article_id(number),
            headline=raw.headline,
            standfirst=None,
            body=changed,
            provider=provider,
            drop=make_drop(received_at=at(60)),
        )
        finder.annotate([piece.draft()])
        found = by_id(one(finder, Draft(made)))[raw.article_id]
        assert found.direction == expected


def pairs_of(drafts: Sequence[Draft], blocks: Sequence[Block]) -> set[frozenset[UUID]]:
    return {
        frozenset((draft.article.article_id, other.article_id))
        for draft, block in zip(drafts, blocks, strict=True)
        for other in block.near_duplicates
    }


def test_the_groups_do_not_depend_on_order_batches_or_workers(
    redis: Redis, settings: Settings
) -> None:
    pieces = originals(8)
    everything = [
        *pieces,
        *(
            variant(piece, name, 100 * place + piece.number)
            for piece in pieces
            for place, name in enumerate(VARIANTS, 1)
        ),
    ]
    drafts = [piece.draft() for piece in everything]
    assert settings.redis_url is not None
    seen = []
    for seed in range(4):
        redis.flushall()
        chance = random.Random(seed)  # noqa: S311  # no secret hangs on it
        order = chance.sample(drafts, len(drafts))
        indexes = [KinIndex(settings.redis_url.get_secret_value(), settings) for _ in range(3)]
        workers = [NearDuplicateFinder(index) for index in indexes]
        blocks: list[Block] = []
        while len(blocks) < len(order):
            batch = order[len(blocks) : len(blocks) + chance.randint(1, 8)]
            blocks += chance.choice(workers).annotate(batch)
        seen.append(pairs_of(order, blocks))
        for index in indexes:
            index.close()
    assert all(pairs == seen[0] for pairs in seen)
    expected = Counter(len(group) for group in groups_of(seen[0]))
    assert expected == {1 + len(VARIANTS): len(pieces)}


def test_groups_are_what_pairs_connect() -> None:
    ids = [UUID(int=n) for n in range(6)]
    pairs = [frozenset(pair) for pair in ((ids[0], ids[1]), (ids[1], ids[2]), (ids[4], ids[5]))]
    expected = [tuple(ids[:3]), tuple(ids[4:])]
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        assert groups_of([pairs[place] for place in order]) == expected
    chain = [frozenset(pair) for pair in combinations(ids, 2)]
    assert groups_of(chain) == [tuple(ids)]


def test_a_withdrawn_article_is_forgotten(finder: NearDuplicateFinder) -> None:
    piece = article(event(6), 60, 200)
    finder.annotate([piece.draft()])
    gone = piece.raw().model_copy(update={"status": "withdrawn", "revision": 2**50})
    block = one(finder, Draft(gone))
    assert (block.status, block.reason) == ("skipped", "withdrawn: not compared")
    assert one(finder, variant(piece, "shuffled", 61).draft()).near_duplicates == ()


@pytest.mark.parametrize("text", ["", "Kyiv", "x" * 100_000, "\0\ud800 a", "!!! ???"])
def test_too_little_text_is_skipped_with_a_reason(finder: NearDuplicateFinder, text: str) -> None:
    drafts = [Draft(make_raw(text=text, article_id=article_id(n))) for n in (1, 2)]
    for block in finder.annotate(drafts):
        assert (block.status, block.reason) == ("skipped", "too little text to compare")


def test_without_an_index_nothing_is_looked_up(settings: Settings) -> None:
    (finder,) = build_annotators(settings.model_copy(update={"annotators": ("duplicates",)}))
    (block,) = finder.annotate([article(event(1), 1, 100).draft()])
    assert (block.status, block.reason) == ("skipped", NO_INDEX)


def test_an_index_that_cannot_be_used_costs_the_block_and_not_the_article(
    index: KinIndex, redis: Redis, settings: Settings
) -> None:
    redis.set("{news}:kin:dup1:entries", "not a hash", ex=60)
    chosen = settings.model_copy(update={"annotators": ("duplicates",)})
    (enriched,) = Enricher(chosen, index).enrich([article(event(1), 1, 100).raw()])
    (provenance,) = enriched.provenance  # type: ignore[union-attr]  # nothing is rejected
    assert provenance.status == "skipped"
    assert provenance.reason is not None
    assert "WRONGTYPE" in provenance.reason


def test_while_redis_is_away_the_whole_batch_waits(tmp_path: Path, settings: Settings) -> None:
    own_server = EmbeddedServer(tmp_path / "own-server")
    own_server.start()
    index = KinIndex(own_server.url, settings)
    enricher = Enricher(settings.model_copy(update={"annotators": ("duplicates",)}), index)
    raws = [article(event(n), n, 100).raw() for n in (1, 2)]
    assert len(enricher.enrich(raws)) == 2
    own_server.stop()
    with pytest.raises(Unavailable):
        enricher.enrich(raws)
    index.close()
