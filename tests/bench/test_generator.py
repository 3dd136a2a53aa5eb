"""The invented news: the same for the same seed, whole, and spread as real news is."""

from __future__ import annotations

import hashlib
import statistics
import subprocess
import sys
from collections import Counter
from datetime import timedelta
from functools import cache
from itertools import takewhile

import pytest

from schemas.article import EnrichedArticle
from services.media_topics import media_topics
from tests.bench.generator import MEDIAN_WORDS, REACH, Newsroom, _Draft
from tests.bench.world import BEGIN, DAYS, SYLLABLES, WORDS, key_of, names, time_of, vocabulary

TOTAL = 100_000
SOME = 1000


@cache
def some() -> list[EnrichedArticle]:
    """A stretch of the middle."""
    return list(Newsroom(TOTAL).articles(40_000, 40_000 + SOME))


def digest(*numbers: int) -> str:
    room = Newsroom(TOTAL)
    lines = [room.article(number).model_dump_json() for number in numbers]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def test_the_same_number_is_the_same_article_whatever_was_made_before() -> None:
    assert digest(5, 70_000, 6) == digest(5, 70_000, 6)
    assert digest(5) != digest(6)
    assert (
        Newsroom(TOTAL).article(5).model_dump_json()
        == next(Newsroom(TOTAL).articles(5)).model_dump_json()
    )


def test_another_process_with_another_hash_seed_makes_the_same_bytes() -> None:
    code = "from tests.bench.test_generator import digest; print(digest(0, 999, 40_123))"
    made = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert made == {digest(0, 999, 40_123)}


def test_another_seed_is_another_world() -> None:
    ours, theirs = (Newsroom(TOTAL, seed).article(7) for seed in (1, 2))
    assert ours.article_id != theirs.article_id
    assert ours.text != theirs.text


def test_each_is_a_valid_article_that_the_contract_reads_back() -> None:
    for article in some()[:100]:
        assert EnrichedArticle.model_validate_json(article.model_dump_json()) == article


def test_offsets_point_at_what_they_name() -> None:
    for article in some():
        head, body = article.sections
        assert article.text[head.start : head.end] == article.headline
        assert article.text[head.end : body.start] == "\n\n"
        assert body.end == len(article.text)
        assert article.summary is not None
        assert article.text[article.summary.start : article.summary.end] == article.summary.text
        for entity in article.entities:
            for mention in entity.mentions:
                assert article.text[mention.start : mention.end] == mention.text == entity.name


def test_lengths_are_those_of_news() -> None:
    lengths = [article.reading_time.words for article in some() if article.reading_time]
    assert MEDIAN_WORDS * 0.85 < statistics.median(lengths) < MEDIAN_WORDS * 1.15
    assert min(lengths) < 150
    assert max(lengths) > 1000


def test_times_run_over_two_years_with_fewer_at_night_and_on_sundays() -> None:
    times = [time_of(number / 5000) for number in range(5000)]
    assert times == sorted(times)
    assert times[0] - BEGIN < timedelta(hours=6)
    assert timedelta(days=DAYS - 1) < times[-1] - BEGIN < timedelta(days=DAYS)
    hours, days = Counter(at.hour for at in times), Counter(at.weekday() for at in times)
    assert hours[3] < hours[10] / 4
    assert days[6] < days[2] * 0.6
    for article in some():
        assert article.published_at is not None
        assert article.published_at < article.drop.received_at < article.enriched_at


def test_words_are_as_frequent_as_zipf_has_them() -> None:
    counted: Counter[str] = Counter()
    for article in some():
        if article.detected_language.code == "en":
            counted.update(article.text.lower().replace(".", "").split())
    ranked = [count for _, count in counted.most_common()]
    assert ranked[0] > 4 * ranked[20]
    assert ranked[20] > 4 * ranked[200]
    assert sum(count == 1 for count in ranked) > len(ranked) / 5, "many words come once"
    assert len(counted) > 12_000


@pytest.mark.parametrize("language", sorted(SYLLABLES))
def test_a_language_has_its_words_once_and_its_frequent_ones_are_short(language: str) -> None:
    words = vocabulary(language)
    assert len(words) == len(set(words)) == WORDS[language]
    ends = words[:100], words[-100:]
    short, long = (statistics.mean(map(len, some_words)) for some_words in ends)
    assert short < long - 3


def test_names_are_told_apart_and_a_few_are_everywhere() -> None:
    counted = Counter(entity.key for article in some() for entity in article.entities)
    assert len(names("PERSON")) == len(set(names("PERSON")))
    assert counted.most_common(1)[0][1] > SOME / 12
    assert sum(count == 1 for count in counted.values()) > len(counted) / 3
    assert len({key_of("ORG", rank) for rank in range(500)}) == 500
    assert 0.4 < sum(key.startswith("wd:") for key in counted) / len(counted) < 0.8


def test_topics_are_the_real_ones_with_those_above_them() -> None:
    tree = media_topics()
    for article in some():
        codes = [topic.code for topic in article.topics]
        assert len(codes) == len(set(codes)) > 0
        assert all(tree.knows(code) for code in codes)
        assert {above for code in codes for above in tree.lineage(code)} == set(codes)
        scores = [topic.score for topic in article.topics]
        assert scores == sorted(scores, reverse=True)


def test_there_are_versions_copies_doubles_stories_and_cancelled_ones() -> None:
    by_id: dict[str, list[EnrichedArticle]] = {}
    for article in some():
        by_id.setdefault(str(article.article_id), []).append(article)
    later = [versions for versions in by_id.values() if len(versions) > 1]
    assert 0.03 < len(later) / SOME < 0.08
    for first, *others in later:
        for version in others:
            assert version.revision > first.revision
            pairs = zip(version.text, first.text, strict=False)
            shared = list(takewhile(lambda pair: pair[0] == pair[1], pairs))
            assert len(shared) > min(len(version.text), len(first.text)) * 0.5
    copies = [article for article in some() if article.near_duplicate_of]
    assert 0.03 < len(copies) / SOME < 0.08
    assert all(article.near_duplicate_of.provider != article.provider for article in copies)  # type: ignore[union-attr]  # chosen by it
    doubles = Counter(article.content_hash for article in some())
    assert 3 <= sum(count > 1 for count in doubles.values()) <= 35
    assert 1 <= sum(article.status == "withdrawn" for article in some()) <= 12
    stories = Counter(article.story.id for article in some() if article.story)
    assert 0.3 < stories.total() / SOME < 0.5
    assert 2 < statistics.median(stories.values()) < 12


def test_a_copy_shares_its_original_s_wording_and_story() -> None:
    room = Newsroom(TOTAL)
    drafts = [_Draft(room, number) for number in range(40_000, 40_500)]
    copies = [draft for draft in drafts if draft.what == "copy" and draft.of]
    assert len(copies) > 10
    for draft in copies:
        assert draft.of is not None
        assert 0 < draft.number - draft.of.number < 2 * REACH
        copy, original = (room.article(number) for number in (draft.number, draft.of.number))
        assert copy.near_duplicate_of is not None
        assert copy.near_duplicate_of.article_id == original.article_id
        assert copy.story == original.story
        shared = set(copy.text.split()) & set(original.text.split())
        assert len(shared) > len(set(copy.text.split())) * 0.6
