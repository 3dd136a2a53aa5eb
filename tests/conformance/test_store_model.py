"""Any sequence of filings, on every store, against rules written down once more.

The filings are few ids, revisions and contents, so that they collide all the
time.  A (drop, article) pair always means the same article, as it does in life.
"""

from __future__ import annotations

import itertools
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.indexer.store.base import BadQuery, Query
from tests.conformance.stores import FEWER, STORES, desk, on_every_store, version
from tests.factories import at
from tests.schemas.strategies import ENRICHED_ARTICLES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from schemas.article import EnrichedArticle
    from services.indexer.store.base import ArticleStore


FILINGS = st.lists(
    st.builds(
        lambda article, revision, content, received, withdrawn: (
            article,
            revision,
            content,
            received,
            withdrawn,
        ),
        st.integers(1, 3),
        st.integers(1, 3),
        st.sampled_from(["red", "green", "blue"]),
        st.integers(0, 1),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=14,
)


@st.composite
def sequences(draw: st.DrawFn) -> list[EnrichedArticle]:
    """Filings in the order of their drops, some of them again later."""
    made = [
        version(article, revision, content, drop=number, received=received, withdrawn=withdrawn)
        for number, (article, revision, content, received, withdrawn) in enumerate(draw(FILINGS))
    ]
    again = draw(st.lists(st.sampled_from(made), max_size=4)) if made else []
    for article in again:
        made.insert(draw(st.integers(0, len(made))), article)
    return made


@st.composite
def split(draw: st.DrawFn, articles: Sequence[EnrichedArticle]) -> list[Sequence[EnrichedArticle]]:
    """``articles`` as consecutive batches."""
    cuts = sorted(draw(st.sets(st.integers(0, len(articles)))) | {0, len(articles)})
    return [articles[a:b] for a, b in itertools.pairwise(cuts)]


@dataclass
class Model:
    """What should be in the store, in the plainest way to say it.

    ``latest`` is the latest version of each id; ``queue`` holds, for each
    content, the ids whose latest version has it, in the order in which they
    came to it.  The first of a queue is live, the others are its duplicates.
    """

    latest: dict[UUID, EnrichedArticle] = field(default_factory=dict)
    queue: dict[str, list[UUID]] = field(default_factory=dict)
    reported: dict[tuple[UUID, UUID], tuple[str, UUID | None, int | None]] = field(
        default_factory=dict
    )

    def file(self, article: EnrichedArticle) -> tuple[str, UUID | None, int | None]:
        pair = (article.drop.drop_id, article.article_id)
        if pair not in self.reported:
            self.reported[pair] = self._new(article)
        return self.reported[pair]

    def _new(self, article: EnrichedArticle) -> tuple[str, UUID | None, int | None]:
        name = article.article_id
        before = self.latest.get(name)
        if before is not None and order(article) < order(before):
            return ("superseded", None, before.revision)
        was_live = name in self.live()
        same = before is not None and before.content_hash == article.content_hash
        self.latest[name] = article
        if before is not None and not same and before.status == "usable":
            self.queue[before.content_hash].remove(name)
        if article.status == "withdrawn":
            return ("withdrawn", None, None)
        queue = self.queue.setdefault(article.content_hash, [])
        if name not in queue:
            queue.append(name)
        if queue[0] != name:
            return ("duplicate", queue[0], None)
        if not was_live:
            return ("indexed", None, None)
        return ("unchanged" if same else "updated", None, None)

    def live(self) -> set[UUID]:
        return {queue[0] for queue in self.queue.values() if queue}


def order(article: EnrichedArticle) -> tuple[object, ...]:
    """All of these have version numbers; ``test_store_versions`` has those that don't."""
    withdrawn = article.status == "withdrawn"
    return (article.revision, withdrawn, article.drop.received_at, str(article.drop.drop_id))


def seen(store: ArticleStore, ids: set[UUID]) -> dict[str, object]:
    """All that a reader can see of the store, but for when it was filed."""
    return {
        "outcomes": [outcome.model_dump_json() for outcome in store.outcomes()],
        "articles": {name: store.get(name) for name in ids},
        "records": {name: store.record(name) for name in ids},
        "newest": store.search(Query()),
        "words": store.search(Query(words="quay")),
        "entity": store.search(Query(entity="Riverton")),
        "count": store.count(),
    }


@on_every_store(articles=sequences())
def test_outcomes_and_index_are_those_of_the_model(
    name: str, articles: list[EnrichedArticle]
) -> None:
    model = Model()
    with tempfile.TemporaryDirectory() as folder, desk(name, Path(folder)) as place:
        store = place.open()
        for article in articles:
            (outcome,) = store.file([article])
            assert (outcome.outcome, outcome.of, outcome.by_revision) == model.file(article)
        assert {hit.article_id for hit in store.search(Query())} == model.live()
        assert {hit.article_id for hit in store.search(Query(words="report"))} == model.live()
        assert store.count() == len(model.live())
        for article_id, latest in model.latest.items():
            withdrawn = latest.status == "withdrawn"
            assert store.get(article_id) == (None if withdrawn else latest)


@on_every_store(data=st.data(), articles=sequences())
def test_the_split_into_batches_makes_no_difference(
    name: str, data: st.DataObject, articles: list[EnrichedArticle]
) -> None:
    ids = {article.article_id for article in articles}
    results = []
    for batches in ([[article] for article in articles], data.draw(split(articles))):
        with tempfile.TemporaryDirectory() as folder, desk(name, Path(folder)) as place:
            store = place.open(clock=lambda: at(0))
            for batch in batches:
                store.file(batch)
            results.append(seen(store, ids))
    assert results[0] == results[1]


@on_every_store(data=st.data(), articles=sequences())
def test_filing_everything_again_in_any_order_changes_nothing(
    name: str, data: st.DataObject, articles: list[EnrichedArticle]
) -> None:
    ids = {article.article_id for article in articles}
    with tempfile.TemporaryDirectory() as folder, desk(name, Path(folder)) as place:
        store = place.open()
        store.file(articles)
        before = seen(store, ids)
        again = store.file(data.draw(st.permutations(articles)))
        assert seen(store, ids) == before
        kept = {outcome.model_dump_json() for outcome in store.outcomes()}
        assert {outcome.model_dump_json() for outcome in again} == kept


@on_every_store(data=st.data(), articles=sequences())
def test_whatever_order_versions_arrive_in_the_same_articles_are_current(
    name: str, data: st.DataObject, articles: list[EnrichedArticle]
) -> None:
    """Outcomes tell the order; what is held, and which contents are found, doesn't."""
    results = []
    for order_of_arrival in (articles, data.draw(st.permutations(articles))):
        with tempfile.TemporaryDirectory() as folder, desk(name, Path(folder)) as place:
            store = place.open()
            store.file(order_of_arrival)
            ids = {article.article_id for article in articles}
            contents = sorted(hit.headline or "" for hit in store.search(Query()))
            results.append(({name: store.get(name) for name in ids}, contents))
    assert results[0] == results[1]


@on_every_store(articles=st.lists(ENRICHED_ARTICLES, max_size=4))
def test_whatever_the_schema_allows_is_filed_and_read_back(
    name: str, articles: list[EnrichedArticle]
) -> None:
    with tempfile.TemporaryDirectory() as folder, desk(name, Path(folder)) as place:
        store = place.open()
        for article in articles:
            (outcome,) = store.file([article])
            assert outcome.drop == article.drop
            assert outcome == store.outcome(article.drop.drop_id, article.article_id)
            if outcome.outcome in {"indexed", "updated", "duplicate"}:
                assert store.get(article.article_id) == article


@pytest.mark.parametrize("name", sorted(STORES))
def test_no_search_is_an_error(name: str, tmp_path: Path) -> None:
    """One store for all examples: the words are what is varied."""
    signs = [*"\"*():^-+{}',;%[]\\ é\0\ud800\u202e"]
    syntax = st.sampled_from([*signs, " ", "AND", "OR", "NOT", "NEAR", "quay", "headline"])
    text = st.none() | st.lists(syntax, max_size=12).map("".join) | st.text(max_size=20)

    with desk(name, tmp_path) as place:
        store = place.open()
        store.file([version()])

        @settings(max_examples=400 if name == "sqlite" else 400 // FEWER, deadline=None)
        @given(words=text, entity=text, topic=text, language=text, limit=st.integers())
        def search(
            words: str | None,
            entity: str | None,
            topic: str | None,
            language: str | None,
            limit: int,
        ) -> None:
            with suppress(BadQuery):
                found = store.search(Query(words, None, None, None, limit))
                assert len(found) in {0, 1}
                store.search(Query(words, entity, topic, language, limit))
            assert len(store.resolve(words or "")) in {0, 1}

        search()
        for words in ('"' * 9999, "quay " * 9999, "*" * 9999, '"quay" ' * 999, "(" * 9999):
            with suppress(BadQuery):
                store.search(Query(words=words))
