"""Rules for the second level: what a cue is, where it counts, when a topic is sure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrichment.annotators.model_topics import ModelTopics
from services.enrichment.knowledge import topic_model
from services.enrichment.knowledge.features import Words
from services.enrichment.knowledge.topic_cues import CUES
from services.enrichment.knowledge.topic_rules import (
    ENOUGH,
    MOST_OF_ONE,
    Cue,
    TopicRules,
    confidence,
    narrower,
    total,
)
from services.media_topics import MediaTopics
from tests.enrichment.kit import annotator, draft

VOCABULARY = MediaTopics.load()
RULES = TopicRules()
SMALL = TopicRules({"20000106": "court|supreme court|trial", "20000082": "murder|theft"})
JUDICIARY, CRIME, LAW = "medtop:20000106", "medtop:20000082", "medtop:02000000"
BROADER = {JUDICIARY: LAW, CRIME: LAW}


def cues(text: str) -> dict[str, list[str]]:
    words = Words.of(text)
    return {
        code: [" ".join(words.stems[cue.place : cue.place + cue.size]) for cue in found]
        for code, found in SMALL.find(words).items()
    }


@pytest.mark.parametrize("code", CUES)
def test_each_code_is_of_the_second_level_and_in_use(code: str) -> None:
    assert VOCABULARY.level(f"medtop:{code}") == 2


def test_no_cue_is_there_twice_for_one_topic() -> None:
    for code, phrases in CUES.items():
        listed = phrases.split("|")
        assert len(set(listed)) == len(listed), code


@pytest.mark.parametrize("code", CUES)
def test_each_cue_is_found_as_it_is_written(code: str) -> None:
    """A cue that the stemmer changes ("news" or "talks") would never be met."""
    for phrase in CUES[code].split("|"):
        assert f"medtop:{code}" in RULES.find(Words.of(f"So {phrase} it was")), phrase


def test_plurals_and_capitals_are_the_same_cue() -> None:
    assert cues("MURDERS and Thefts") == {CRIME: ["murder", "theft"]}


def test_a_cue_inside_of_a_longer_one_is_no_second_one() -> None:
    assert cues("the Supreme Court") == {JUDICIARY: ["supreme court"]}
    assert cues("the supreme, the court") == {JUDICIARY: ["court"]}
    assert sorted(cues("the court and the Supreme Court")[JUDICIARY]) == ["court", "supreme court"]


def test_a_text_without_cues_has_none() -> None:
    assert RULES.find(Words.of("")) == {}
    assert cues("Nothing happened here") == {}


def test_the_headline_counts_more_than_the_lead_and_that_more_than_the_rest() -> None:
    filler = "word " * 80
    strength = {
        name: total(SMALL.find(Words.of(text))[CRIME])
        for name, text in {
            "headline": f"Murder in town\n\n{filler}",
            "lead": f"In town\n\nA murder {filler}",
            "rest": f"In town\n\n{filler} a murder",
        }.items()
    }
    assert strength["headline"] > strength["lead"] > strength["rest"]


def test_a_cue_that_comes_back_counts_more_but_only_so_much() -> None:
    once, often, always = (
        total(SMALL.find(Words.of("murder of a man " * times))[CRIME]) for times in (1, 3, 90)
    )
    assert once < often < always
    assert always <= once + 1


def test_one_cue_in_the_text_makes_nothing_sure() -> None:
    assert narrower(SMALL.find(Words.of("He spoke of a murder")), BROADER) == {}


def test_two_cues_in_a_short_text_make_it_sure() -> None:
    sure = narrower(SMALL.find(Words.of("The trial began at the court")), BROADER)
    assert [code for code, _ in sure[LAW]] == [JUDICIARY]


def test_a_broader_topic_gets_its_strongest_ones_alone() -> None:
    many = {f"medtop:{n}": [Cue(0, 1, ENOUGH + n)] for n in range(9)}
    sure = narrower(many, dict.fromkeys(many, LAW))
    assert [code for code, _ in sure[LAW]] == ["medtop:8", "medtop:7"]
    assert len(sure[LAW]) == MOST_OF_ONE


@given(st.lists(st.floats(min_value=1, max_value=5), min_size=1, max_size=9))
def test_confidence_rises_with_strength_and_is_never_certain(strengths: list[float]) -> None:
    found = [Cue(0, 1, strength) for strength in strengths]
    assert 0 < confidence(found) < confidence([*found, Cue(0, 1, 1.0)]) < 1


def test_no_cues_are_no_confidence() -> None:
    assert confidence([]) == 0


@given(st.text(max_size=300))
def test_any_text_can_be_searched(text: str) -> None:
    words = Words.of(text)
    for found in RULES.find(words).values():
        assert all(cue.place + cue.size <= len(words) for cue in found)


# --- In the block -----------------------------------------------------------------------------


def test_cues_of_a_thin_class_name_it_where_the_model_does_not() -> None:
    """Tourism, lotteries and exams are rare in what the model learnt from."""
    for text, code in {
        "Lottery winner gives it all away. The bus driver won a lottery jackpot.": "08",
        "Islands ask tourists to stay away. Tourism fills the hotels in summer.": "10",
        "Exam results improve. Pupils did well in their final exams, the exam board said.": "05",
    }.items():
        found = annotator("topics").annotate([draft(text)])[0].topics
        assert code in {topic.code[7:9] for topic in found}, text


def said_by_rules(text: str, score: float) -> set[str]:
    """First-level topics where the model gives every class about this score."""
    model = topic_model.load()[0]
    sure = np.log(score / (1 - score))
    model = replace(
        model,
        weights=np.zeros_like(model.weights),
        intercepts=np.zeros_like(model.intercepts),
        calibration=np.array([np.zeros(17), np.full(17, sure)], dtype=np.float32),
    )
    found = ModelTopics(model, VOCABULARY).read(Words.of(text), {})
    assert found is not None
    return {topic.name for topic in found if topic.level == 1}


def test_cues_name_a_topic_that_the_model_finds_possible_but_not_one_that_it_excludes() -> None:
    text = "Dockers on strike: trade union leaders call more workers to the picket line"
    assert said_by_rules(text, 0.05) == {"labor"}
    assert said_by_rules(text, 0.001) == set()


def test_a_school_or_a_hospital_is_a_place_too_and_names_no_topic() -> None:
    text = "Gunmen opened fire at a school, on the campus of a university and in a hospital clinic"
    assert said_by_rules(text, 0.05) == set()


def test_the_evidence_of_a_narrower_topic_is_its_cues_as_written() -> None:
    text = "Supreme Court hears appeal. The Supreme Court opened the trial; a jury will decide."
    found = annotator("topics").annotate([draft(text)])[0].topics
    (judiciary,) = (topic for topic in found if topic.code == JUDICIARY)
    assert {one.words for one in judiciary.evidence} == {"Supreme Court", "trial", "jury"}
    assert sum(one.weight for one in judiciary.evidence) == pytest.approx(1, abs=0.01)
    assert (judiciary.level, judiciary.assigned_by) == (2, "model")
