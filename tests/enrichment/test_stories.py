"""Stories over a real index: one happening is one, two of a kind are two, order is nothing."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from schemas.article import Entity, Mention
from services.bus.kinship import KinIndex
from services.enrichment.annotators.base import Draft
from services.enrichment.annotators.duplicates import NO_INDEX, NearDuplicateFinder
from services.enrichment.annotators.stories import StoryFinder
from services.enrichment.kin.build_rarity import main as build_rarity
from services.enrichment.kin.rarity import TABLE_FILE, Rarity
from services.enrichment.kin.traits import MOST_NAMES, MOST_WORDS, name_weights, traits_of
from services.enrichment.pipeline import Enricher
from services.enrichment.registry import build_annotators
from tests.enrichment.kin_generator import VARIANTS, article, event, variant
from tests.enrichment.kin_words import KINDS
from tests.enrichment.story_texts import told
from tests.factories import NOON, make_raw

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from uuid import UUID

    from redis import Redis

    from schemas.article import EntityType
    from services.enrichment.annotators.base import Block
    from services.settings import Settings

FOLLOW_UP = 'Schoolhouse in Spitak was "never inspected" before quake'


@pytest.fixture(scope="module")
def rarity() -> Rarity:
    return Rarity.load()


@pytest.fixture
def index(redis: Redis, settings: Settings) -> Iterator[KinIndex]:
    del redis  # empties the server
    assert settings.redis_url is not None
    index = KinIndex(settings.redis_url.get_secret_value(), settings, now=NOON.timestamp)
    yield index
    index.close()


def partition(drafts: Sequence[Draft], blocks: Sequence[Block]) -> set[frozenset[UUID]]:
    """Which articles are of one story, after all merges."""
    elder: dict[UUID, UUID] = {}
    last: dict[UUID, UUID] = {}
    for draft, block in zip(drafts, blocks, strict=True):
        assert block.story is not None, block.reason
        elder |= dict.fromkeys(block.story.merged, block.story.id)
        last[draft.article.article_id] = block.story.id
    stories: dict[UUID, set[UUID]] = defaultdict(set)
    for article_id, story in last.items():
        while story in elder:
            story = elder[story]  # noqa: PLW2901  (the way up is what is walked)
        stories[story].add(article_id)
    return {frozenset(members) for members in stories.values()}


def by_event(events: Mapping[UUID, object]) -> set[frozenset[UUID]]:
    groups: dict[object, set[UUID]] = defaultdict(set)
    for article_id, happening in events.items():
        groups[happening].add(article_id)
    return {frozenset(members) for members in groups.values()}


def test_happenings_of_one_week_are_told_apart_and_their_reports_joined(index: KinIndex) -> None:
    """Two quakes, two elections, two matches, two affairs of one president, fire and flood."""
    articles = told()
    drafts = [one.draft for one in articles]
    found = partition(drafts, StoryFinder(index).annotate(drafts))
    happening = {one.draft.article.article_id: one.happening for one in articles}
    for members in found:
        assert len({happening[one] for one in members}) == 1
    # A follow-up on the school is about something else than the quake was: it may stand alone.
    alone = {
        one.draft.article.article_id for one in articles if one.draft.article.headline == FOLLOW_UP
    }
    joined = {members - alone for members in found} - {frozenset()}
    assert joined == {members - alone for members in by_event(happening)}


@pytest.mark.parametrize("seed", range(4))
def test_stories_do_not_depend_on_order_batches_or_workers(
    index: KinIndex, settings: Settings, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311  # no secret hangs on it
    happenings = [event(10 * place + n, kind) for place, kind in enumerate(KINDS) for n in (1, 2)]
    pieces = [
        article(happening, 10 * number + part, 80 + 90 * part, hours=20.0 * part)
        for number, happening in enumerate(happenings, 1)
        for part in range(4)
    ]
    assert settings.redis_url is not None
    second = KinIndex(settings.redis_url.get_secret_value(), settings, now=NOON.timestamp)
    workers = [StoryFinder(index), StoryFinder(second)]
    drafts = chance.sample([piece.draft() for piece in pieces], len(pieces))
    blocks: list[Block] = []
    while len(blocks) < len(drafts):
        batch = drafts[len(blocks) : len(blocks) + chance.randint(1, 8)]
        blocks += chance.choice(workers).annotate(batch)
    second.close()
    expected = by_event({piece.raw().article_id: piece.number // 10 for piece in pieces})
    assert partition(drafts, blocks) == expected


def test_every_variant_of_a_text_is_of_its_story(index: KinIndex, settings: Settings) -> None:
    """A text cut to a third is still a near-duplicate, and so of the story."""
    chosen = settings.model_copy(update={"annotators": ("duplicates", "story")})
    enricher = Enricher(chosen, index)
    for number, name in enumerate(VARIANTS, 1):
        piece = article(event(number), number, 300)
        original, copy = enricher.enrich([piece.raw(), variant(piece, name, 100 + number).raw()])
        assert original.story is not None  # type: ignore[union-attr]  # nothing is rejected
        assert copy.story is not None  # type: ignore[union-attr]  # nothing is rejected
        assert copy.story.id == original.story.id  # type: ignore[union-attr]  # the same
        assert copy.story.articles == 2  # type: ignore[union-attr]  # the same


def test_near_duplicates_are_handed_to_the_stories(index: KinIndex) -> None:
    piece = article(event(1), 1, 300)
    bare = [Draft(one.raw()) for one in (piece, variant(piece, "cut", 2))]
    duplicates = NearDuplicateFinder(index).annotate(bare)
    assert duplicates[1].near_duplicates
    drafts = [
        Draft(draft.article, near_duplicates=block.near_duplicates)
        for draft, block in zip(bare, duplicates, strict=True)
    ]
    assert len(partition(drafts, StoryFinder(index).annotate(drafts))) == 1


def test_one_kind_of_happening_three_days_later_in_the_same_place_is_another_story(
    index: KinIndex,
) -> None:
    happening = event(9)
    drafts = [article(happening, n, 200, hours=hours).draft() for n, hours in ((1, 0), (2, 73))]
    assert len(partition(drafts, StoryFinder(index).annotate(drafts))) == 2


def test_asked_again_the_stories_are_the_same(index: KinIndex) -> None:
    drafts = [one.draft for one in told()]
    finder = StoryFinder(index)
    assert finder.annotate(drafts) == finder.annotate(drafts)


def test_a_withdrawn_article_is_in_no_story(index: KinIndex) -> None:
    piece = article(event(1), 1, 100)
    gone = Draft(piece.raw().model_copy(update={"status": "withdrawn"}))
    blocks = StoryFinder(index).annotate([gone, piece.draft()])
    assert (blocks[0].status, blocks[0].reason) == ("skipped", "withdrawn: in no story")
    assert blocks[1].story is not None


@pytest.mark.parametrize("text", ["", "Kyiv", "x" * 200_000, "\0\ud800", "!!! ???", "5 6 7"])
def test_articles_of_nothing_are_stories_of_one(index: KinIndex, text: str) -> None:
    pieces = [article(event(n), n, 50).raw() for n in (1, 2)]
    drafts = [Draft(make_raw(text=text, article_id=one.article_id)) for one in pieces]
    blocks = StoryFinder(index).annotate(drafts)
    words = any(char.isalpha() for char in text) and len(text) > 3
    # Two texts of one same word are alike by it; of none, by nothing.
    assert len(partition(drafts, blocks)) == (1 if words and "\0" not in text else 2)


def test_without_an_index_nothing_is_looked_up(settings: Settings) -> None:
    (finder,) = build_annotators(settings.model_copy(update={"annotators": ("story",)}))
    (block,) = finder.annotate([article(event(1), 1, 100).draft()])
    assert (block.status, block.reason) == ("skipped", NO_INDEX)


def test_an_index_that_cannot_be_used_costs_the_block_and_not_the_article(
    index: KinIndex, redis: Redis
) -> None:
    redis.set("{news}:kin:story1:stories", "not a hash", ex=60)
    (block,) = StoryFinder(index).annotate([article(event(1), 1, 100).draft()])
    assert block.status == "skipped"
    assert block.reason is not None
    assert "WRONGTYPE" in block.reason


def named(name: str, kind: EntityType, **over: object) -> Entity:
    fields: dict[str, object] = {
        "key": f"{kind.lower()}:{name.lower()}",
        "name": name,
        "type": kind,
        "mentions": (Mention(start=0, end=len(name), text=name),),
        "salience": 0.5,
    }
    return Entity.model_validate(fields | over)


def test_a_country_weighs_less_than_a_person_and_dates_and_money_nothing(rarity: Rarity) -> None:
    weights = name_weights(
        [
            named("Ana Petrova", "PERSON"),
            named("Belarus", "GPE", iso_country="BY"),
            named("Riverton", "GPE"),
            named("Monday", "DATE"),
            named("$5", "MONEY"),
        ],
        rarity,
    )
    assert set(weights) == {"person:ana petrova", "gpe:belarus", "gpe:riverton"}
    assert weights["gpe:belarus"] < weights["gpe:riverton"] / 3


def test_traits_are_bounded_unit_vectors_and_the_same_whatever_the_order(rarity: Rarity) -> None:
    draft = article(event(3), 3, 900).draft()
    traits = traits_of(draft, rarity)
    assert len(traits.words) == MOST_WORDS
    assert 0 < len(traits.names) <= MOST_NAMES
    for vector in (traits.names, traits.words):
        assert abs(sum(part * part for _, part in vector) / 255**2 - 1) < 0.02
    turned = Draft(draft.article, entities=draft.entities[::-1])
    assert traits_of(turned, rarity) == traits


def test_stories_are_named_after_the_article_that_began_them(rarity: Rarity) -> None:
    one, other = (traits_of(article(event(1), n, 60).draft(), rarity) for n in (1, 2))
    assert one.story_id != other.story_id
    assert one.story_id.version == 5
    assert traits_of(article(event(1), 1, 60).draft(), rarity).story_id == one.story_id


def test_the_table_of_rarities_knows_common_words_from_rare_ones(rarity: Rarity) -> None:
    the, killed, earthquake, unheard = rarity.of(["the", "killed", "earthquake", "zzxqy"])
    assert the < killed < earthquake < unheard == rarity.rarest


def test_building_the_table_gives_the_same_bytes_for_the_same_input(tmp_path: Path) -> None:
    import gzip  # noqa: PLC0415  (only here)
    import json  # noqa: PLC0415  (only here)

    (tmp_path / "topics").mkdir()
    rows = [{"t": "The harbour of Riverton"}, {"t": "the quay"}, {"t": "the sea"}, {"t": "a"}]
    with gzip.open(tmp_path / "topics" / "topics_train.jsonl.gz", "wt") as out:
        out.writelines(json.dumps(row) + "\n" for row in rows)
    files = [tmp_path / "one.npz", tmp_path / "two.npz"]
    for file in files:
        assert build_rarity(["--data", str(tmp_path), "--out", str(file)]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    made = Rarity.load(files[0])
    assert made.facts["texts"] == 4
    assert made.of(["the"])[0] == pytest.approx(0.29, abs=0.05)


def test_a_file_that_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rubbish.npz").write_bytes(b"rubbish")
    with pytest.raises((ValueError, OSError)):
        Rarity.load(tmp_path / "rubbish.npz")
    assert len(Rarity.load(TABLE_FILE).sha256) == 64


def test_the_window_is_that_of_publication_not_of_arrival(index: KinIndex) -> None:
    """An archive read in one go: articles of different years arrive within seconds."""
    happening = event(12)
    pieces = [article(happening, n, 200, hours=-24.0 * 365 * n) for n in (1, 2)]
    drafts = [piece.draft() for piece in pieces]
    assert drafts[0].article.published_at == NOON - timedelta(days=365)
    assert len(partition(drafts, StoryFinder(index).annotate(drafts))) == 2
