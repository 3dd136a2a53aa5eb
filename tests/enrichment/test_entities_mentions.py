"""Where names stand: taken apart, freed of noise, found where the model saw none.

The texts carry the model's findings in brackets, so that each rule is seen alone.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from services.enrichment.annotators.entities import resolve
from services.enrichment.annotators.recogniser import Found
from tests.enrichment.kit import gazetteer, marked, resolved, texts_of


def mentions(text: str) -> dict[str, list[str]]:
    """Key to the mentions' texts."""
    return {key: texts_of(entity) for key, entity in resolved(text).items()}


CHINA, RUSSIA, BELARUS = "wd:Q148", "wd:Q159", "wd:Q184"

# --- What was run together ------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["[GPE China-Russia] ties", "China-Russia ties", "[ORG ChinaRussia]"]
)
def test_a_pair_is_two_countries(text: str) -> None:
    assert mentions(text) == {CHINA: ["China"], RUSSIA: ["Russia"]}


def test_a_pair_of_peoples_is_two_whether_the_model_sees_it_or_not() -> None:
    peoples = {"norp:chinese": ["Chinese"], "norp:belarusian": ["Belarusian"]}
    assert mentions("[NORP Chinese-Belarusian] friendship") == peoples
    assert mentions("the Chinese-Belarusian friendship") == peoples


def test_half_a_people_is_not_marked() -> None:
    assert mentions("the Franco-German summit") == {"norp:german": ["German"]}


def test_countries_joined_by_and_are_two_but_some_countries_have_an_and() -> None:
    assert mentions("[GPE Russia and China] met") == {RUSSIA: ["Russia"], CHINA: ["China"]}
    assert mentions("[GPE Bosnia and Herzegovina] met") == {"wd:Q225": ["Bosnia and Herzegovina"]}


def test_a_hyphen_inside_of_a_name_stays() -> None:
    assert mentions("[GPE Guinea-Bissau] voted") == {"wd:Q1007": ["Guinea-Bissau"]}
    assert list(mentions("[PERSON Jean-Claude Dupin] spoke")) == ["person:jean claude dupin"]


@pytest.mark.parametrize("found", ["NewsPetrova", "[PERSON NewsPetrova]", "[ORG NewsPetrova]"])
def test_a_word_fused_to_a_name_is_left_out(found: str) -> None:
    assert mentions(f"{found} arrives\n\n[PERSON Ana Petrova] came.") == {
        "person:ana petrova": ["Petrova", "Ana Petrova"]
    }


def test_a_word_with_a_small_start_fused_to_a_name_is_left_out() -> None:
    found = mentions("Related contentPetrova arrives as [PERSON Ana Petrova] comes.")
    assert found == {"person:ana petrova": ["Petrova", "Ana Petrova"]}


@pytest.mark.parametrize("name", ["McCain", "DeVoss", "YouTube", "LaGuardia"])
def test_a_name_with_an_inner_capital_is_one_word(name: str) -> None:
    text = f"[PERSON Rita Cain] and [PERSON Bob Voss] of [ORG {name}]"
    assert [name] in mentions(text).values()


def test_a_people_before_a_person_is_a_people() -> None:
    found = mentions("[PERSON Chinese President Ana Petrova] spoke")
    assert found == {"norp:chinese": ["Chinese"], "person:ana petrova": ["Ana Petrova"]}


def test_a_country_that_owns_a_person_is_a_country() -> None:
    found = mentions("[PERSON Russia's Ana Petrova] spoke")
    assert found == {RUSSIA: ["Russia"], "person:ana petrova": ["Ana Petrova"]}


def test_a_person_called_like_a_country_stays_whole() -> None:
    assert list(mentions("[PERSON China Wobbly] spoke")) == ["person:china wobbly"]


# --- What doesn't belong to a name ----------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("[ORG The Riverton Council] met", "Riverton Council"),
        ("He read [ORG The Riverton Times]", "The Riverton Times"),
        ("[ORG The Riverton Times] said", "The Riverton Times"),
        ("they love [ORG The Mad Rivers]", "The Mad Rivers"),
        ("[GPE The Hague] is far", "The Hague"),
        ("[PERSON Petrova one metre] from him", "Petrova"),
        ("[ORG Riverton Reds 3-1] was the result", "Riverton Reds"),
        ("[PERSON Petrova’s] hat", "Petrova"),
    ],
)
def test_what_does_not_belong_to_it_is_cut_off(text: str, name: str) -> None:
    assert list(mentions(text).values()) == [[name]]


def test_brackets_and_possessives_are_no_part_of_a_country() -> None:
    text = "the [People’s Republic of China] and the PRC’s deepening ties"
    found = [Found(5, 31, "GPE")]
    (china,) = resolve(text, found, gazetteer())
    assert [m.text for m in china.mentions] == ["People’s Republic of China", "PRC"]


@pytest.mark.parametrize(
    "text",
    ["[ORG a Technology Centre]", "[PERSON KO] won by [PERSON KO] again", "[PERSON Film] and film"],
)
def test_what_is_no_name_is_left_out(text: str) -> None:
    assert mentions(text) == {}


def test_a_word_of_the_text_that_speaks_is_a_person() -> None:
    assert list(mentions("[PERSON Hope] said there was hope")) == ["person:hope"]


# --- What stands around a name --------------------------------------------------------------


def test_a_surname_that_is_a_word_is_marked_where_it_speaks() -> None:
    found = mentions(
        "[PERSON Ned Price] came. Price said the price was right. Price controls work."
    )
    assert found["person:ned price"] == ["Ned Price", "Price"]


