"""Which organisations of one document are one."""

from __future__ import annotations

import time

import pytest

from services.enrichment.annotators.organisations import (
    declared,
    folded_pairs,
    leaders,
    without_legal_form,
)
from tests.enrichment.kit import is_linear, resolved, texts_of


def pairs(text: str) -> list[tuple[str, str]]:
    return [(text[a:b], text[c:d]) for (a, b), (c, d) in declared(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the World Health Organization (WHO) said", [("World Health Organization", "WHO")]),
        ("Federal Bureau of Investigation (FBI)", [("Federal Bureau of Investigation", "FBI")]),
        ("The Riverton Arts and Crafts Guild (RACG)", [("Riverton Arts and Crafts Guild", "RACG")]),
        ("Anti-Doping Agency (the ADA)", [("Anti-Doping Agency", "ADA")]),
        ("Wood & Steel Union (WSU)", [("Wood & Steel Union", "WSU")]),
        ("He came to Riverton (USA)", []),
        ("a big house (ABH)", []),
        ("World Health Organization, and later (WHO)", []),
        ("(WHO)", []),
        ("Line\n(WHO)", []),
    ],
)
def test_an_acronym_in_brackets_belongs_to_the_words_it_is_made_of(
    text: str, found: list[tuple[str, str]]
) -> None:
    assert pairs(text) == found


def test_the_first_declaration_of_an_acronym_holds() -> None:
    text = "Bank of Albania (BOA), Board of Appeal (BOA)"
    assert folded_pairs(text, declared(text)) == {"boa": "bank of albania"}


@pytest.mark.parametrize(
    ("name", "short"),
    [("acme, inc.", "acme"), ("acme corp", "acme"), ("acme", "acme"), ("inc", "inc")],
)
def test_the_legal_form_is_not_the_name(name: str, short: str) -> None:
    assert without_legal_form(name) == short


def lead(*names: str, **declarations: str) -> dict[str, str]:
    return leaders([(name, name.casefold()) for name in names], declarations)


def test_a_short_form_belongs_to_the_only_long_name_it_begins() -> None:
    assert lead("Riverton Steel Works", "Riverton")["riverton"] == "riverton steel works"
    two = lead("Riverton Steel Works", "Riverton Art School", "Riverton")
    assert two["riverton"] == "riverton"


def test_the_same_name_with_its_legal_form_comes_before_other_long_names() -> None:
    assert lead("Acme", "Acme Inc", "Acme Zoo")["acme"] == "acme inc"


@pytest.mark.parametrize("word", ["Bank", "National", "Court", "Abc"])
def test_a_word_of_very_many_names_is_no_short_form(word: str) -> None:
    assert lead(word, f"{word} Of Riverton")[word.casefold()] == word.casefold()


def test_an_acronym_of_an_acronyms_long_name_ends_at_the_fullest() -> None:
    found = lead("RSW", "Riverton Steel Works", "Riverton Steel Works Ltd")
    assert set(found.values()) == {"riverton steel works ltd"}


def test_names_that_lead_to_each_other_end() -> None:
    assert set(lead("AB", "AB C", ab="ab c").values()) == {"ab c"}


def test_the_table_joins_what_no_rule_could() -> None:
    found = resolved(
        "[ORG BelTA] is the [ORG Belarusian Telegraph Agency]. The [ORG State Department] "
        "is the [ORG US Department of State]."
    )
    assert texts_of(found["org:belta"]) == ["BelTA", "Belarusian Telegraph Agency"]
    assert texts_of(found["wd:Q789915"]) == ["State Department", "US Department of State"]


def test_a_capital_is_not_its_government() -> None:
    found = resolved("[GPE Beijing] denied it. [GPE China] denied it.")
    assert set(found) == {"wd:Q956", "wd:Q148"}


def test_thousands_of_names_and_brackets_take_linear_time() -> None:
    def seconds(count: int) -> float:
        names = [(f"Riverton {n} Works", f"riverton {n} works") for n in range(count)]
        started = time.process_time()
        leaders(names, {})
        list(declared("Word " * count + "(ABC) " * count))
        return time.process_time() - started

    assert is_linear(seconds, 3_000)
