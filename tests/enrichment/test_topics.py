"""The topics block: plain stories get their subject, unclear ones get none."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.article import Language
from services.enrichment.annotators.base import Draft
from services.enrichment.knowledge import topic_model
from services.enrichment.knowledge.choice import FLOOR, MARGIN, MOST, chosen
from services.enrichment.knowledge.features import BUCKETS, MAX_CHARS, features, weigh, words
from tests.enrichment.kit import annotator, draft
from tests.factories import make_raw

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.article import Topic

STORIES = {
    "arts, culture, entertainment and media": "Festival opens with a silent film. The film "
    "festival opened with a restored comedy and a live orchestra. The director got a standing "
    "ovation; two actors and a singer will get prizes.",
    "crime, law and justice": "Court jails former builder. A court sentenced the man to six years "
    "in prison for fraud. Prosecutors had asked for eight years; his lawyer will appeal.",
    "disaster, accident and emergency incident": "Bridge collapse kills nine. Rescuers pulled "
    "three survivors from the rubble of a bridge that collapsed during the evening rush hour.",
    "economy, business and finance": "Central bank raises rates by a quarter point to slow "
    "inflation. Shares of banks rose, and the currency gained half a percent.",
    "education": "Village schools will share teachers of mathematics from next autumn, the "
    "education ministry said. Universities will train more teachers for pupils in the country.",
    "environment": "Otters return to the river. Conservationists counted forty of them; fewer "
    "pesticides and less plastic waste helped the wildlife recover, the nature agency said.",
    "health": "Measles cases double in a month. Hospitals reported four hundred patients, most of "
    "them children who were not vaccinated. Doctors urge parents to immunise.",
    "labor": "Dock workers walk out over pay. Thousands are on strike at the largest port after "
    "talks between their trade union and the employers on a wage rise broke down.",
    "religion": "Bishops vote to ordain women as deacons. The synod of the church voted to open "
    "the office; theologians called it historic, conservative parishes and priests objected.",
    "science and technology": "Telescope finds water vapour on a distant planet. Astronomers "
    "using an infrared instrument report traces in the atmosphere of a rocky planet.",
    "society": "More people live alone. A census report says one household in three has a single "
    "member. Sociologists point to later marriage, rising divorce and high rents.",
    "sport": "Late goal sends Rovers into the final. A header in the last minute gave Rovers a "
    "2-1 win in the semi-final; the goalkeeper saved a penalty in the first half.",
    "conflict, war and peace": "Shelling kills soldiers near the front. Artillery fire hit two "
    "positions overnight, the army said; rebels claimed to have taken a village.",
    "weather": "Forecasters expect thirty centimetres of snow and temperatures of minus twelve "
    "degrees. The weather service issued its highest warning for a winter storm on the coast.",
    "politics": "Parliament rejects the budget. The prime minister lost the vote by a margin of "
    "four and the opposition party called for an early election.",
}


def topics(text: str) -> tuple[Topic, ...]:
    return annotator("topics").annotate([draft(text)])[0].topics


@pytest.mark.parametrize("subject", STORIES)
def test_a_plain_story_gets_its_subject_first(subject: str) -> None:
    assert topics(STORIES[subject])[0].name == subject


def test_a_text_about_nothing_gets_no_topic() -> None:
    assert topics("Then it was there and so were those, as if nothing were any other thing.") == ()


@pytest.mark.parametrize("text", ["One", "Two words", "a b c d e f g", "1 2 3 4 5 6"])
def test_too_short_a_text_is_skipped_with_a_reason(text: str) -> None:
    block = annotator("topics").annotate([draft(text)])[0]
    assert (block.status, block.reason) == ("skipped", "too little text to tell a subject")


def test_other_languages_are_skipped_with_a_reason() -> None:
    german = Draft(make_raw(text="Der Hafen"), language=Language(code="de", confidence=1))
    block = annotator("topics").annotate([german])[0]
    assert (block.status, block.reason) == ("skipped", "no model for language 'de'")


def test_topics_are_of_the_vocabulary_best_first_with_scores() -> None:
    model, _ = topic_model.load()
    names: dict[str, str] = model.facts["names"]
    assert len(names) == 17
    for text in STORIES.values():
        found = topics(text)
        assert all(names[topic.code] == topic.name for topic in found)
        assert all(topic.assigned_by == "model" for topic in found)
        assert [t.score for t in found] == sorted((t.score for t in found), reverse=True)


def test_the_model_names_its_sources_release_and_day() -> None:
    facts = topic_model.load()[0].facts
    assert facts["vocabulary_release"] == "2023-03-31"
    assert any("IPTC" in notice and "CC BY 4.0" in notice for notice in facts["notices"])
    assert any("Wikipedia" in notice for notice in facts["notices"])
    assert any("HuffPost" in notice for notice in facts["notices"])
    assert facts["trained"] >= "2026-01-01"


def test_the_model_has_int8_weights_and_fits_in_two_megabytes() -> None:
    model, _ = topic_model.load()
    assert model.weights.dtype == np.int8
    assert topic_model.MODEL_FILE.stat().st_size < 2_000_000


def test_a_saved_model_is_read_back_the_same(tmp_path: Path) -> None:
    model, digest = topic_model.load()
    copy = tmp_path / "copy.npz"
    with copy.open("wb") as file:
        model.save(file)
    again, same = topic_model.load(copy)
    assert same == digest
    story = STORIES["labor"]
    assert np.array_equal(again.scores(story), model.scores(story))


def test_a_model_of_other_features_is_refused(tmp_path: Path) -> None:
    model, _ = topic_model.load()
    model.facts["features_version"] = 0
    copy = tmp_path / "old.npz"
    with copy.open("wb") as file:
        model.save(file)
    with pytest.raises(topic_model.WrongModelError, match="other features"):
        topic_model.load(copy)


# --- Features ---------------------------------------------------------------------------------


def test_words_are_folded_and_numbers_and_marks_are_left_out() -> None:
    assert words("The CAFÉ's 12 ties, a \uff22ank—2.5% up!") == [
        "the",
        "cafe",
        "ties",
        "bank",
        "up",
    ]


def test_the_hash_never_changes() -> None:
    """With other numbers than these every trained weight would lose its meaning."""
    buckets, counts = features("bank raises rates, bank raises")
    assert buckets.tolist() == [40763, 82402, 91032, 134598, 201324, 243575]
    assert counts.sum() == 5 + 4


def test_the_order_of_a_pair_counts() -> None:
    assert set(features("dog bites")[0]) != set(features("bites dog")[0])


@given(st.text(max_size=300))
def test_any_text_has_features_in_range_and_a_vector_of_length_one_or_none(text: str) -> None:
    buckets, counts = features(text)
    assert all(0 <= bucket < BUCKETS for bucket in buckets.tolist())
    vector = weigh(counts, np.ones(len(buckets), dtype=np.float32))
    assert len(vector) == 0 or abs(float(np.linalg.norm(vector)) - 1) < 1e-5


def test_only_the_beginning_of_a_long_text_is_read() -> None:
    start = "bank raises rates " * (MAX_CHARS // 18 + 1)
    assert np.array_equal(features(start + "football " * 999)[0], features(start)[0])


def test_an_article_is_tagged_in_milliseconds() -> None:
    """2 ms for 700 words is the aim; ten times that leaves room for a busy machine."""
    model, _ = topic_model.load()
    article = " ".join([*STORIES.values()] * 2)
    best = min(_seconds(model, article) for _ in range(5))
    assert best < 0.02


def _seconds(model: topic_model.TopicModel, text: str) -> float:
    started = time.perf_counter()
    model.scores(text)
    return time.perf_counter() - started


# --- Choice -----------------------------------------------------------------------------------


def scores(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.array(values, dtype=np.float32)


def test_nothing_is_chosen_below_the_floor() -> None:
    assert chosen(scores(FLOOR - 0.01, 0.0)) == []


def test_what_is_near_the_best_is_chosen_too() -> None:
    best = 0.9
    assert chosen(scores(best - MARGIN + 0.01, best, best - MARGIN - 0.01)) == [1, 0]


def test_near_the_best_but_below_the_floor_is_not_enough() -> None:
    assert chosen(scores(FLOOR + 0.01, FLOOR - 0.01)) == [0]


def test_there_are_never_more_than_the_most() -> None:
    assert len(chosen(scores(*[0.9] * 9))) == MOST
