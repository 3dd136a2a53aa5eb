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
from services.enrichment.knowledge.choice import FLOOR, FURTHER, MARGIN, MOST, chosen
from services.enrichment.knowledge.features import (
    BUCKETS,
    LEAD_WEIGHT,
    MAX_CHARS,
    Words,
    features,
    weigh,
)
from services.enrichment.knowledge.topic_evidence import FUNCTION_WORDS, MOST_WORDS
from services.media_topics import MediaTopics
from tests.enrichment.kit import annotator, draft
from tests.enrichment.topic_texts import TEXTS, Labelled
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
        assert all(names[topic.code] == topic.name for topic in found if topic.level == 1)
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
    text = "The CAFÉ's 12 ties, a \uff22ank—2.5% up!"
    words = Words.of(text)
    assert words.stems == ("the", "cafe", "tie", "bank", "up")
    assert words.written == ("The", "CAFÉ", "ties", "\uff22ank", "up")


def test_the_hash_never_changes() -> None:
    """With other numbers than these every trained weight would lose its meaning."""
    buckets, counts = features("bank raises rates, bank raises")
    assert buckets.tolist() == [3598, 64994, 98975, 201324, 218777, 223599]
    assert counts.sum() == LEAD_WEIGHT * (5 + 4)


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


def test_a_further_topic_needs_more_than_the_first_one() -> None:
    assert chosen(scores(FLOOR + 0.01, FLOOR)) == [0]
    assert chosen(scores(FURTHER + 0.02, FURTHER + 0.01)) == [0, 1]


def test_there_are_never_more_than_the_most() -> None:
    assert len(chosen(scores(*[0.9] * 9))) == MOST


# --- Evidence ---------------------------------------------------------------------------------


@pytest.mark.parametrize("subject", STORIES)
def test_evidence_is_words_of_the_text_strongest_first(subject: str) -> None:
    text = STORIES[subject]
    for topic in topics(text):
        weights = [one.weight for one in topic.evidence]
        assert 1 <= len(weights) <= MOST_WORDS
        assert weights == sorted(weights, reverse=True)
        assert 0 < sum(weights) <= 1.01
        for one in topic.evidence:
            assert all(word in text for word in one.words.split())


def test_evidence_shows_what_the_subject_is_about_and_no_small_words() -> None:
    shown = [one.words.lower() for one in topics(STORIES["sport"])[0].evidence]
    assert {"goalkeeper", "penalty", "goal"} & set(" ".join(shown).split())
    assert not FUNCTION_WORDS & set(shown)


def test_without_its_evidence_a_text_loses_the_topic() -> None:
    text = STORIES["religion"]
    (topic, *_) = topics(text)
    for one in topic.evidence:
        for word in one.words.split():
            text = text.replace(word, "thing")
    left = {other.code: other.score for other in topics(text)}
    assert left.get(topic.code, 0.0) < topic.score


def test_a_word_as_written_is_shown_with_its_capitals_and_accents() -> None:
    text = "The CAFÉS of the BISHOPS: the Pope and the cardinals pray in the cathedral at Easter."
    shown = {word for one in topics(text)[0].evidence for word in one.words.split()}
    assert "BISHOPS" in shown or "Pope" in shown


# --- Nothing to tell --------------------------------------------------------------------------

NO_PROSE = {
    "latin filler": "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod "
    "tempor incididunt ut labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud "
    "exercitation ullamco laboris nisi ut aliquip ex ea commodo consequat.",
    "names": "Ana Petrova, John Smith, Mary Jones, Li Wei, Carlos Garcia, Peter Brown, Fatima "
    "Khan, Tom Baker, Olga Ivanova, Hans Meyer, Marie Dupont, Yuki Tanaka, Ahmed Hassan, "
    "Sara Lind, Paul King, Rosa Diaz, Ivan Novak",
    "code": "def train(self, bank):\n    for row in bank.rows:\n        if row.state == 'open':\n"
    "            total = self.model.fit(row)\n    return {total: bank['court']}",
    "markup": "<div class=bank><a href=/court>{court}</a><b>[sport]</b></div>" * 3,
}


