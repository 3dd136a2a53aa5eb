"""Section, address and keywords: what they say of an article's topics, told from the model's."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.article import Language
from services.enrichment.annotators.base import Block, Draft
from services.enrichment.annotators.section_topics import (
    SECTIONS,
    SURE_SCORE,
    Filed,
    filed_under,
    normal,
)
from services.media_topics import MediaTopics
from tests.enrichment.kit import annotator
from tests.factories import make_raw

SPORT, BUSINESS, POLITICS = "medtop:15000000", "medtop:04000000", "medtop:11000000"
VAGUE = "They came back on Monday, and nobody could say whether it would be like the last time."
MATCH = (
    "Late goal sends Rovers into the final. A header in the last minute gave Rovers a 2-1 win in "
    "the semi-final; the goalkeeper saved a penalty in the first half."
)


def filed(**given_fields: Any) -> dict[str, Filed]:
    return filed_under(make_raw(**given_fields))


def tagged(text: str, language: str = "en", **fields: Any) -> Block:
    one = Draft(make_raw(text=text, **fields), language=Language(code=language, confidence=1))
    return annotator("topics").annotate([one])[0]


@pytest.mark.parametrize(
    ("section", "code"),
    [
        ("Politics", POLITICS),
        ("POLITICS ", POLITICS),
        ("Sport", SPORT),
        ("Football", SPORT),
        ("Business & Economy", BUSINESS),
        ("News / Business", BUSINESS),
        ("News > Tech", "medtop:13000000"),
        ("Culture", "medtop:01000000"),
        ("Health", "medtop:07000000"),
        ("Weather", "medtop:17000000"),
        ("Education", "medtop:05000000"),
        ("Religion", "medtop:12000000"),
        ("Society", "medtop:14000000"),
        ("Jobs", "medtop:09000000"),
        ("Royals", "medtop:08000000"),
        ("Food & Drink", "medtop:10000000"),
        ("Crime and Courts", "medtop:02000000"),
        ("Climate", "medtop:06000000"),
        ("Natural disasters", "medtop:03000000"),
        ("War in Ukraine", "medtop:16000000"),
    ],
)
def test_a_section_means_its_topic_for_sure(section: str, code: str) -> None:
    assert filed(section=section)[code].strength == "sure"


@pytest.mark.parametrize("section", ["World", "Obituaries", "Opinion", "Middle East"])
def test_a_section_that_holds_many_subjects_is_a_hint(section: str) -> None:
    found = filed(section=section)
    assert found
    assert {where.strength for where in found.values()} == {"hint"}


@pytest.mark.parametrize("section", ["", "Local", "Video", "x" * 500, "1", "Sportsmanship"])
def test_other_sections_say_nothing(section: str) -> None:
    assert filed(section=section) == {}


@pytest.mark.parametrize(
    ("url", "codes"),
    [
        ("https://news.example/sport/late-goal-1234", {SPORT}),
        ("https://news.example/2026/11/business/economy/rates.html", {BUSINESS}),
        ("https://news.example/politics", set()),  # the last part is the article
        ("https://news.example/", set()),
        ("https://sport.example/a/b", set()),
        ("https://[broken", set()),
        ("not an address", set()),
    ],
)
def test_the_folders_of_the_address_are_sections(url: str, codes: set[str]) -> None:
    assert set(filed(url=url)) == codes


def test_keywords_are_hints_alone() -> None:
    found = filed(keywords=("Football", "stadium"))
    assert found == {SPORT: Filed("hint", ("keyword: Football",))}


def test_what_several_say_is_kept_once_each_with_its_words() -> None:
    found = filed(section="Sport", url="https://a.example/sport/x", keywords=("sport", "sport"))
    words = ("section: Sport", "address: /sport/", "keyword: sport")
    assert found[SPORT] == Filed("sure", words)


def test_every_code_of_the_table_is_a_first_level_media_topic() -> None:
    vocabulary = MediaTopics.load()
    codes = {code for entry in SECTIONS.values() for code in entry}
    assert {vocabulary.level(code) for code in codes} == {1}
    assert len(codes) == 17


def test_every_name_of_the_table_is_one_that_is_looked_up() -> None:
    assert all(normal(name) == name for name in SECTIONS)


@given(st.text(max_size=80), st.text(max_size=80), st.lists(st.text(max_size=30), max_size=5))
def test_anything_may_stand_there(section: str, url: str, keywords: list[str]) -> None:
    found = filed(section=section, url=url, keywords=tuple(keywords))
    assert all(where.words for where in found.values())


def test_many_keywords_and_a_long_path_are_bounded() -> None:
    keywords = (*(f"word{n}" for n in range(10_000)), "football")
    assert filed(keywords=keywords, url="https://a.example/" + "x/" * 10_000 + "sport/a") == {}


# --- In the block -----------------------------------------------------------------------------


def test_where_the_text_tells_nothing_the_section_speaks() -> None:
    assert tagged(VAGUE).topics == ()
    (topic,) = tagged(VAGUE, section="Sport").topics
    assert (topic.code, topic.assigned_by, topic.level) == (SPORT, "section", 1)
    assert topic.score == pytest.approx(SURE_SCORE)
    assert topic.evidence[0].words == "section: Sport"


def test_where_both_agree_the_score_rises_and_both_are_evidence() -> None:
    alone, both = tagged(MATCH).topics[0], tagged(MATCH, section="Sport").topics[0]
    assert (alone.assigned_by, both.assigned_by) == ("model", "section")
    assert both.score > alone.score
    words = [one.words for one in both.evidence]
    assert "section: Sport" in words
    assert len(words) > 1


def test_where_they_differ_both_stand_each_by_whom_it_is() -> None:
    found = tagged(MATCH, section="Business").topics
    by = {topic.code: topic.assigned_by for topic in found if topic.level == 1}
    assert by == {SPORT: "model", BUSINESS: "section"}


def test_a_hint_alone_names_no_topic() -> None:
    assert tagged(VAGUE, section="World").topics == ()
    assert tagged(VAGUE, keywords=("football",)).topics == ()


def test_a_hint_that_tips_the_balance_is_the_sections() -> None:
    text = "The minister flew to the meeting and came back with hopes that nobody would share."
    found = tagged(text, section="World").topics
    alone = {topic.code: topic for topic in tagged(text).topics}
    for topic in found:
        if topic.code not in alone and topic.level == 1:
            assert topic.assigned_by == "section"
        elif topic.level == 1:
            assert topic.assigned_by == "model"


def test_another_language_has_its_section_and_says_why_no_more() -> None:
    block = tagged("Der Verein gewann.", "de", section="Sport")
    assert [(topic.code, topic.assigned_by) for topic in block.topics] == [(SPORT, "section")]
    assert block.maker is not None
    assert (block.maker.annotator, block.maker.model) == ("topics.section", None)
    assert block.reason is not None
    assert block.reason.endswith("no model for language 'de'")


def test_provenance_names_the_section_only_where_it_spoke() -> None:
    said = [
        tagged(MATCH, **fields).maker
        for fields in ({}, {"section": "Local"}, {"section": "Business"})
    ]
    names = [maker.annotator for maker in said if maker]
    assert names == ["topics.linear", "topics.linear", "topics.section+linear"]
