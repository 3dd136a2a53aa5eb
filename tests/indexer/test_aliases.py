"""What merged entities mean for one article: pure functions, case by case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from schemas.annotations import DateValue, Quote, Relation
from schemas.article import Entity, Mention
from services.indexer.store.aliases import (
    Target,
    check_merge,
    check_types,
    full_key,
    keys_in,
    linked,
    rekeyed,
    unknown,
)
from services.indexer.store.entities import Refused
from tests.factories import NOON, make_enriched

if TYPE_CHECKING:
    from schemas.article import EnrichedArticle

TEXT = "Ana met Bea and Ana."
ANA, BEA = "person:ana", "person:bea"
TO_BEA = {ANA: Target(BEA, "Bea", "PERSON")}


def entity(key: str, *starts: int, **over: Any) -> Entity:
    """An entity with a mention of three letters at each of ``starts``."""
    mentions = tuple(Mention(start=s, end=s + 3, text=TEXT[s : s + 3]) for s in starts)
    fields = {"key": key, "name": key[-3:].title(), "type": "PERSON", "mentions": mentions}
    return Entity.model_validate(fields | over)


def article(*entities: Entity, **over: Any) -> EnrichedArticle:
    return make_enriched(text=TEXT, entities=entities, **over)


def joined(*entities: Entity, target: Target = TO_BEA[ANA]) -> Entity:
    """The one entity that these are when ``person:ana`` is ``target``."""
    (one,) = rekeyed(article(*entities), {ANA: target}).entities
    return one


# --- Keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("Q184", "wd:Q184"),
        (" q184 ", "wd:Q184"),
        ("WD:q184", "wd:Q184"),
        ("wd:Q184", "wd:Q184"),
        ("gn:625144", "gn:625144"),
        ("person:ned price", "person:ned price"),
        ("Q0", "Q0"),
        ("Q", "Q"),
        ("QAnon", "QAnon"),
        ("Q\uff1184", "Q\uff1184"),
        ("wd:", "wd:"),
        ("", ""),
    ],
)
def test_a_key_as_typed_is_made_whole(given: str, key: str) -> None:
    assert full_key(given) == key


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("wd:Q184", {"wikidata": "Q184"}),
        ("gn:625144", {"geonames": "625144"}),
        ("person:ned price", {"type": "PERSON"}),
        ("work_of_art:nighthawks", {"type": "WORK_OF_ART"}),
        ("wd:Belarus", {}),
        ("gn:", {}),
        ("gn:x1", {}),
        ("nonsense:x", {}),
        ("nonsense", {}),
    ],
)
def test_a_key_tells_its_links_or_type_and_never_what_the_schema_forbids(
    key: str, told: dict[str, str]
) -> None:
    assert linked(key) == Target(key, **told)


def test_all_keys_of_an_article_are_found_once() -> None:
    related = entity(ANA, 0, relations=(Relation(kind="part_of", key="wd:Q1", name="One"),))
    quotes = (
        Quote(start=0, end=3, text="Ana", speaker="person:cleo"),
        Quote(start=0, end=3, text="Ana"),
    )
    assert keys_in(article(related, entity(BEA, 8), related, quotes=quotes)) == [
        ANA,
        "wd:Q1",
        BEA,
        "person:cleo",
    ]


# --- Joining ----------------------------------------------------------------------------------


def test_without_merges_the_article_is_the_same_object() -> None:
    whole = article(entity(ANA, 0))
    assert rekeyed(whole, {}) is whole


def test_entities_that_no_merge_is_about_stay_as_they_are() -> None:
    twins = (entity("person:dora", 0), entity("person:dora", 4), entity(BEA, 8))
    shown = rekeyed(article(*twins, entity("person:cleo", 12)), {"person:cleo": Target("x:y")})
    assert shown.entities[:3] == twins


def test_mentions_are_united_in_the_order_of_the_text() -> None:
    one = joined(entity(ANA, 16, 0), entity(BEA, 8, 0))
    assert [mention.start for mention in one.mentions] == [0, 8, 16]


@pytest.mark.parametrize(
    ("ana", "bea", "count"),
    [
        (None, None, None),
        (3, 4, 7),
        (3, None, 4),  # the other is named as often as its mentions say
        (None, 100, 101),
    ],
)
def test_counts_add_up(ana: int | None, bea: int | None, count: int | None) -> None:
    assert joined(entity(ANA, 0, count=ana), entity(BEA, 8, count=bea)).count == count


def test_a_place_that_both_name_counts_once() -> None:
    one = joined(entity(ANA, 0, 16, count=2), entity(BEA, 0, 8, count=2))
    assert (len(one.mentions), one.count) == (3, 3)


@pytest.mark.parametrize(
    ("ana", "bea", "expected"), [(0.2, 0.7, 0.7), (0.7, None, 0.7), (None, None, None)]
)
def test_salience_and_confidence_are_the_highest(
    ana: float | None, bea: float | None, expected: float | None
) -> None:
    one = joined(
        entity(ANA, 0, salience=ana, confidence=ana), entity(BEA, 8, salience=bea, confidence=bea)
    )
    assert (one.salience, one.confidence) == (expected, expected)


def test_name_and_type_are_the_targets_where_it_has_some() -> None:
    one = joined(entity(ANA, 0), target=Target("wd:Q5", "Anastasia", "ORG", wikidata="Q5"))
    assert (one.key, one.name, one.type) == ("wd:Q5", "Anastasia", "ORG")
    assert (one.wikidata, one.link_confidence) == ("Q5", 1.0)
    bare = joined(entity(ANA, 0), target=Target("xyz"))
    assert (bare.key, bare.name, bare.type) == ("xyz", "Ana", "PERSON")
    assert (bare.wikidata, bare.link_confidence) == (None, None)


def test_links_of_a_part_stay_where_the_target_has_none() -> None:
    one = joined(entity(ANA, 0, geonames="12", link_confidence=0.5), entity(BEA, 8))
    assert (one.geonames, one.link_confidence) == ("12", 1.0)


def test_what_enrichment_linked_itself_keeps_its_confidence() -> None:
    target = Target("wd:Q5", "Anastasia", "PERSON", wikidata="Q5")
    own = entity("wd:Q5", 8, wikidata="Q5", link_confidence=0.8)
    assert joined(entity(ANA, 0), own, target=target).link_confidence == 0.8


def test_relations_are_united_and_none_leads_to_itself() -> None:
    def related(key: str) -> Relation:
        return Relation(kind="part_of", key=key, name=key)

    one = joined(
        entity(ANA, 0, relations=(related(BEA), related("wd:Q1"), related("wd:Q2"))),
        entity(BEA, 8, relations=(related("wd:Q1"), related(ANA))),
    )
    assert [relation.key for relation in one.relations] == ["wd:Q1", "wd:Q2"]


def test_fields_of_a_later_release_and_values_stay() -> None:
    day = DateValue(earliest=NOON.date(), latest=NOON.date(), precision="day")
    one = joined(entity(ANA, 0, date=day), entity(BEA, 8, later={"kept": 1}))
    assert one.date == day
    assert one.model_extra == {"later": {"kept": 1}}


def test_relations_of_others_follow() -> None:
    other = entity("person:dora", 0, relations=(Relation(kind="part_of", key=ANA, name="Ana"),))
    (shown,) = rekeyed(article(other), TO_BEA).entities
    assert [(r.key, r.name) for r in shown.relations] == [(BEA, "Bea")]


# --- What is refused --------------------------------------------------------------------------


def test_what_a_merge_changes_follows_from_where_both_are() -> None:
    roots = {"a": "c", "b": "c"}

    def root_of(key: str) -> str:
        return roots.get(key, key)

    assert check_merge("x", "a", root_of)
    assert not check_merge("a", "c", root_of)
    assert not check_merge("a", "b", root_of)
    for key, into in (("a", "a"), ("a", "x"), ("c", "a"), ("c", "c")):
        with pytest.raises(Refused):
            check_merge(key, into, root_of)


def test_types_that_nobody_knows_are_no_reason() -> None:
    check_types("a", None, "b", "ORG")
    check_types("a", "ORG", "b", None)
    check_types("a", "ORG", "b", "ORG")
    with pytest.raises(Refused, match="'a' is of type ORG, 'b' of type GPE"):
        check_types("a", "ORG", "b", "GPE")


def test_an_unknown_key_is_refused_with_what_may_be_meant() -> None:
    assert "did you mean 'b' or 'c'?" in str(unknown("a", ["b", "c"]))
    assert "did you mean" not in str(unknown("a", []))
