"""The language block: what it names, and when it says that it can't tell."""

from __future__ import annotations

import pytest

from schemas.article import Language
from services.enrichment.annotators.base import Draft
from services.enrichment.annotators.languages import base_language, english_or_reason
from tests.enrichment.kit import annotator, draft, seed_beijing, seed_ties
from tests.factories import make_raw


def language(text: str, declared: str | None = None) -> Language:
    found = annotator("language").annotate([draft(text, declared)])[0].language
    assert found is not None
    return found


SENTENCES = {
    "en": "The ferries will run again when the harbour wall has been repaired, the mayor said.",
    "de": "Die Fähren fahren wieder, sobald die Kaimauer repariert ist, sagte die Bürgermeisterin.",
    "fr": "Les bateaux reprendront leur service quand le mur du port sera réparé, dit le maire.",
    "pl": "Promy będą kursować ponownie, gdy nabrzeże portu zostanie naprawione, mówi burmistrz.",
    "es": "Los barcos volverán a salir cuando el muro del puerto esté reparado, dijo el alcalde.",
    "ru": "Паромы снова будут ходить, когда стена гавани будет отремонтирована, сказал мэр.",
    "zh": "市长说港口的墙修好以后渡船将再次开航",
    "ar": "قال رئيس البلدية إن العبارات ستعود للعمل عندما يتم إصلاح جدار الميناء.",
}


@pytest.mark.parametrize("code", sorted(SENTENCES))
def test_a_sentence_is_enough_to_name_its_language(code: str) -> None:
    found = language(SENTENCES[code])
    assert found.code == code
    assert found.confidence > 0.8


def test_both_seeds_are_english_without_doubt() -> None:
    for article in (seed_beijing(), seed_ties()):
        assert language(article.text) == Language(code="en", confidence=1.0)


@pytest.mark.parametrize("text", ["", " \n\t ", "12345", "!!! ??? …", "😀😀😀", "x"])
def test_without_letters_there_is_nothing_to_tell_from(text: str) -> None:
    assert language(text) == Language(code="und", confidence=0.0)


@pytest.mark.parametrize("text", ["Kyiv", "qx", "Rain"])
def test_a_word_or_two_are_too_little(text: str) -> None:
    found = language(text)
    assert found.code == "und"
    assert 0.0 < found.confidence < 0.5


def test_the_declared_language_decides_where_the_text_says_little() -> None:
    headline = "LUKASHENKO VISITS BEIJING AGAIN"
    assert language(headline, "en-GB").code == "en"
    assert language(headline, "en").confidence > language(headline).confidence


def test_a_wrong_declaration_does_not_beat_a_plain_text() -> None:
    assert language(SENTENCES["de"], "en").code == "de"
    assert language(SENTENCES["en"], "fr").code == "en"


def test_an_unknown_declaration_changes_nothing() -> None:
    assert language(SENTENCES["en"], "tlh") == language(SENTENCES["en"])


def test_only_codes_of_the_contract_come_out() -> None:
    pidgin = "Wetin dey happen for di market today, di people no gree pay di new money."
    assert len(language(pidgin).code) == 2


@pytest.mark.parametrize(
    ("tag", "base"),
    [("en-GB", "en"), ("EN_us", "en"), ("zh-Hant-TW", "zh"), ("", None), (None, None), ("-", None)],
)
def test_the_primary_subtag_is_what_is_compared(tag: str | None, base: str | None) -> None:
    assert base_language(tag) == base


def test_the_english_models_take_english_and_say_why_they_leave_the_rest() -> None:
    english, german = Language(code="en", confidence=0.9), Language(code="de", confidence=0.9)
    article = make_raw()
    assert english_or_reason(Draft(article, language=english)) is None
    assert english_or_reason(Draft(article, language=german)) == "no model for language 'de'"
    unknown = Language(code="und", confidence=0.1)
    assert english_or_reason(Draft(article, language=unknown)) == "the language can't be told"
    assert english_or_reason(draft(" \n")) == "no text"


def test_without_a_language_block_the_source_is_believed() -> None:
    assert english_or_reason(draft("Some text")) is None
    assert english_or_reason(draft("Ein Text", "de-AT")) == "no model for language 'de'"
