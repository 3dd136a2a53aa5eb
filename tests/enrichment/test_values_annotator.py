"""The values block: its entities, the time they are counted from, what is left out."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from schemas.article import Entity, Language, Mention, SourceLine
from services.enrichment.annotators.base import Block, Draft
from services.enrichment.annotators.values import MAX_MENTIONS, ValueFinder
from services.enrichment.values.reference import numeric_order, reference_of, region
from tests.factories import make_drop, make_raw

if TYPE_CHECKING:
    from schemas.article import EntityType

FINDER = ValueFinder()
PUBLISHED = datetime(2023, 12, 6, 15, 0, tzinfo=UTC)
ENGLISH = Language(code="en", confidence=1.0)


def block(
    text: str,
    *,
    language: Language | None = ENGLISH,
    entities: tuple[Entity, ...] = (),
    **over: Any,
) -> Block:
    fields = {"published_at": PUBLISHED, "dateline": None} | over
    draft = Draft(make_raw(text=text, **fields), language=language, entities=entities)
    (made,) = FINDER.annotate([draft])
    for entity in made.entities:
        for mention in entity.mentions:
            assert text[mention.start : mention.end] == mention.text
    return made


def keys(text: str, **over: Any) -> list[str]:
    return [entity.key for entity in block(text, **over).entities]


def named(text: str, words: str, kind: EntityType) -> Entity:
    start = text.index(words)
    mention = Mention(start=start, end=start + len(words), text=words)
    return Entity(key=f"{kind.lower()}:{words.lower()}", name=words, type=kind, mentions=(mention,))


def test_a_date_is_an_entity_with_its_days_and_what_it_was_counted_from() -> None:
    (entity,) = block("He spoke on Tuesday.").entities
    assert (entity.type, entity.key, entity.name) == ("DATE", "date:2023-12-05", "2023-12-05")
    assert entity.date is not None
    assert entity.date.earliest == entity.date.latest == date(2023, 12, 5)
    assert entity.date.precision == "day"
    assert entity.date.relative_to == PUBLISHED
    assert entity.count == 1
    assert entity.money is None


@pytest.mark.parametrize(
    ("text", "key", "name", "precision"),
    [
        ("In March he spoke.", "date:2023-03-01/2023-03-31", "2023-03", "month"),
        ("In 2019 he spoke.", "date:2019-01-01/2019-12-31", "2019", "year"),
        ("He spoke last week.", "date:2023-11-27/2023-12-03", "2023-W48", "week"),
        ("He spoke last weekend.", "date:2023-12-02/2023-12-03", None, "weekend"),
        ("Q3 2022 was good.", "date:2022-07-01/2022-09-30", None, "quarter"),
        ("In spring 2022 he spoke.", "date:2022-03-01/2022-05-31", None, "season"),
        ("In the 1990s he spoke.", "date:1990-01-01/1999-12-31", None, "decade"),
        ("In the 19th century he spoke.", "date:1801-01-01/1900-12-31", None, "century"),
        ("He spoke from March to May.", "date:2023-03-01/2023-05-31", None, "range"),
    ],
)
def test_keys_are_intervals_and_names_the_shortest_iso_form(
    text: str, key: str, name: str | None, precision: str
) -> None:
    (entity,) = block(text).entities
    assert entity.key == key
    assert entity.name == (name or key.removeprefix("date:"))
    assert entity.date is not None
    assert entity.date.precision == precision


def test_money_is_an_entity_with_amount_and_currency() -> None:
    (entity,) = block("They signed deals worth about $3.56 billion.").entities
    assert (entity.type, entity.key) == ("MONEY", "money:USD:3560000000")
    assert entity.name == "USD 3,560,000,000"
    assert entity.money is not None
    assert (entity.money.amount, entity.money.currency) == (3_560_000_000, "USD")
    assert (entity.money.about, entity.money.upto) == (True, None)
    (entity,) = block("It cost $3-4 million.").entities
    assert entity.name == "USD 3,000,000 to 4,000,000"
    assert entity.money is not None
    assert entity.money.upto == 4_000_000


def test_equal_values_are_one_entity_whatever_the_words() -> None:
    text = "In March 2023 they met. Last March! It was $5m, then 5 million dollars."
    made = block(text).entities
    assert [(e.key, e.count) for e in made] == [
        ("date:2023-03-01/2023-03-31", 2),
        ("money:USD:5000000", 2),
    ]
    # One mention names the month by itself: it needs no reference.
    assert made[0].date is not None
    assert made[0].date.relative_to is None


def test_about_holds_where_every_mention_says_so() -> None:
    (both,) = block("It cost about $5m, nearly $5m.").entities
    (one,) = block("It cost about $5m, exactly $5m.").entities
    assert both.money is not None
    assert one.money is not None
    assert (both.money.about, one.money.about) == (True, False)


@pytest.mark.parametrize(
    ("text", "words", "kind"),
    [
        ("He wrote for the March 2020 Review.", "March 2020 Review", "ORG"),
        ("They met at the 9 October 1990 Square.", "9 October 1990 Square", "FAC"),
        ("He watched Next Friday with her.", "Next Friday", "WORK_OF_ART"),
        ("Then Joe Friday met her.", "Joe Friday", "PERSON"),
        ("They sang for 2 million dollars a night.", "for 2 million dollars", "WORK_OF_ART"),
    ],
)
def test_a_value_in_a_name_is_none(text: str, words: str, kind: EntityType) -> None:
    assert keys(text) != []
    assert keys(text, entities=(named(text, words, kind),)) == []


def test_a_value_in_the_name_of_an_event_is_one() -> None:
    text = "The 2022 World Cup was in Qatar."
    event = named(text, "2022 World Cup", "EVENT")
    assert keys(text, entities=(event,)) == ["date:2022-01-01/2022-12-31"]


def test_no_date_is_looked_for_in_an_amount() -> None:
    assert keys("It cost $2023 in 2023.") == ["money:USD:2023", "date:2023-01-01/2023-12-31"]


def test_the_day_that_the_publisher_printed_counts_where_utc_is_a_day_ahead() -> None:
    evening_in_new_york = datetime(2023, 12, 6, 1, 30, tzinfo=UTC)
    printed = SourceLine(kind="published_line", text="8:30 PM EST, December 5, 2023", line=3)
    text = "He speaks today."
    assert keys(text, published_at=evening_in_new_york) == ["date:2023-12-06"]
    assert keys(text, published_at=evening_in_new_york, set_apart=(printed,)) == ["date:2023-12-05"]
    old = SourceLine(kind="published_line", text="December 1, 2021", line=3)
    assert keys(text, published_at=evening_in_new_york, set_apart=(old,)) == ["date:2023-12-06"]


@pytest.mark.parametrize(
    "over",
    [
        {"dateline": "MINSK, Feb. 28, 2023 (Reuters)"},
        {"dateline": "MINSK, Feb. 28"},
        {"set_apart": (SourceLine(kind="published_line", text="28 February 2023", line=2),)},
        {"text": "Rain\n\nMINSK, Feb. 28, 2023 (Reuters) - Rain fell today."},
        {"text": "Rain\n\nMinsk, 28 February 2023 — Rain fell today."},
        {"text": "RAIN\n\nMINSK, FEBRUARY 28, 2023\n\nRain fell today."},
    ],
)
def test_without_a_published_time_the_printed_day_is_the_reference(over: dict[str, Any]) -> None:
    received = make_drop(received_at=datetime(2023, 3, 20, tzinfo=UTC))
    fields: dict[str, Any] = {"text": "Rain fell today.", "dateline": None} | over
    article = make_raw(published_at=None, drop=received, **fields)
    reference = reference_of(article)
    assert reference.day == date(2023, 2, 28)
    assert reference.at == datetime(2023, 2, 28, tzinfo=UTC)
    assert not reference.guessed


def test_a_date_in_a_sentence_is_no_dateline() -> None:
    article = make_raw(text="The war of Feb. 24, 2022 goes on.", published_at=None, dateline=None)
    assert reference_of(article).guessed


def test_without_a_published_time_relative_dates_stay_unresolved_and_the_reason_tells() -> None:
    text = "He spoke on Tuesday, in 2019 and last Tuesday. TUESDAY is dry."
    made = block(text, published_at=None)
    assert made.reason == "no published time: relative dates are left unresolved"
    found = {entity.key: (entity.count, entity.date) for entity in made.entities}
    assert list(found) == ["date:~tuesday", "date:2019-01-01/2019-12-31", "date:~last tuesday"]
    assert found["date:~tuesday"] == (2, None)
    assert found["date:~last tuesday"] == (1, None)
    assert found["date:2019-01-01/2019-12-31"][1] is not None
    assert block("He spoke in 2019.", published_at=None).reason is None


def test_the_declared_country_tells_how_numeric_dates_and_dollars_are_meant() -> None:
    text = "On 3/4/2023 it cost $5."
    assert keys(text, language=ENGLISH) == ["money:USD:5"]
    made = {
        tag: [
            e.key for e in FINDER.annotate([Draft(make_raw(text=text, language=tag))])[0].entities
        ]
        for tag in ("en-US", "en-GB", "en_AU", "en")
    }
    assert made["en-US"] == ["date:2023-03-04", "money:USD:5"]
    assert made["en-GB"] == ["date:2023-04-03", "money:USD:5"]
    assert made["en_AU"] == ["date:2023-04-03", "money:AUD:5"]
    assert made["en"] == ["money:USD:5"]


def test_the_region_is_read_off_english_tags_alone() -> None:
    assert region(make_raw(language="en-Latn-GB")) == "GB"
    assert region(make_raw(language="fr-CA")) is None
    assert region(make_raw(language=None)) is None
    assert numeric_order("FR") is None


@pytest.mark.parametrize("code", ["de", "zh", "und"])
def test_in_other_languages_only_iso_dates_and_signs_are_read(code: str) -> None:
    text = "Am 2023-12-03 kostet es €5, on Tuesday 5 dollars, im March 2023."
    made = block(text, language=Language(code=code, confidence=0.9))
    assert [e.key for e in made.entities] == ["date:2023-12-03", "money:EUR:5"]
    assert made.status == "done"
    assert made.reason is not None
    assert "only ISO dates" in made.reason


def test_without_a_language_block_the_sources_word_is_taken() -> None:
    draft = Draft(make_raw(text="On Tuesday 5 dollars", language="de"))
    assert FINDER.annotate([draft])[0].entities == ()
    draft = Draft(make_raw(text="On Tuesday 5 dollars", language=None))
    assert len(FINDER.annotate([draft])[0].entities) == 2


def test_blank_text_is_skipped() -> None:
    assert block(" \n ").status == "skipped"
    assert block(" \n ").reason == "no text"


def test_mentions_are_capped_and_the_reason_says_so() -> None:
    made = block("In 2019 $5 " * (MAX_MENTIONS + 7))
    assert [entity.count for entity in made.entities] == [MAX_MENTIONS, MAX_MENTIONS]
    assert made.reason == f"the first {MAX_MENTIONS} dates and amounts only"


def test_entities_come_by_first_mention() -> None:
    made = block("It cost $5 in 2019, €6 in 2020 and $5 in 2021.").entities
    starts = [entity.mentions[0].start for entity in made]
    assert starts == sorted(starts)


def test_the_maker_names_the_patterns_and_where_currencies_are_from() -> None:
    maker = FINDER.maker
    assert maker.annotator == "values.patterns"
    assert maker.model_sha256 is not None
    assert maker.knowledge_version is not None
    assert maker.knowledge_version.startswith("CLDR")
    assert ValueFinder().maker == maker