def test_a_surname_that_is_a_month_is_marked_where_it_speaks_or_has_a_title() -> None:
    found = mentions("[PERSON Theodora May] left in May. May said so. Mrs May smiled in May.")
    assert found["person:theodora may"] == ["Theodora May", "May", "May"]


def test_a_surname_that_is_a_word_is_marked_in_mid_sentence() -> None:
    found = mentions("[PERSON Rose Banks] met banks. They know that Banks is nice.")
    assert found["person:rose banks"] == ["Rose Banks", "Banks"]


MATCH = "[GPE Chelsea] beat [GPE Liverpool] 2-1. Fans in [GPE Liverpool] sang."


def test_cities_that_play_are_clubs_and_cities_that_are_places_are_cities() -> None:
    assert mentions(MATCH) == {
        "org:chelsea": ["Chelsea"],
        "org:liverpool": ["Liverpool"],
        "wd:Q24826": ["Liverpool"],
    }


def test_countries_that_play_stay_countries() -> None:
    assert list(mentions("[GPE Russia] beat [GPE China] 3-1 in the cup final.")) == [RUSSIA, CHINA]


def test_cities_of_an_article_without_sport_are_cities() -> None:
    assert list(mentions("[GPE Liverpool] faces [GPE Chelsea] over the budget.")) == [
        "wd:Q24826",
        "gn:2653265",
    ]


def test_a_product_in_a_match_is_a_player() -> None:
    text = "[GPE Chelsea] beat [GPE Liverpool] 2-1. [PRODUCT Colin Palmstroem] scored."
    assert "person:colin palmstroem" in mentions(text)


def test_an_organisation_who_did_something_is_a_person() -> None:
    assert list(mentions("[ORG Wim Marsch], who bakes, smiled")) == ["person:wim marsch"]


def test_the_short_name_of_a_company_is_the_company() -> None:
    found = mentions("Nordlund to sell\n\n[ORG Nordlund ASA] sells. [GPE Nordlund] rose.")
    assert found == {"org:nordlund asa": ["Nordlund", "Nordlund ASA", "Nordlund"]}


# --- Where the model saw nothing ------------------------------------------------------------


def test_a_headline_in_capitals_names_countries_and_people_of_the_text() -> None:
    found = mentions("PETROVA VISITS CHINA AND UNITED STATES\n\n[PERSON Ana Petrova] went.")
    assert found == {
        "person:ana petrova": ["PETROVA", "Ana Petrova"],
        CHINA: ["CHINA"],
        "wd:Q30": ["UNITED STATES"],
    }


def test_a_text_in_capitals_keeps_its_names() -> None:
    found = mentions("[PERSON ANA LI] SPOKE. [PERSON LI] LEFT [ORG EASTERN CHINA]. CHINA SANG.")
    assert found == {"person:ana li": ["ANA LI", "LI"], CHINA: ["CHINA", "CHINA"]}


def test_a_headline_with_capitals_names_countries_but_not_the_bank_of_one() -> None:
    assert mentions("Petrova Visits China Today\n\nShe went.") == {CHINA: ["China"]}
    assert mentions("Old Bank of China Opens Branch\n\nIt did.") == {}


def test_countries_in_a_list_are_named_even_if_people_are_called_like_them() -> None:
    found = mentions("Members: Belarus, Chad, Jordan and Georgia.\n")
    assert list(found) == [BELARUS, "wd:Q657", "wd:Q810", "wd:Q230"]


def test_a_man_called_like_a_country_is_no_country() -> None:
    assert mentions("Then Chad laughed, and Jordan too.") == {}


def test_people_at_the_start_of_a_lists_lines_are_found() -> None:
    text = (
        "Speakers:\n- [PERSON Ana Petrova], Riverton\n- [PERSON Wim Bakker]\n- Aiko Tanabe, Kobe\n"
    )
    assert mentions(text)["person:aiko tanabe"] == ["Aiko Tanabe"]


def test_a_list_of_other_things_has_no_people() -> None:
    assert mentions("Parts:\n- Green Button, large\n- Blue Lever\n- Red Knob, small\n") == {}


def test_who_has_a_title_or_an_age_is_a_person() -> None:
    found = mentions("Then Mayor Hope Banks met Penny Summers, a teacher, in May.")
    assert list(found) == ["person:hope banks", "person:penny summers"]


def test_a_datelines_city_is_a_place() -> None:
    assert mentions("READING, England — The bread was cheap.")["gpe:reading"] == ["READING"]


def test_a_large_city_needs_an_in() -> None:
    assert mentions("Bread is cheap in Reading, they say.") == {"gpe:reading": ["Reading"]}
    assert mentions("Then Reading began, they say.") == {}


def test_bodies_that_are_written_like_no_word_are_found() -> None:
    found = mentions("It was said by BelTA and NATO, and by the Hill, in Time.")
    assert found == {"org:belta": ["BelTA"], "wd:Q7184": ["NATO"]}


def test_a_declared_acronym_and_its_long_name_are_one_body() -> None:
    found = mentions("The [ORG Riverton College] of Surgeons (RCS) met. RCS said no.")
    assert found == {
        "org:riverton college of surgeons": ["Riverton College of Surgeons", "RCS", "RCS"]
    }


# --- What always holds ----------------------------------------------------------------------


def test_mentions_never_overlap_and_are_what_stands_there() -> None:
    text = (
        "[PERSON Chinese President Ana Petrova-Bakker] of [ORG ChinaRussia] in China-Russia, " * 3
    )
    plain, found = marked(text)
    spans = sorted(
        (m.start, m.end, m.text) for e in resolve(plain, found, gazetteer()) for m in e.mentions
    )
    assert all(plain[start:end] == name for start, end, name in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
