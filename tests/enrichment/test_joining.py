"""What the document makes of its names: one type each, one entity each, no merged people.

The texts carry the model's findings in brackets, so that each rule is seen alone.
"""

from __future__ import annotations

import pytest

from tests.enrichment.kit import resolved, texts_of

# --- One type for each name -------------------------------------------------------------------


def test_a_country_is_a_country_whatever_the_model_says_of_one_occurrence() -> None:
    found = resolved("[ORG Belarus] said. [ORG Belarus] again, then [GPE Belarus].")
    assert list(found) == ["wd:Q184"]
    assert len(found["wd:Q184"].mentions) == 3


def test_a_capital_always_taken_for_a_person_is_a_place() -> None:
    found = resolved("[PERSON Kyiv] and [PERSON Kyiv], [PERSON Kyiv], [PERSON Kyiv].")
    assert list(found) == ["wd:Q1899"]


def test_a_surname_taken_for_a_product_is_the_person() -> None:
    found = resolved("[PERSON Xi Jinping] came. Talks with [PRODUCT Jinping] went on.")
    assert texts_of(found["wd:Q15031"]) == ["Xi Jinping", "Jinping"]


def test_the_majority_decides_what_no_table_knows() -> None:
    found = resolved("[ORG Acme] and [ORG Acme] and [PRODUCT Acme].")
    assert list(found) == ["org:acme"]


def test_people_named_like_a_country_stay_people() -> None:
    found = resolved(
        "[PERSON Michael Jordan] won. [PERSON Jordan] smiled, "
        "[PERSON Jordan] waved, said [PERSON Jordan]."
    )
    assert list(found) == ["person:michael jordan"]


def test_a_city_named_like_a_person_of_the_document_stays_a_city() -> None:
    found = resolved(
        "[GPE Washington] slept. [GPE Washington] woke. A statue of [PERSON George Washington]."
    )
    assert texts_of(found["wd:Q61"]) == ["Washington", "Washington"]
    assert texts_of(found["person:george washington"]) == ["George Washington"]


def test_a_people_is_not_its_country_and_a_language_is_not_its_people() -> None:
    found = resolved("[GPE China] and [NORP Chinese] firms; he speaks [LANGUAGE Russian].")
    assert set(found) == {"wd:Q148", "norp:chinese", "language:russian"}


def test_labels_outside_of_the_contract_are_dropped() -> None:
    assert resolved("[DATE Monday], [MONEY $5], [CARDINAL two], [ORDINAL first]") == {}


def test_junk_of_the_model_is_dropped() -> None:
    assert resolved("[PERSON he] met [ORG ’s] and [PERSON President] at [GPE a@b.org]") == {}


# --- One entity for each person ---------------------------------------------------------------


def test_a_surname_joins_the_full_name_that_comes_later() -> None:
    found = resolved("[PERSON Petrova] spoke. Later [PERSON Ana Petrova] left.")
    assert list(found) == ["person:ana petrova"]
    assert found["person:ana petrova"].name == "Ana Petrova"
    assert texts_of(found["person:ana petrova"]) == ["Petrova", "Ana Petrova"]


def test_two_people_with_one_surname_are_not_merged() -> None:
    found = resolved("[PERSON Jill Biden] and [PERSON Joe Biden] came.")
    assert set(found) == {"person:jill biden", "wd:Q6279"}


def test_a_bare_surname_that_two_people_bear_joins_neither() -> None:
    found = resolved("[PERSON Jill Biden] and [PERSON Joe Biden]. [PERSON Biden] spoke.")
    assert texts_of(found["person:biden"]) == ["Biden"]
    assert texts_of(found["wd:Q6279"]) == ["Joe Biden"]
    assert texts_of(found["person:jill biden"]) == ["Jill Biden"]


def test_a_given_name_joins_the_only_person_who_bears_it() -> None:
    found = resolved("[PERSON Xi Jinping] spoke; [PERSON Xi] left.")
    assert texts_of(found["wd:Q15031"]) == ["Xi Jinping", "Xi"]


def test_a_surname_is_joined_before_a_given_name_is() -> None:
    found = resolved("[PERSON Craig James] and [PERSON James Cook]. [PERSON James] spoke.")
    assert texts_of(found["person:craig james"]) == ["Craig James", "James"]
    assert texts_of(found["person:james cook"]) == ["James Cook"]


@pytest.mark.parametrize("variant", ["Lukashenka", "Łukaszenka", "LUKASHENKO", "Lukashenko's"])
def test_spellings_of_one_surname_join(variant: str) -> None:
    found = resolved(f"[PERSON Alexander Lukashenko] came; [PERSON {variant}] spoke.")
    assert list(found) == ["wd:Q2866"]
    assert len(found["wd:Q2866"].mentions) == 2


