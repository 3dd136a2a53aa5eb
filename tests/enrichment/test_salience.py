"""How much an article is about each of its entities, and how sure it is that they are any."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.article import Section
from services.enrichment.annotators.confidence import HIGHEST, LOWEST, Signs, confidence
from services.enrichment.annotators.context import credits_of, datelines
from services.enrichment.annotators.entities import resolve
from services.enrichment.annotators.salience import (
    FREQUENCY,
    LEAD,
    SPREAD,
    TITLE,
    Layout,
    layout,
    salience,
)
from tests.enrichment.kit import gazetteer, marked, resolved

PLAIN = Layout(length=1000, title_end=100, lead_end=300, credits=((900, 950),))


def test_the_parts_of_the_score_add_up_to_one() -> None:
    assert sum((TITLE, LEAD, FREQUENCY, SPREAD)) == pytest.approx(1.0)


def test_who_is_named_everywhere_has_all_of_it() -> None:
    assert salience("PERSON", [*range(0, 900, 50), 960], 19, PLAIN) == 1.0


def test_the_formula_is_the_documented_one() -> None:
    # Title, not the lead; one of three mentions of the most frequent one; one tenth of ten.
    assert salience("ORG", [50], 3, PLAIN) == pytest.approx(0.2 + 0.4 * 0.5 + 0.2 * 0.1)


def test_title_and_lead_weigh_more_than_the_rest() -> None:
    title, lead, body = (salience("GPE", [start], 1, PLAIN) for start in (10, 200, 600))
    assert title == lead > body


def test_credits_do_not_count() -> None:
    assert salience("ORG", [910, 940], 2, PLAIN) == 0.0
    assert salience("ORG", [910, 600], 2, PLAIN) == salience("ORG", [600], 2, PLAIN)


def test_a_people_weighs_half_as_much() -> None:
    assert salience("NORP", [50], 1, PLAIN) == pytest.approx(salience("GPE", [50], 1, PLAIN) / 2)


@given(st.lists(st.integers(0, 999), max_size=40), st.integers(0, 50))
def test_it_is_a_share_and_another_mention_never_lowers_it(starts: list[int], more: int) -> None:
    before = salience("PERSON", sorted(starts), 60, PLAIN)
    after = salience("PERSON", sorted([*starts, more]), 60, PLAIN)
    assert 0.0 <= before <= after <= 1.0


def test_the_readers_headline_is_the_title() -> None:
    text = "Short title.\n\nThe body is here."
    sections = [
        Section(role="headline", start=0, end=12),
        Section(role="body", start=14, end=len(text)),
    ]
    where = layout(text, sections, ())
    assert where.title_end == 12
    assert where.in_lead(14)
    assert not where.in_title(14)


@pytest.mark.parametrize(
    ("text", "end"),
    [("A title\n\nBody.", 7), ("A sentence.\n\nBody.", 0), ("One line only", 0), ("", 0)],
)
def test_without_sections_a_first_line_without_a_full_stop_is_the_title(
    text: str, end: int
) -> None:
    assert layout(text, (), ()).title_end == end


def test_the_lead_ends_with_its_paragraph_or_after_some_sentences() -> None:
    text = "Title\n\n" + "x" * 300 + "\n\n" + "y" * 3000
    assert layout(text, (), ()).lead_end == 307
    assert layout("z" * 5000, (), ()).lead_end == 500


def test_the_agency_in_the_dateline_is_not_what_the_article_is_about() -> None:
    text = "MINSK, Belarus (Reuters) - [PERSON Ana Petrova] met [PERSON Joe Doe]. Ana Petrova won."
    plain, found = marked(text)
    start = plain.index("Reuters")
    agency = type(found[0])(start, start + 7, "ORG")
    entities = {e.name: e for e in resolve(plain, [agency, *found], gazetteer())}
    assert entities["Reuters"].salience == 0.0
    ana, joe = entities["Ana Petrova"].salience, entities["Joe Doe"].salience
    assert ana is not None
    assert joe is not None
    assert ana > joe > 0


@pytest.mark.parametrize(
    "line",
    [
        "By Ana Petrova",
        "(Reporting by Ana Petrova; editing by Bob)",
        "Photo: Ana Petrova/Agency",
        "© Ana Petrova 2024",
    ],
)
def test_the_makers_of_the_article_have_no_salience(line: str) -> None:
    text = f"A title\n\n{line}\n\nThe body has other things to tell, and long ones."
    start = text.index("Ana Petrova")
    (place,) = [(first, last) for first, last in credits_of(text) if first <= start < last]
    assert text[place[0] : place[1]].strip()


@pytest.mark.parametrize(
    "line", ["By then he had gone. He came back", "Reporters came to Riverton"]
)
def test_a_sentence_is_no_credit(line: str) -> None:
    assert credits_of(f"{line}\n") == []


def test_a_dateline_has_a_place() -> None:
    text = "Title\n\nNEW YORK, Jan 3 (AP) — It rained."
    assert [text[start:end] for start, end in datelines(text)] == ["NEW YORK"]


# --- Confidence -----------------------------------------------------------------------------

UNSURE = Signs("ORG", agreement=0.2, seen=1, several_words=False, known=False, linked=False)


def test_each_sign_makes_it_surer() -> None:
    steps = [
        UNSURE,
        Signs("ORG", agreement=1.0, seen=1, several_words=False, known=False, linked=False),
        Signs("ORG", agreement=1.0, seen=4, several_words=False, known=False, linked=False),
        Signs("ORG", agreement=1.0, seen=4, several_words=True, known=False, linked=False),
        Signs("ORG", agreement=1.0, seen=4, several_words=True, known=True, linked=False),
        Signs("ORG", agreement=1.0, seen=4, several_words=True, known=True, linked=True),
    ]
    assert all(confidence(one) < confidence(other) for one, other in pairwise(steps))


@given(st.floats(0, 1), st.integers(0, 10**6), st.booleans(), st.booleans(), st.booleans())
def test_it_is_never_certain_and_never_hopeless(
    agreement: float,
    seen: int,
    words: bool,  # noqa: FBT001 (hypothesis gives them in order)
    known: bool,  # noqa: FBT001
    linked: bool,  # noqa: FBT001
) -> None:
    told = confidence(
        Signs("LAW", agreement, seen, several_words=words, known=known, linked=linked)
    )
    assert LOWEST <= told <= HIGHEST


def test_a_country_is_surer_than_a_word_seen_once() -> None:
    found = resolved("[GPE Belarus] and [GPE Belarus] and [FAC Wobbly]")
    sure, unsure = found["wd:Q184"].confidence, found["fac:wobbly"].confidence
    assert sure is not None
    assert unsure is not None
    assert sure > 0.8
    assert unsure < 0.3
