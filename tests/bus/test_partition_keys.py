"""Which partition an article lies in, and which keys are whose."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from services.bus.keys import (
    CHANGE_STREAMS,
    ENTITY_STREAM,
    RAW_STREAM,
    STREAMS,
    Keys,
    Stream,
)
from services.settings import Settings
from tests.factories import article_id, drop_id

ARTICLE = UUID("6f1c2a3b-0000-5000-8000-00000000001e")
"""The last eight digits are 30."""


def test_a_desk_with_one_partition_has_the_keys_that_it_always_had() -> None:
    keys = Keys.of(Settings(redis_url=None))
    assert keys.each() == (keys,)
    assert keys.holding(ARTICLE) == keys
    assert keys.stream(RAW_STREAM) == "{news}:raw"
    assert keys.marker(drop_id(), ARTICLE) == f"{{news}}:at:{drop_id()}:{ARTICLE}"
    assert keys.trimmed() == "{news}:trimmed"


def test_a_further_partition_has_a_tag_that_no_namespace_can_be() -> None:
    keys = Keys("news", 3).at(2)
    assert keys.stream(RAW_STREAM) == "{news/2}:raw"
    pattern = Settings.model_fields["namespace"].metadata[0].pattern
    assert "/" not in pattern


def test_the_last_eight_digits_of_an_article_s_id_tell_its_partition() -> None:
    assert [Keys("news", number).partition_of(ARTICLE) for number in (1, 4, 7, 16)] == [0, 2, 2, 14]
    assert Keys("news", 4).holding(ARTICLE).stream(RAW_STREAM) == "{news/2}:raw"


@pytest.mark.parametrize("number", [2, 3, 16, 64])
def test_articles_are_spread_evenly(number: int) -> None:
    """None is half as full again as the mean, of 400 articles in each."""
    keys = Keys("news", number)
    found = Counter(keys.partition_of(article_id(n)) for n in range(400 * number))
    assert sorted(found) == list(range(number))
    assert max(found.values()) < 600


def test_there_is_no_partition_beyond_the_last() -> None:
    for wrong in (-1, 3):
        with pytest.raises(ValueError, match="there are 3 partitions"):
            Keys("news", 3).at(wrong)


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_streams_of_articles_lie_in_every_partition(stream: Stream) -> None:
    keys = Keys("news", 3).at(1)
    assert [each.stream(stream) for each in keys.each(stream)] == [
        f"{{news}}:{stream.name}",
        f"{{news/1}}:{stream.name}",
        f"{{news/2}}:{stream.name}",
    ]


@pytest.mark.parametrize("stream", CHANGE_STREAMS, ids=lambda stream: stream.name)
def test_streams_of_changes_lie_at_home_only(stream: Stream) -> None:
    keys = Keys("news", 3).at(1)
    assert keys.each(stream) == (keys.at(0),)
    assert keys.stream(stream) == f"{{news}}:{stream.name}"


def test_permanent_keys_are_told_of_all_partitions_each_once() -> None:
    kept = Keys("news", 3).permanent()
    assert len(set(kept)) == len(kept) == 3 * (len(STREAMS) + 3) + len(CHANGE_STREAMS)
    assert Keys("news").stream(ENTITY_STREAM) in kept
    assert set(Keys("news").permanent()) < set(kept)


def test_the_page_about_partitions_tells_an_article_s_partition_as_we_do() -> None:
    text = (Path(__file__).parents[2] / "docs/partitions.md").read_text("utf-8")
    (example,) = re.findall(r'article_id = UUID\("([^"]+)"\)', text)
    (number, told) = re.findall(r"16\) % (\d+)\)\n```\n\nprints `(\d+)`", text)[0]
    assert Keys("news", int(number)).partition_of(UUID(example)) == int(told)
