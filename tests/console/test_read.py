"""``wiredesk search`` and ``show``: what a person sees, whatever the articles hold."""

from __future__ import annotations

import io
import json
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from schemas.annotations import (
    DateValue,
    MoneyValue,
    NearDuplicate,
    Quote,
    ReadingTime,
    StoryRef,
    Summary,
)
from schemas.article import Picture, Place, Rights, Subject
from services.console.read import NotFound, find_article, search, show
from services.indexer.store.base import Query
from services.indexer.store.sqlite import SqliteStore
from tests.conformance.stores import version
from tests.factories import article_id, at, make_enriched, make_entity, make_provenance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from schemas.article import EnrichedArticle

# Clears the screen, hides what follows, turns text around, closes a bold that rich opened,
# makes a link, and pretends to be a line of the list.
HOSTILE = (
    "\x1b[2J\x1b[8m\x9b31m\u202etxet\u202c\u2066[/bold][red]Forged[/red]"
    "[link=https://evil.example]here[/link]\r\n2026-01-01 00:00\x07\x7f\u200b"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with SqliteStore(tmp_path / "store.sqlite3", clock=lambda: at(60)) as opened:
        yield opened


def terminal(width: int = 200) -> Console:
    """A terminal with colours that can be read afterwards."""
    return Console(
        file=io.StringIO(), width=width, force_terminal=True, color_system="truecolor", record=True
    )


def printed(console: Console) -> str:
    """What was printed, without the styles that we asked for ourselves."""
    return console.export_text(clear=False, styles=False)


def raw(console: Console) -> str:
    """What the terminal got, byte for byte."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def searched(store: SqliteStore, **query: Any) -> str:
    console = terminal()
    search(store, Query(**query), console)
    return printed(console)


def shown(store: SqliteStore, number: int = 1) -> str:
    console = terminal()
    assert show(store, article_id(number), console)
    return printed(console)


# --- search -----------------------------------------------------------------------------------


def test_a_hit_is_a_row_of_time_short_id_headline_and_snippet(store: SqliteStore) -> None:
    store.file([make_enriched()])
    (row,) = [line for line in searched(store, words="winter").splitlines() if "Harbour" in line]
    time, short_id, headline, snippet = row.split("   ", 3)
    assert time == "2026-03-02 10:00"
    assert short_id == str(article_id())[:8]
    assert headline == "Harbour of Riverton closes for repairs"
    assert "since the [winter] storms" in snippet


def test_an_article_without_a_date_is_listed_by_when_it_was_filed(store: SqliteStore) -> None:
    store.file([make_enriched(published_at=None, headline=None)])
    assert "2026-03-02 12:01" in searched(store)
    assert "(no headline)" in searched(store)


def test_the_number_of_hits_is_given_back(store: SqliteStore) -> None:
    store.file([version(1), version(2, content="second")])
    assert search(store, Query(words="quay"), terminal()) == 2
    assert search(store, Query(words="quay", limit=1), terminal()) == 1


def test_no_hit_is_said(store: SqliteStore) -> None:
    console = terminal()
    assert search(store, Query(words="nothing"), console) == 0
    assert printed(console).strip() == "nothing found"


def test_a_narrow_terminal_folds_and_loses_nothing(store: SqliteStore) -> None:
    store.file([make_enriched()])
    console = terminal(width=60)
    search(store, Query(), console)
    assert str(article_id())[:8] in printed(console)
    assert all(len(line) <= 60 for line in printed(console).splitlines())


def test_hits_as_json_hold_all_of_each(store: SqliteStore) -> None:
    store.file([make_enriched()])
    console = terminal(width=20)
    search(store, Query(words="winter"), console, as_json=True)
    (hit,) = json.loads(raw(console))
    assert hit["article_id"] == str(article_id())
    assert hit["headline"] == "Harbour of Riverton closes for repairs"
    assert (hit["published_at"], hit["filed_at"]) == (
        "2026-03-02T10:00:00Z",
        "2026-03-02T12:01:00Z",
    )
    assert "[winter]" in hit["snippet"]


def test_no_hit_as_json_is_an_empty_list(store: SqliteStore) -> None:
    console = terminal()
    search(store, Query(), console, as_json=True)
    assert json.loads(raw(console)) == []


# --- show -------------------------------------------------------------------------------------


def test_an_article_is_shown_with_all_that_is_known_of_it(store: SqliteStore) -> None:
    article = make_enriched(
        provenance=(
            make_provenance("entities", model="en_core_web_sm", model_version="3.8.0"),
            make_provenance("topics", status="skipped", reason="no model for 'pl'"),
        )
    )
    store.file([article])
    text = shown(store)
    assert text.startswith("Harbour of Riverton closes for repairs\n")
    for expected in (
        str(article.article_id),
        "found by searches",
        f"{article.revision} (received)",
        "2026-03-02 10:00",
        "en (0.99)",
        "Ivo Marin",
        "RIVERTON",
        "https://news.example/riverton-harbour",
        "Photo: City of Riverton",
        "riverton.txt, record 1",
        "Ferries stop for nine days.",
        "The Riverton Port Authority expects ferries",
        "For more, visit our front page.",
        "en_core_web_sm 3.8.0",
        "skipped: no model for 'pl'",
    ):
        assert expected in text


def test_entities_come_by_mentions_and_topics_by_score(store: SqliteStore) -> None:
    article = make_enriched()
    (topic,) = article.topics
    low = topic.model_copy(update={"code": "medtop:1", "name": "transport", "score": 0.2})
    store.file([make_enriched(topics=(low, topic))])
    lines = [line.split() for line in shown(store).splitlines()]
    assert ["Riverton", "GPE", "3", "gpe:riverton"] in lines
    names = [line[0] for line in lines if "GPE" in line or "PERSON" in line or "ORG" in line]
    assert names == ["Riverton", "Ana", "Riverton"]
    assert [line[-2] for line in lines if line[-1:] == ["model"] and "medtop" in line[-3]] == [
        "0.81",
        "0.20",
    ]


def test_what_enrichment_says_of_the_whole_is_shown(store: SqliteStore) -> None:
    copy = NearDuplicate(
        article_id=article_id(5), share=0.934, direction="shortened", provider="Example Wire"
    )
    article = make_enriched(
        quotes=(
            Quote(start=0, end=7, text="Harbour", speaker_name="Ana Petrova", verb="said"),
            Quote(start=0, end=7, text="of Riverton"),
        ),
        summary=Summary(text="Ferries stop for nine days.", start=0, end=27),
        reading_time=ReadingTime(words=1712, seconds=425),
        near_duplicate_of=copy,
        near_duplicates=(copy,),
        story=StoryRef(id=article_id(7), articles=3, merged=(article_id(8),)),
    )
    store.file([article])
    lines = [" ".join(line.split()) for line in shown(store).splitlines()]
    told = f"{article_id(5)} (shortened, 93% in common, Example Wire)"
    for expected in (
        "reading time 7:05 min (1,712 words)",
        "summary Ferries stop for nine days.",
        f"story {article_id(7)} (article 3 of it, took in {article_id(8)})",
        f"copy of {told}",
        f"alike {told}",
        "Ana Petrova said Harbour",
        "– – of Riverton",
    ):
        assert expected in lines


def test_the_most_salient_entity_comes_first_with_counts_and_values(store: SqliteStore) -> None:
    text = "Ana Petrova, Riverton, Riverton, Monday, $3.5 billion"
    day = DateValue(earliest=at(0).date(), latest=at(0).date(), precision="day")
    since = day.model_copy(update={"latest": at(86400).date(), "precision": "range"})
    money = MoneyValue(amount=3.5e9, currency="USD", about=True)
    store.file(
        [
            make_enriched(
                text=text,
                entities=(
                    make_entity(text, "Riverton", "GPE").model_copy(update={"salience": 0.2}),
                    make_entity(text, "Ana Petrova", "PERSON").model_copy(
                        update={"salience": 0.7, "count": 1250}
                    ),
                    make_entity(text, "Monday", "DATE").model_copy(update={"date": day}),
                    make_entity(text, ", Monday", "DATE").model_copy(update={"date": since}),
                    make_entity(text, "$3.5 billion", "MONEY").model_copy(update={"money": money}),
                ),
            )
        ]
    )
    lines = [" ".join(line.split()) for line in shown(store).splitlines()]
    (start,) = [n for n, line in enumerate(lines) if line.startswith("Ana Petrova PERSON")]
    assert lines[start] == "Ana Petrova PERSON 1250 0.70 person:ana petrova"
    assert lines[start + 1] == "Riverton GPE 2 0.20 gpe:riverton"
    values = {line.rpartition("date:")[2] or line for line in lines[start + 2 : start + 5]}
    assert any(line.endswith("about 3,500,000,000 USD") for line in values)
    assert any(line.endswith("monday 2026-03-02") for line in values)
    assert any(line.endswith("2026-03-02 to 2026-03-03") for line in values)


def test_an_article_without_extras_has_no_empty_tables(store: SqliteStore) -> None:
    store.file([make_enriched(entities=(), topics=(), set_apart=(), provenance=(), authors=())])
    text = shown(store)
    for title in ("Entities", "Topics", "Quotes", "Set apart", "Provenance", "authors"):
        assert title not in text
    assert "Versions" in text


def test_versions_are_listed_oldest_first(store: SqliteStore) -> None:
    store.file([version(revision=1), version(revision=2, content="second")])
    lines = shown(store).splitlines()
    assert [line.split()[0] for line in lines[-2:]] == ["1", "2"]
    assert lines[-1].endswith("Quay second")


def test_a_withdrawn_article_shows_that_and_its_versions_but_no_text(store: SqliteStore) -> None:
    store.file([version(revision=1), version(revision=2, withdrawn=True)])
    text = shown(store)
    assert "withdrawn by its provider" in text
    assert "report from Riverton" not in text
    assert text.splitlines()[-1].rstrip().endswith("– withdrawn")


def test_a_duplicate_says_of_which(store: SqliteStore) -> None:
    store.file([version(1), version(2)])
    assert f"duplicate of {article_id(1)}" in shown(store, 2)


def test_an_unknown_article_is_false_and_prints_nothing(store: SqliteStore) -> None:
    console = terminal()
    assert not show(store, article_id(), console)
    assert raw(console) == ""


def test_an_article_as_json_is_whole(store: SqliteStore) -> None:
    article = make_enriched(headline="Zażółć \u2028 gęślą")
    store.file([article])
    console = terminal(width=20)
    assert show(store, article.article_id, console, as_json=True)
    document = json.loads(raw(console))
    assert type(article).model_validate(document["article"]) == article
    assert (document["state"], document["duplicate_of"]) == ("live", None)
    assert document["versions"][0]["received_at"] == "2026-03-02T12:00:00Z"


def test_a_withdrawn_article_as_json_is_null_with_its_versions(store: SqliteStore) -> None:
    store.file([version(revision=2, withdrawn=True)])
    console = terminal()
    show(store, article_id(), console, as_json=True)
    document = json.loads(raw(console))
    assert document["article"] is None
    assert [v["withdrawn"] for v in document["versions"]] == [True]


# --- Ids --------------------------------------------------------------------------------------


def test_an_id_may_be_given_by_its_first_characters(store: SqliteStore) -> None:
    store.file([version(n, content=str(n)) for n in range(1, 20)])
    assert find_article(store, str(article_id(5))[:8]) == article_id(5)
    console = terminal()
    assert show(store, str(article_id(5))[:8], console)
    assert str(article_id(5)) in printed(console)


def test_characters_that_mean_several_articles_name_them(store: SqliteStore) -> None:
    store.file([version(n, content=str(n)) for n in range(1, 400)])
    with pytest.raises(NotFound, match="more than one") as error:
        find_article(store, str(article_id(5))[:1])
    assert str(error.value).endswith(", …")
    assert str(error.value).count(", ") == 10


@pytest.mark.parametrize("text", ["ffffffff", "", " ", "not an id", "\x1b[2J"])
def test_characters_that_mean_none_say_so(store: SqliteStore, text: str) -> None:
    store.file([version(1)])
    with pytest.raises(NotFound, match="no article") as error:
        find_article(store, text)
    assert "\x1b" not in str(error.value)


# --- Hostile content --------------------------------------------------------------------------


def hostile_article(text: str = HOSTILE) -> EnrichedArticle:
    """An article that has ``text`` wherever an article can have any."""
    article = make_enriched(text=f"winter {text}", headline=f"winter {text}")
    entity = make_entity("x", "x", "ORG").model_copy(update={"name": text, "key": text})
    return article.model_copy(
        update={
            "drop": article.drop.model_copy(update={"file": text, "locator": text}),
            "reader": article.reader.model_copy(update={"warnings": (text,), "format": text}),
            "authors": (text,),
            "credits": (text,),
            "entities": (entity,),
            "topics": (article.topics[0].model_copy(update={"name": text, "code": text}),),
            "set_apart": (article.set_apart[0].model_copy(update={"text": text}),),
            "provenance": (
                make_provenance(text, status="failed", reason=text, annotator=text, model=text),
            ),
            "detected_language": article.detected_language.model_copy(update={"code": text}),
        }
        | {
            "keywords": (text,),
            "subjects": (Subject(code=text, name=text, scheme=text),),
            "places": (Place(name=text, code=text, scheme=text),),
            "pictures": (Picture(caption=text, credit=text, url=text),),
            "rights": Rights(holder=text, notice=text, usage_terms=text),
            "quotes": (Quote(start=0, end=1, text=text, speaker_name=text, verb=text),),
            "summary": Summary(text=text, start=0, end=1),
            "near_duplicate_of": NearDuplicate(
                article_id=article_id(5), share=0.5, direction="same", provider=text
            ),
        }
        | dict.fromkeys(("dateline", "url", "provider", "provider_id", "language"), text)
        | dict.fromkeys(("byline", "section"), text)
    )


def assert_harmless(output: str) -> None:
    """Nothing that a terminal obeys: no control, formatting or invisible characters."""
    categories = {char: unicodedata.category(char) for char in set(output) - {"\n"}}
    assert [c for c, kind in categories.items() if kind[0] == "C" or kind in {"Zl", "Zp"}] == []


def all_views(store: SqliteStore) -> Iterator[Console]:
    # Without colours every control character in the output would be the article's.
    for as_json in (False, True):
        for query in (Query(), Query(words="winter")):
            console = Console(file=io.StringIO(), width=300, color_system=None)
            assert search(store, query, console, as_json=as_json) == 1
            yield console
        console = Console(file=io.StringIO(), width=300, color_system=None)
        assert show(store, article_id(), console, as_json=as_json)
        yield console


def test_nothing_that_an_article_holds_reaches_the_terminal_as_a_command(
    store: SqliteStore,
) -> None:
    store.file([hostile_article()])
    for console in all_views(store):
        assert_harmless(raw(console))


def test_markup_is_shown_as_it_is_written(store: SqliteStore) -> None:
    store.file([hostile_article("[red]not red[/red] [/] [bold")])
    for console in all_views(store):
        assert "[red]not red[/red] [/] [bold" in raw(console)
    on_terminal = terminal(300)
    show(store, article_id(), on_terminal)
    assert "\x1b[31m" not in raw(on_terminal)  # red is what we never ask for here


def test_a_headline_cant_pretend_to_be_another_row(store: SqliteStore) -> None:
    store.file([make_enriched(headline="Real\n2026-01-01 00:00   00000000   Forged")])
    lines = searched(store).splitlines()
    assert not any(line.startswith("2026-01-01") for line in lines)
    assert any("Real\\n2026-01-01" in line for line in lines)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1, max_size=30))
def test_any_text_is_harmless(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    with SqliteStore(tmp_path_factory.mktemp("store") / "store.sqlite3") as store:
        store.file([hostile_article(text)])
        for console in all_views(store):
            assert_harmless(raw(console))