def test_a_spelling_taken_for_a_place_joins_the_person() -> None:
    found = resolved("[GPE Łukaszenka] is here. [PERSON Alexander Lukashenko] came.")
    assert list(found) == ["wd:Q2866"]


def test_husband_and_wife_with_slavic_surnames_stay_two() -> None:
    found = resolved(
        "[PERSON Volodymyr Zelensky] and [PERSON Olena Zelenska]. [PERSON Zelenska] spoke."
    )
    assert texts_of(found["person:yelena zelenska"]) == ["Olena Zelenska", "Zelenska"]
    assert texts_of(found["wd:Q3874799"]) == ["Volodymyr Zelensky"]


def test_like_first_names_do_not_make_one_person() -> None:
    found = resolved("[PERSON Martin Novotny] and [PERSON Martina Novotny], [PERSON Joan Novotny]")
    assert len(found) == 3


def test_a_middle_name_or_initial_may_be_left_out() -> None:
    found = resolved("[PERSON Joseph R. Biden], [PERSON Joseph Biden], [PERSON J. Biden]")
    assert list(found) == ["wd:Q6279"]


def test_other_middle_names_are_other_people() -> None:
    found = resolved("[PERSON John Adam Reed] met [PERSON John Paul Reed].")
    assert len(found) == 2


def test_titles_are_left_out_of_names() -> None:
    found = resolved("[PERSON President Ana Petrova] and [PERSON Mayor Petrova]")
    assert texts_of(found["person:ana petrova"]) == ["Ana Petrova", "Petrova"]


def test_a_name_in_capitals_does_not_lead() -> None:
    found = resolved("[PERSON ANA PETROVA] spoke. [PERSON Ana Petrova] left.")
    assert found["person:ana petrova"].name == "Ana Petrova"


# --- Places and organisations -----------------------------------------------------------------


def test_names_of_one_country_join_under_its_usual_name() -> None:
    found = resolved("[GPE U.S.] and [GPE US] and the [GPE United States].")
    assert list(found) == ["wd:Q30"]
    assert found["wd:Q30"].name == "United States"


def test_an_acronym_joins_its_only_long_name() -> None:
    found = resolved("The [ORG World Health Organization] ([ORG WHO]) warned. [ORG WHO] said.")
    assert list(found) == ["wd:Q7817"]


def test_an_acronym_that_fits_two_long_names_joins_neither() -> None:
    found = resolved("[ORG Bank Of Albania] and [ORG Board Of Appeal] and [ORG BOA].")
    assert set(found) == {"org:bank of albania", "org:board of appeal", "org:boa"}


# --- Occurrences that the model missed --------------------------------------------------------


def test_a_full_name_found_once_is_marked_everywhere() -> None:
    found = resolved("Ana Petrova wins\n\n[PERSON Ana Petrova] won. Petrova's team sang.")
    assert texts_of(found["person:ana petrova"]) == ["Ana Petrova", "Ana Petrova", "Petrova"]


def test_a_name_in_a_headline_in_capitals_is_marked() -> None:
    found = resolved("PETROVA WINS\n\n[PERSON Ana Petrova] won.")
    assert texts_of(found["person:ana petrova"]) == ["PETROVA", "Ana Petrova"]


def test_a_surname_that_is_a_word_of_the_text_is_not_spread() -> None:
    found = resolved("Price rises. [PERSON Ned Price] said that the price of bread rose.")
    assert texts_of(found["person:ned price"]) == ["Ned Price"]


def test_nothing_is_marked_inside_of_a_longer_name_or_word() -> None:
    found = resolved("[GPE China] and the [ORG Bank of China], a Chinatown, China-made.")
    assert texts_of(found["wd:Q148"]) == ["China"]


def test_an_uncertain_name_is_not_spread() -> None:
    found = resolved("[ORG Hill] said. Over the Hill they went.")
    assert texts_of(found["org:hill"]) == ["Hill"]


def test_the_longest_name_wins_at_a_place() -> None:
    found = resolved("[ORG Riverton Port Authority] of [GPE Minsk]. Riverton Port Authority said.")
    assert len(found["org:riverton port authority"].mentions) == 2


def test_entities_come_by_first_mention_and_mentions_by_offset() -> None:
    found = resolved("[GPE Minsk], [PERSON Ana Petrova], [GPE Kyiv]. Minsk, Ana Petrova.")
    starts = [entity.mentions[0].start for entity in found.values()]
    assert starts == sorted(starts)
    for entity in found.values():
        offsets = [mention.start for mention in entity.mentions]
        assert offsets == sorted(set(offsets))
