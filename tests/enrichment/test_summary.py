"""The summary block: which sentence stands for an article, and how long the article takes."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.enrichment.annotators.base import Block, Draft
from services.enrichment.annotators.summary import SHORTEST, TOO_LONG, Summariser, summarise
from services.enrichment.text.reading import (
    CHARACTERS_PER_MINUTE,
    WORDS_PER_MINUTE,
    reading_time,
)
from tests.enrichment.kit import seed_beijing, seed_ties
from tests.factories import make_entity, make_raw

if TYPE_CHECKING:
    from schemas.article import Entity, RawArticle

LEAD = (
    "The harbour of Riverton was closed on Monday after its quay wall had moved by four "
    "centimetres in the winter storms."
)
MORE = (
    "Ferries to the islands will not run before the middle of next month.",
    "The Port Authority has asked two engineers to look at the wall of the quay.",
    "A first closure of the harbour, nine years ago, had lasted for a week.",
)


def article(*body: str, **over: Any) -> RawArticle:
    return make_raw(
        **{"headline": "Riverton without ferries", "standfirst": None, **over, "body": body}
    )


def block(raw: RawArticle, *entities: Entity) -> Block:
    (made,) = Summariser().annotate([Draft(raw, entities=entities)])
    return made


def chosen(raw: RawArticle, *entities: Entity) -> str | None:
    summary = block(raw, *entities).summary
    return None if summary is None else summary.text


# --- which sentence -----------------------------------------------------------------------------


def test_the_lead_that_the_rest_comes_back_to_is_taken() -> None:
    assert chosen(article(" ".join((LEAD, *MORE)))) == LEAD


def test_a_scene_in_front_of_the_news_is_not() -> None:
    scene = "Gulls circle above an old man who feeds them with bread from a paper bag."
    assert chosen(article(scene, LEAD, *MORE)) == LEAD


def test_the_headline_is_never_taken() -> None:
    raw = article(LEAD, headline="Riverton closes its harbour for repairs to the quay wall.")
    assert chosen(raw) == LEAD
    assert chosen(article(headline=LEAD)) is None


def test_nor_is_a_sentence_that_repeats_it() -> None:
    assert chosen(article(LEAD, *MORE, headline=LEAD.removesuffix("."))) in MORE


def test_a_standfirst_may_be() -> None:
    assert chosen(article(*MORE, standfirst=LEAD)) == LEAD


@pytest.mark.parametrize(
    "worse",
    [
        "Who closed the harbour of Riverton, its quay wall and its ferries on Monday morning?",
        "Sign up for our newsletter on the harbour of Riverton, its quay wall and its ferries.",
        "Photo: the harbour of Riverton with its quay wall and its ferries on Monday.",
        "But it also closed the harbour of Riverton, its quay wall and its ferries on Monday.",
        "“The harbour of Riverton, its quay wall and its ferries are closed,” the mayor said.",
        "The harbour of Riverton, its quay wall and its ferries on Monday morning",
        "Riverton closed its harbour.",
        "For the latest on the harbour of Riverton and its quay wall, head to www.news.example.",
    ],
    ids=["question", "call", "caption", "leans", "quotation", "crosshead", "short", "address"],
)
def test_some_sentences_give_way_to_a_plain_one_behind_them(worse: str) -> None:
    assert chosen(article(worse, LEAD, *MORE)) == LEAD


def test_a_part_of_a_quotation_is_never_taken() -> None:
    speech = "“The quay has moved. The harbour of Riverton must be closed at once. Go home.”"
    assert chosen(article(speech)) is None
    assert chosen(article(speech, LEAD)) == LEAD


def test_who_the_article_is_about_counts() -> None:
    first = "Workers of the port found a gap below the old lighthouse on Monday morning."
    second = "Mayor Ana Petrova gave an order that nobody at the quay had thought of until then."
    raw = article(f"{first} {second} Boats were moved on Monday.", headline=None)
    about = make_entity(raw.text, "Ana Petrova", "PERSON").model_copy(update={"salience": 0.9})
    assert chosen(raw) == first
    assert chosen(raw, about) == second


def test_of_equal_sentences_the_first_is_taken() -> None:
    made = block(article(LEAD, LEAD)).summary
    assert made is not None
    assert made.start == len("Riverton without ferries\n\n")


def test_it_is_one_line_at_its_place_in_the_text() -> None:
    raw = article(LEAD.replace("after its", "after\nits"))
    made = block(raw).summary
    assert made is not None
    assert made.text == LEAD
    assert raw.text[made.start : made.end] == LEAD.replace("after its", "after\nits")
    assert made.method == "extractive"


@pytest.mark.parametrize(
    ("language", "body", "expected"),
    [
        (
            "ru",
            (
                "Порт Ривертона закрыли в понедельник, потому что стена причала сдвинулась на "
                "четыре сантиметра. Паромы не ходят. Стену причала осмотрят."
            ),
            "Порт Ривертона закрыли",
        ),
        (
            "de",
            (
                "Ist das wahr? Der Hafen von Riverton wurde am Montag geschlossen, weil sich die "
                "Mauer bewegt hatte. Der Hafen bleibt neun Tage zu."
            ),
            "Der Hafen von Riverton wurde",
        ),
        (
            "zh",
            "里弗顿港口星期一因码头墙体移动四厘米而关闭,渡轮停运九天。居民感到惊讶。港口将于下月重开。",
            "里弗顿港口星期一",
        ),
        (
            "ar",
            (
                "أغلق ميناء ريفرتون يوم الاثنين بعد أن تحرك جدار الرصيف أربعة سنتيمترات. لماذا؟ "
                "لن تعمل العبارات."
            ),
            "أغلق ميناء",
        ),
    ],
)
def test_any_language_has_one(language: str, body: str, expected: str) -> None:
    found = chosen(article(body, language=language, headline=None))
    assert found is not None
    assert found.startswith(expected)


@pytest.mark.parametrize(
    "text",
    ["Kyiv", "Not a sentence", "x" * 50_000, "word " * 200, "... !!! ???", "??? " * 9, "1 2 3 4."],
)
def test_a_text_without_a_sentence_has_none_and_the_block_says_so(text: str) -> None:
    made = block(make_raw(text=text))
    assert made.summary is None
    assert made.status == "done"
    assert made.reason == "no sentence that could stand for the text"
    assert made.reading_time is not None


def test_no_text_is_skipped() -> None:
    made = block(make_raw(text=" \n "))
    assert (made.status, made.reason, made.reading_time) == ("skipped", "no text", None)


def test_a_sentence_as_long_as_a_page_is_not_a_line() -> None:
    assert chosen(article("The harbour " + "of the town " * (TOO_LONG // 12) + "closed.")) is None


def test_the_seeds_are_told_by_their_leads() -> None:
    beijing = "Lukashenko visits Beijing again as Belarus tightens relations with China"
    ties = "Lukashenko arrives in Beijing as concerns rise around China-Russia relations"
    assert chosen(seed_beijing().model_copy(update={"headline": beijing})) == (
        "Alexander Lukashenko is undertaking his second trip to Beijing in 2023."
    )
    assert (chosen(seed_ties().model_copy(update={"headline": ties})) or "").startswith(
        "Belarusian President Alexander Lukashenko arrived in Beijing on Tuesday"
    )


def test_entities_are_not_needed() -> None:
    assert summarise(seed_ties()) == block(seed_ties()).summary


def test_other_articles_of_the_batch_change_nothing() -> None:
    drafts = [Draft(seed_ties()), Draft(seed_beijing()), Draft(article(LEAD))]
    together = Summariser().annotate(drafts)
    assert [Summariser().annotate([draft])[0] for draft in drafts] == list(together)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from((LEAD, *MORE, "“", "”", " ", "\n\n", "Oh!", "он", "港口。")), max_size=30
    )
)
def test_any_text_gives_a_line_of_its_own_or_none(parts: list[str]) -> None:
    text = "".join(parts)
    made = block(make_raw(text=text)).summary
    if made is not None:
        assert made.text == " ".join(text[made.start : made.end].split())
        assert "\n" not in made.text
        assert len(made.text) <= TOO_LONG


@pytest.mark.parametrize(
    "unit", ["x", "a. ", "Riverton is closed today. ", "港口。", "“a b c” ", "\n\na b"]
)
def test_a_megabyte_takes_seconds_at_most(unit: str) -> None:
    started = time.process_time()
    block(make_raw(text=unit * (1_000_000 // len(unit))))
    assert time.process_time() - started < 10  # quadratic time would be hours


def test_the_order_of_words_in_memory_changes_nothing() -> None:
    """Sums over words are exact: whatever the hash seed, the choice is the same."""
    words = LEAD.removesuffix(".").split()
    random.Random(7).shuffle(words)  # noqa: S311  (a shuffle, no secret)
    raw = article(LEAD, " ".join(words).capitalize() + ".")
    assert chosen(raw) == LEAD


def test_a_good_line_is_preferred_to_a_cry() -> None:
    cry = "The quay wall has moved!"
    assert len(cry) < SHORTEST
    assert chosen(article(cry, LEAD, *MORE)) == LEAD


# --- reading time ---------------------------------------------------------------------------------


def test_a_minute_is_as_many_words_as_adults_read_silently() -> None:
    made = reading_time("word " * WORDS_PER_MINUTE)
    assert (made.words, made.seconds) == (WORDS_PER_MINUTE, 60)


def test_begun_seconds_count() -> None:
    assert reading_time("one").seconds == 1
    assert reading_time("").seconds == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Kyiv", 1),
        ("It's 3.5 per cent – or so … they say", 8),
        ("--- *** ___ 1", 1),
        ("mother-in-law, e-mail", 2),
        ("Порт закрыт", 2),
        ("港口关闭", 4),
        ("港口 closed 关闭", 5),
        ("항구가 닫혔다", 2),
        (" \n ", 0),
    ],
)
def test_words_are_what_white_space_parts_and_holds_a_letter(text: str, words: int) -> None:
    assert reading_time(text).words == words


def test_chinese_and_japanese_are_read_by_character() -> None:
    assert reading_time("港" * CHARACTERS_PER_MINUTE).seconds == 60
    assert reading_time("か" * CHARACTERS_PER_MINUTE).words == CHARACTERS_PER_MINUTE
