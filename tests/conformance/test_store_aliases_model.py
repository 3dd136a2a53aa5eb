"""Any sequence of filings, merges and splits, on every store, against a plain dictionary."""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import strategies as st

from services.indexer.store.aliases import keys_in, rekeyed
from services.indexer.store.base import Query
from services.indexer.store.entities import Refused
from tests.conformance.stores import desk, naming, on_every_store
from tests.factories import article_id
from tests.schemas.strategies import ENRICHED_ARTICLES

if TYPE_CHECKING:
    from services.indexer.store.base import ArticleStore


KEYS = ["person:a", "person:b", "person:c", "person:d", "person:e"]
KEY = st.sampled_from(KEYS)
FILING = st.tuples(st.just("file"), st.integers(1, 4), st.lists(KEY, unique=True, max_size=3))
MERGE = st.tuples(st.just("merge"), KEY, KEY)
SPLIT = st.tuples(st.just("split"), KEY, KEY)
STEPS = st.lists(st.one_of(FILING, MERGE, MERGE, SPLIT), max_size=16)


@dataclass
class Model:
    """Who is who as an operator would write it down."""

    said: dict[str, str] = field(default_factory=dict)
    documents: dict[int, list[str]] = field(default_factory=dict)
    revisions: Counter[int] = field(default_factory=Counter)

    def root(self, key: str) -> str:
        while key in self.said:
            key = self.said[key]
        return key

    def shown(self, article: int) -> list[str]:
        return list(dict.fromkeys(self.root(key) for key in self.documents[article]))

    def showing(self, key: str) -> set[int]:
        return {number for number in self.documents if self.root(key) in self.shown(number)}

    def known(self, key: str) -> bool:
        spoken_of = {*self.said, *self.said.values()}
        return key in spoken_of or any(key in keys for keys in self.documents.values())

    def parts(self, key: str) -> set[str]:
        return {each for each in KEYS if key in self._way(each)}

    def _way(self, key: str) -> list[str]:
        way = [key]
        while way[-1] in self.said:
            way.append(self.said[way[-1]])
        return way

    def keyed_anew(self, keys: set[str]) -> int:
        return sum(not keys.isdisjoint(document) for document in self.documents.values())


def do(model: Model, store: ArticleStore, step: tuple[str, object, object]) -> None:
    """One step on both; what the store says of it must be what the model says."""
    what, one, two = step
    if what == "file":
        assert isinstance(one, int)
        assert isinstance(two, list)
        model.revisions[one] += 1
        model.documents[one] = two
        store.file([naming(one, *two, revision=model.revisions[one])])
        return
    assert isinstance(one, str)
    assert isinstance(two, str)
    if what == "split":
        split(model, store, one)
    else:
        merge(model, store, one, two)


def split(model: Model, store: ArticleStore, key: str) -> None:
    if not model.known(key):
        with pytest.raises(Refused):
            store.split(key)
        return
    change = store.split(key)
    if key not in model.said:
        assert change is None
        return
    parts = model.parts(key)
    del model.said[key]
    assert change is not None
    assert (set(change.keys), change.into) == (parts, key)
    assert change.articles == model.keyed_anew(parts)


def merge(model: Model, store: ArticleStore, key: str, into: str) -> None:
    held, end = model.root(key), model.root(into)
    refused = not (model.known(key) and model.known(into)) or key in {into, end}
    if refused or (held not in {key, end}):
        with pytest.raises(Refused):
            store.merge([key], into)
        return
    change = store.merge([key], into)
    if held == end:
        assert change is None
        return
    parts = model.parts(key)
    model.said[key] = into
    assert change is not None
    assert (set(change.keys), change.into) == (parts, end)
    assert change.articles == model.keyed_anew(parts)


def check(model: Model, store: ArticleStore) -> None:
    for number in model.documents:
        article = store.get(article_id(number))
        assert article is not None
        assert [entity.key for entity in article.entities] == model.shown(number)
    for key in KEYS:
        found = {hit.article_id for hit in store.search(Query(entity=key))}
        assert found == {article_id(number) for number in model.showing(key)}
        known = store.entity(key)
        assert (known is not None) == model.known(key)
        if known is not None:
            assert (known.key, known.articles) == (model.root(key), len(found))
            assert {*known.merged} == model.parts(known.key) - {known.key}
    assert {(a.key, a.target, a.root) for a in store.aliases()} == {
        (key, target, model.root(key)) for key, target in model.said.items()
    }


@on_every_store(examples=40, steps=STEPS)
def test_articles_searches_and_counts_are_those_of_the_model(
    name: str, steps: list[tuple[str, object, object]]
) -> None:
    model = Model()
    with tempfile.TemporaryDirectory() as folder, desk(name, Path(folder)) as place:
        store = place.open()
        for step in steps:
            do(model, store, step)
        check(model, store)


@on_every_store(examples=40, steps=STEPS)
def test_splitting_everything_brings_back_every_document(
    name: str, steps: list[tuple[str, object, object]]
) -> None:
    model = Model()
    with tempfile.TemporaryDirectory() as folder, desk(name, Path(folder)) as place:
        store = place.open()
        for step in steps:
            do(model, store, step)
        for key in KEYS:
            if key in model.said:
                split(model, store, key)
        assert store.aliases() == []
        for number, keys in model.documents.items():
            plain = naming(number, *keys, revision=model.revisions[number])
            assert store.get(article_id(number)) == plain


@on_every_store(examples=40, data=st.data(), article=ENRICHED_ARTICLES)
def test_whatever_the_schema_allows_survives_merges_of_its_entities(
    name: str, data: st.DataObject, article: object
) -> None:
    """Any key at all: nothing raises, what is shown is valid, and a split gives it back."""
    usable = article.model_copy(update={"status": "usable", "story": None})  # type: ignore[attr-defined]  # an article
    # One with a NUL in it is refused: what is named by it is filed all the same.
    keys = [key for key in keys_in(usable) if key.strip() == key != "" and "\0" not in key]
    with tempfile.TemporaryDirectory() as folder, desk(name, Path(folder)) as place:
        store = place.open()
        store.file([usable])
        merged = data.draw(st.sets(st.sampled_from(keys))) if keys else set()
        for key in sorted(merged):
            store.merge([key], "wd:Q184", force=True)
        held = store.get(usable.article_id)
        assert held is not None
        assert type(held).model_validate_json(held.model_dump_json()) == held
        assert rekeyed(held, {}) == held
        for key in sorted(merged):
            store.split(key)
        assert store.get(usable.article_id) == usable
