"""Who is who: what the ``EntityStore`` contract promises, on every store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from schemas.annotations import Quote, Relation
from services.indexer.store.base import Query
from services.indexer.store.entities import Refused
from tests.conformance.stores import Desk, done, found, naming, shown
from tests.factories import article_id, at, make_entity

if TYPE_CHECKING:
    from services.indexer.store.base import ArticleStore

A, B, C, D = "person:ana", "person:bea", "person:cleo", "person:dora"
BELARUS, BELARUSIA = "wd:Q184", "gpe:belarusia"

# --- Merging ----------------------------------------------------------------------------------


def test_articles_that_were_filed_show_the_key_that_holds(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, B), naming(3, D)])
    store.merge([A], B)
    assert (shown(store, 1), shown(store, 2), shown(store, 3)) == ([B], [B], [D])


def test_an_article_that_comes_later_with_the_old_key_is_filed_under_the_new(
    store: ArticleStore,
) -> None:
    store.file([naming(1, A), naming(2, B)])
    store.merge([A], B)
    store.file([naming(3, A)])
    assert shown(store, 3) == [B]
    assert set(found(store, entity=B)) == {article_id(1), article_id(2), article_id(3)}
    assert store.entity(B) == store.entity(A)


def test_a_merge_says_what_it_changed(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, A, D), naming(3, B), naming(4, C)])
    change = done(store.merge([A, C], B))
    assert (change.change, change.keys, change.into) == ("merged", (A, C), B)
    assert (change.name, change.articles) == ("Bea", 3)
    assert change.at == at(1001)  # the second look at the clock


def test_an_article_with_both_is_counted_once(store: ArticleStore) -> None:
    store.file([naming(1, A, B, C)])
    assert done(store.merge([A, B], C)).articles == 1


def test_the_merged_entity_is_shown_with_name_type_and_links_of_the_other(
    store: ArticleStore,
) -> None:
    store.file([naming(1, BELARUSIA), naming(2, BELARUS)])
    store.merge([BELARUSIA], BELARUS)
    held = store.get(article_id(1))
    assert held is not None
    (entity,) = held.entities
    assert (entity.key, entity.name, entity.type) == (BELARUS, "Q184", "GPE")
    assert (entity.wikidata, entity.iso_country, entity.link_confidence) == ("Q184", "BY", 1.0)
    assert [mention.text for mention in entity.mentions] == ["Belarusia"]


def test_two_entities_of_one_article_become_one_where_the_first_stood(
    store: ArticleStore,
) -> None:
    text = "Bea, Dora, Ana, Bea."
    names = {"Dora": D, "Ana": A, "Bea": B}
    entities = tuple(
        make_entity(text, name, "PERSON").model_copy(update={"count": 5, "salience": salience})
        for name, salience in zip(names, (0.1, 0.4, 0.2), strict=True)
    )
    store.file([naming(1, text=text, entities=entities)])
    store.merge([A], B)
    held = store.get(article_id(1))
    assert held is not None
    dora, bea = held.entities
    assert (dora.key, bea.key) == (D, B)
    assert [text[m.start : m.end] for m in bea.mentions] == ["Bea", "Ana", "Bea"]
    assert (bea.count, bea.salience) == (10, 0.4)


def test_speakers_and_relations_follow(store: ArticleStore) -> None:
    text = "Ana of Belarusia"
    relation = Relation(kind="part_of", key=BELARUSIA, name="Belarusia")
    ana = make_entity(text, "Ana", "PERSON").model_copy(update={"relations": (relation,)})
    quote = Quote(start=0, end=3, text="Ana", speaker=A, speaker_name="Ana")
    store.file(
        [
            naming(1, text=text, entities=(ana,), quotes=(quote,)),
            naming(2, B, BELARUS, BELARUSIA),
        ]
    )
    store.merge([A], B)
    store.merge([BELARUSIA], BELARUS)
    held = store.get(article_id(1))
    assert held is not None
    assert (held.quotes[0].speaker, held.quotes[0].speaker_name) == (B, "Bea")
    assert [(r.key, r.name) for r in held.entities[0].relations] == [(BELARUS, "Q184")]


def test_a_chain_leads_to_its_end(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, B), naming(3, C)])
    store.merge([A], B)
    change = done(store.merge([B], C))
    assert (change.keys, change.into, change.articles) == ((B, A), C, 2)
    assert shown(store, 1) == shown(store, 2) == [C]
    assert [(alias.key, alias.target, alias.root) for alias in store.aliases()] == [
        (A, B, C),
        (B, C, C),
    ]


def test_merging_into_a_merged_key_leads_to_the_end_too(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, B), naming(3, C)])
    store.merge([B], C)
    change = done(store.merge([A], B))
    assert (change.into, change.name) == (C, "Cleo")
    assert shown(store, 1) == [C]


def test_what_is_part_of_another_goes_with_it(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, B), naming(3, C)])
    store.merge([A], B)
    assert done(store.merge([A, B], C)).keys == (B, A)
    assert [alias.target for alias in store.aliases()] == [B, C]


@pytest.mark.parametrize("again", [[A], [A, A], [B, A]])
def test_what_holds_already_changes_nothing_and_is_told_to_nobody(
    store: ArticleStore, again: list[str]
) -> None:
    store.file([naming(1, A), naming(2, B), naming(3, C)])
    store.merge([A, B], C)
    before = (store.aliases(), store.pending_changes(), shown(store))
    assert store.merge(again, C) is None
    assert (store.aliases(), store.pending_changes(), shown(store)) == before


def test_keys_may_be_written_in_any_case_and_qids_bare(store: ArticleStore) -> None:
    store.file([naming(1, BELARUSIA), naming(2, BELARUS)])
    change = done(store.merge([" GPE:Belarusia "], "q184"))
    assert (change.keys, change.into) == ((BELARUSIA,), BELARUS)
    assert store.entity("Q184") == store.entity("WD:q184") == store.entity(BELARUS)


# --- What is refused --------------------------------------------------------------------------


def refusal(store: ArticleStore, *keys: str, into: str, force: bool = False) -> str:
    """Why a merge is refused; it leaves nothing behind."""
    before = (store.aliases(), store.pending_changes())
    with pytest.raises(Refused) as error:
        store.merge(keys, into, force=force)
    assert (store.aliases(), store.pending_changes()) == before
    return str(error.value)


@pytest.mark.parametrize("force", [False, True])
def test_no_entity_is_merged_into_itself(store: ArticleStore, force: bool) -> None:  # noqa: FBT001  (the case)
    store.file([naming(1, A)])
    assert "into itself" in refusal(store, A, into=A, force=force)


@pytest.mark.parametrize("force", [False, True])
def test_no_circle_is_closed(store: ArticleStore, force: bool) -> None:  # noqa: FBT001  (the case)
    store.file([naming(1, A), naming(2, B), naming(3, C)])
    store.merge([A], B)
    store.merge([B], C)
    said = refusal(store, C, into=A, force=force)
    assert f"'{A}' is part of '{C}' already; split '{A}' first" in said


def test_what_is_part_of_another_is_merged_elsewhere_only_after_a_split(
    store: ArticleStore,
) -> None:
    store.file([naming(1, A), naming(2, B), naming(3, C)])
    store.merge([A], B)
    assert f"'{A}' is part of '{B}' already; split '{A}' first" in refusal(store, A, into=C)
    store.split(A)
    assert done(store.merge([A], C)).articles == 1


def test_an_unknown_key_is_refused_with_one_that_may_be_meant(store: ArticleStore) -> None:
    store.file([naming(1, "person:ned price"), naming(2, "org:price council"), naming(3, B)])
    for typed in ("person:ned pric", "gpe:ned price", "person:ned prise"):
        said = refusal(store, typed, into=B)
        assert f"no article has the entity key '{typed}'; did you mean 'person:ned price'" in said
    assert "did you mean" not in refusal(store, B, into="xyz:unheard-of")


def test_an_unknown_key_is_taken_with_force(store: ArticleStore) -> None:
    store.file([naming(1, BELARUSIA)])
    change = done(store.merge([BELARUSIA], BELARUS, name="Belarus", force=True))
    assert (change.into, change.name) == (BELARUS, "Belarus")
    held = store.get(article_id(1))
    assert held is not None
    (entity,) = held.entities
    assert (entity.key, entity.name, entity.wikidata) == (BELARUS, "Belarus", "Q184")
    # And the other way round: articles with the key may come later.
    assert done(store.merge(["gpe:belorussia"], BELARUS, force=True)).articles == 0
    store.file([naming(2, "gpe:belorussia")])
    assert shown(store, 2) == [BELARUS]


def test_entities_of_different_types_are_merged_with_force_only(store: ArticleStore) -> None:
    store.file([naming(1, "org:ana"), naming(2, A)])
    said = refusal(store, "org:ana", into=A)
    assert f"'org:ana' is of type ORG, '{A}' of type PERSON" in said
    assert done(store.merge(["org:ana"], A, force=True)).articles == 1
    held = store.get(article_id(1))
    assert held is not None
    assert [(e.key, e.type) for e in held.entities] == [(A, "PERSON")]


def test_if_one_key_is_refused_none_is_merged(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, B), naming(3, "org:ana")])
    refusal(store, A, "org:ana", into=B)
    assert shown(store, 1) == [A]


@pytest.mark.parametrize("key", ["", " ", "\t"])
def test_an_empty_key_is_refused(store: ArticleStore, key: str) -> None:
    store.file([naming(1, A)])
    assert refusal(store, key, into=A, force=True)
    assert refusal(store, A, into=key, force=True)


# --- Splitting --------------------------------------------------------------------------------


def test_a_split_brings_back_exactly_what_was_there(store: ArticleStore) -> None:
    store.file([naming(1, A, B), naming(2, B), naming(3, A, D), naming(4, BELARUS, A)])
    ids = [article_id(n) for n in range(1, 5)]
    keys = (A, B, D, BELARUS)
    before = ([store.get(i) for i in ids], [store.entity(k) for k in keys])
    store.merge([A], B)
    store.merge([B], D)
    store.split(B)
    store.split(A)
    assert ([store.get(i) for i in ids], [store.entity(k) for k in keys]) == before
    assert store.aliases() == []


def test_a_split_says_what_it_changed(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, B), naming(3, A, B)])
    store.merge([A], B)
    change = done(store.split(A))
    assert (change.change, change.keys, change.into) == ("split", (A,), A)
    assert (change.name, change.articles) == ("Ana", 2)


def test_what_was_merged_into_the_split_one_stays_with_it(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, B), naming(3, C)])
    store.merge([B], C)
    store.merge([A], B)
    change = done(store.split(B))
    assert (change.keys, change.into, change.articles) == ((B, A), B, 2)
    assert (shown(store, 1), shown(store, 2), shown(store, 3)) == ([B], [B], [C])
    held = store.get(article_id(1))
    assert held is not None
    assert held.entities[0].name == "Bea"


def test_an_article_filed_after_the_merge_is_split_too(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, B)])
    store.merge([A], B)
    store.file([naming(3, A)])
    assert done(store.split(A)).articles == 2
    assert shown(store, 3) == [A]
    assert set(found(store, entity=A)) == {article_id(1), article_id(3)}


def test_a_split_of_what_is_part_of_no_other_changes_nothing(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, B)])
    store.merge([A], B)
    assert store.split(B) is None
    store.split(A)
    assert store.split(A) is None
    assert len(store.pending_changes()) == 2


def test_a_split_of_an_unknown_key_is_refused(store: ArticleStore) -> None:
    store.file([naming(1, "person:ned price")])
    with pytest.raises(Refused, match="did you mean 'person:ned price'"):
        store.split("person:ned prise")


# --- Names ------------------------------------------------------------------------------------


def test_a_name_can_mean_somebody_before_any_article_has_it(store: ArticleStore) -> None:
    store.file([naming(1, BELARUS)])
    change = done(store.alias("Bulba Land", ["gpe:bulba land"], BELARUS))
    assert (change.change, change.keys, change.into) == ("aliased", ("gpe:bulba land",), BELARUS)
    assert change.articles == 0
    store.file([naming(2, "gpe:bulba land")])
    assert shown(store, 2) == [BELARUS]
    (alias,) = store.aliases()
    assert (alias.name, alias.by_name, alias.at) == ("Bulba Land", True, at(1001))


def test_a_name_that_articles_have_is_keyed_anew(store: ArticleStore) -> None:
    store.file([naming(1, BELARUS), naming(2, BELARUSIA)])
    assert done(store.alias("Belarusia", [BELARUSIA], BELARUS)).articles == 1
    assert store.alias("Belarusia", [BELARUSIA], BELARUS) is None
    assert done(store.split(BELARUSIA)).articles == 1


def test_a_name_means_only_what_is_known_unless_forced(store: ArticleStore) -> None:
    with pytest.raises(Refused, match="wd:Q184"):
        store.alias("Belarusia", [BELARUSIA], BELARUS)
    assert done(store.alias("Belarusia", [BELARUSIA], BELARUS, force=True)).into == BELARUS
    store.file([naming(1, BELARUSIA)])
    assert shown(store, 1) == [BELARUS]


# --- Telling subscribers ----------------------------------------------------------------------


def test_changes_wait_in_their_order_until_they_are_published(place: Desk) -> None:
    store = place.open()
    store.file([naming(1, A), naming(2, B), naming(3, C)])
    changes = [done(store.merge([A], B)), done(store.split(A)), done(store.merge([A], C))]
    assert place.open().pending_changes() == changes
    assert store.pending_changes(limit=2) == changes[:2]
    store.mark_published([changes[1].change_id, changes[0].change_id])
    assert store.pending_changes() == changes[2:]
    store.mark_published([changes[0].change_id, changes[2].change_id])
    assert store.pending_changes() == []


def test_each_change_has_an_id_of_its_own(store: ArticleStore) -> None:
    store.file([naming(1, A), naming(2, B)])
    for _ in range(3):
        store.merge([A], B)
        store.split(A)
    assert len({change.change_id for change in store.pending_changes()}) == 6


# --- Two at once ------------------------------------------------------------------------------


def test_merges_from_another_connection_hold_for_what_is_being_filed(place: Desk) -> None:
    """An indexer files while an operator merges: no article keeps a key that is merged."""
    indexer, operator = place.open(), place.open()
    indexer.file([naming(1, A), naming(2, B)])
    batches = [[naming(10 + b * 5 + n, A) for n in range(5)] for b in range(20)]

    def write() -> None:
        for batch in batches:
            indexer.file(batch)

    thread = threading.Thread(target=write)
    thread.start()
    counted = 0
    while thread.is_alive():
        operator.merge([A], B)
        counted = done(operator.split(A)).articles
    thread.join()
    operator.merge([A], B)
    assert counted % 5 == 1  # whole batches, and the one that was there before
    assert len(operator.search(Query(entity=B, limit=1000))) == 102
    assert all(shown(operator, n) == [B] for n in range(10, 110))