@pytest.mark.parametrize("text", NO_PROSE.values(), ids=NO_PROSE.keys())
def test_what_is_no_prose_gets_no_topic_and_a_reason(text: str) -> None:
    block = annotator("topics").annotate([draft(text)])[0]
    assert block.topics == ()
    assert block.status == "skipped"
    assert block.reason


def test_invented_words_are_none_that_the_model_knows() -> None:
    text = "The brel of the snarp and the flimmer of glonk was vorped by the zibble in drell."
    assert topics(text) == ()


def test_a_text_of_capitals_has_the_same_topics() -> None:
    text = STORIES["labor"]
    assert [t.code for t in topics(text.upper())] == [t.code for t in topics(text)]


@pytest.mark.parametrize(
    "text", ["a" * 5_000_000, "strike " * 700_000, "\x00" * 1_000_000, "e\u0301" * 1_000_000]
)
def test_megabytes_take_no_longer_than_a_page(text: str) -> None:
    """Only the beginning is read, so a generous second holds on any machine."""
    started = time.process_time()
    annotator("topics").annotate([draft(text)])
    assert time.process_time() - started < 1


# --- Articles of our own, with the topics that an editor would give them ------------------------


@pytest.mark.parametrize("labelled", TEXTS, ids=lambda one: one.text[:40])
def test_a_short_article_gets_a_right_topic_first_and_no_wrong_narrower_one(
    labelled: Labelled,
) -> None:
    found = topics(labelled.text)
    first, *_ = (topic.code[7:9] for topic in found if topic.level == 1)
    assert first in labelled.first.split(",")
    narrow = {topic.code.removeprefix("medtop:") for topic in found if topic.level == 2}
    assert narrow <= set(labelled.second.split(","))


def test_a_narrower_topic_stands_beside_its_broader_one_which_is_surer() -> None:
    vocabulary = MediaTopics.load()
    for labelled in TEXTS:
        found = {topic.code: topic for topic in topics(labelled.text)}
        for topic in found.values():
            if topic.level == 2:
                broader = list(vocabulary.lineage(topic.code))[-1]
                assert found[broader].score > topic.score


def test_a_story_of_two_subjects_gets_both() -> None:
    text = (
        "Shelling halts grain exports. Artillery hit the port overnight and soldiers fought for "
        "the bridge, the army said; four troops were killed in the offensive.\n\n"
        "Wheat prices rose by six percent and shares of shipping companies fell. Traders and "
        "banks expect that inflation will rise if exports stay closed through the quarter."
    )
    codes = {topic.code for topic in topics(text) if topic.level == 1}
    assert codes >= {"medtop:16000000", "medtop:04000000"}


VISIT = (
    "Foreign minister visits the capital of an ally\n\n"
    "The foreign minister and the president discussed bilateral relations, a trade agreement and "
    "sanctions at the embassy on Tuesday, diplomats said after the summit. "
)
WAR = (
    "The invasion began last winter, when troops crossed the border after weeks of shelling. "
    "A ceasefire has failed twice, and artillery was heard at the front line all night."
)


def test_a_subject_told_by_the_way_at_length_stands_beside_a_certain_one() -> None:
    """The model believes in one subject; many words for another one are a second all the same."""
    (alone,) = annotator("topics").annotate([draft(VISIT, "en")])
    (both,) = annotator("topics").annotate([draft(VISIT + WAR, "en")])
    conflict, politics = "medtop:16000000", "medtop:11000000"
    assert [topic.code for topic in alone.topics if topic.level == 1] == [politics]
    scores = {topic.code: topic.score for topic in both.topics}
    assert {conflict, politics} <= set(scores)
    assert "medtop:20000056" in scores
