"""Small documents beside the articles, on every store."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tests.conformance.stores import version

if TYPE_CHECKING:
    from services.indexer.store.base import ArticleStore
    from tests.conformance.stores import Desk

ONE, OTHER = '{"n": 1}', '{"n": 2}'


def test_a_document_is_found_by_kind_and_name(store: ArticleStore) -> None:
    assert store.put("token", "ana", ONE)
    assert store.put("webhook", "ana", OTHER)
    assert dict(store.entries("token")) == {"ana": ONE}
    assert dict(store.entries("webhook")) == {"ana": OTHER}
    assert dict(store.entries("nothing")) == {}


def test_names_of_one_kind_are_unique(store: ArticleStore) -> None:
    assert store.put("token", "ana", ONE)
    assert not store.put("token", "ana", OTHER)
    assert dict(store.entries("token")) == {"ana": ONE}


def test_only_the_document_that_was_read_is_replaced(store: ArticleStore) -> None:
    store.put("token", "ana", ONE)
    assert store.put("token", "ana", OTHER, expected=ONE)
    assert not store.put("token", "ana", "late", expected=ONE)
    assert not store.put("token", "bea", ONE, expected=OTHER)
    assert dict(store.entries("token")) == {"ana": OTHER}


def test_what_is_removed_is_gone_and_may_come_again(store: ArticleStore) -> None:
    store.put("token", "ana", ONE)
    assert store.remove("token", "ana")
    assert not store.remove("token", "ana")
    assert not store.remove("token", "nobody")
    assert store.put("token", "ana", OTHER)
    assert dict(store.entries("token")) == {"ana": OTHER}


def test_documents_come_in_the_order_of_their_names(store: ArticleStore) -> None:
    for name in ("b", "Z", "é", "a", "10", "9"):
        store.put("token", name, ONE)
    assert list(store.entries("token")) == ["10", "9", "Z", "a", "b", "é"]


def test_any_text_is_kept_to_the_letter(store: ArticleStore) -> None:
    text = "'; DROP TABLE registry; -- 💥 \u202e\n" * 1000
    assert store.put("o'kind", 'a "name"', text)
    assert dict(store.entries("o'kind")) == {'a "name"': text}


def test_other_connections_see_it_and_articles_stay(place: Desk) -> None:
    one, other = place.open(), place.open()
    one.file([version()])
    one.put("token", "ana", ONE)
    assert dict(other.entries("token")) == {"ana": ONE}
    other.remove("token", "ana")
    assert dict(one.entries("token")) == {}
    assert one.count() == 1


def test_of_many_who_change_one_document_at_once_each_changes_the_others_work(place: Desk) -> None:
    """Counting up from several threads: with a lost change the sum would be too low."""
    place.open().put("count", "n", "0")
    stores = [place.open() for _ in range(3)]

    def count_up(store: ArticleStore) -> None:
        done = 0
        while done < 10:
            seen = store.entries("count")["n"]
            done += store.put("count", "n", str(int(seen) + 1), expected=seen)

    threads = [threading.Thread(target=count_up, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert stores[0].entries("count")["n"] == "30"
