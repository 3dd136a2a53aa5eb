"""``wiredesk explain``: what a person sees of an enriched article, whatever it holds."""

from __future__ import annotations

import io
import json
import unicodedata
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from schemas.annotations import (
    DateValue,
    Evidence,
    MoneyValue,
    NearDuplicate,
    Quote,
    ReadingTime,
    Relation,
    StoryRef,
    Summary,
)
from schemas.article import Entity, Mention, Topic
from services.bus.errors import StopWorking
from services.console.explain import NothingToExplain, explain
from services.console.explain_show import MOST_ROWS, show_explained
from services.console.explain_text import MAX_SHOWN, STYLES, places
from services.indexer.store.sqlite import SqliteStore
from services.settings import Settings
from tests.factories import NOON, article_id, make_enriched, make_provenance, mentions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from schemas.article import EnrichedArticle, EntityType, RawArticle

# Clears the screen, hides what follows, turns text around, closes a bold that rich opened,
# makes a link, and pretends to be a line of a table.
HOSTILE = (
    "\x1b[2J\x1b[8m\x9b31m\u202etxet\u202c[/bold][red]Forged[/red]"
    "[link=https://evil.example]here[/link]\r\nblock 0.0\x07\x7f\u200b"
)
TEXT = (
    "Mayor Ana Petrova of Riverton said on Monday: “The quay will cost us $3 million.” "
    "Norlandic engineers agreed."
)


def entity(words: str, kind: EntityType, **over: Any) -> Entity:
    """An entity that the text names by these words."""
    fields = {"key": f"{kind.lower()}:{words.lower()}", "name": words, "type": kind}
    return Entity.model_validate({**fields, "mentions": mentions(TEXT, words), **over})


def rich_article(**over: Any) -> EnrichedArticle:
    """An article in which every block has found something."""
    riverton = {"wikidata": "Q77", "geonames": "625", "link_confidence": 0.93}
    norland = Relation(kind="demonym_of", key="wd:Q9", name="Norland")
    monday = DateValue(
        earliest=date(2026, 3, 2), latest=date(2026, 3, 2), precision="day", relative_to=NOON
    )
    quay = TEXT.index("The quay")
    end = TEXT.index("”")
    fields: dict[str, Any] = {
        "text": TEXT,
        "entities": (
            entity("Ana Petrova", "PERSON", salience=0.9, confidence=0.95),
            entity("Riverton", "GPE", salience=0.4, **riverton),
            entity("Norlandic", "NORP", salience=0.1, relations=(norland,)),
            entity("Monday", "DATE", date=monday),
            entity("$3 million", "MONEY", money=MoneyValue(amount=3e6, currency="USD")),
        ),
        "topics": (
            Topic(
                code="medtop:04000000",
                name="economy",
                score=0.81,
                assigned_by="model",
                evidence=(Evidence(words="quay", weight=0.4), Evidence(words="cost", weight=0.2)),
            ),
        ),
        "quotes": (
            Quote(
                start=quay,
                end=end,
                text=TEXT[quay:end],
                speaker="person:ana petrova",
                speaker_name="Ana Petrova",
                verb="said",
            ),
        ),
        "summary": Summary(text=TEXT[end + 2 :], start=end + 2, end=len(TEXT)),
        "reading_time": ReadingTime(words=18, seconds=65),
        "provenance": (
            make_provenance("entities", duration_ms=12.25, model="en", model_version="3"),
            make_provenance("topics", status="failed", reason="ValueError: no file"),
            make_provenance("duplicates", status="skipped", reason="no index to look into"),
        ),
    }
    return make_enriched(**(fields | over))


def shown(article: EnrichedArticle, width: int = 120) -> str:
    """As it comes through a pipe."""
    output = io.StringIO()
    show_explained(article, Console(file=output, width=width, highlight=False))
    return output.getvalue()


def terminal(article: EnrichedArticle, width: int = 120, **over: Any) -> str:
    """What a colour terminal gets, byte for byte."""
    output = io.StringIO()
    options: dict[str, Any] = {
        "force_terminal": True,
        "color_system": "truecolor",
        "highlight": False,
    }
    show_explained(article, Console(file=output, width=width, **(options | over)))
    return output.getvalue()


def rows(article: EnrichedArticle, title: str) -> list[str]:
    """The rows of a table, white space squeezed."""
    lines = [" ".join(line.split()) for line in shown(article).split("\n")]
    start = lines.index(title) + 1
    stop = lines.index("", start) if "" in lines[start:] else len(lines)
    return [line for line in lines[start:stop] if not set(line) <= {"─"}]


# --- the text ---------------------------------------------------------------------------------


def test_through_a_pipe_entities_are_marked_by_their_type() -> None:
    text = " ".join(shown(rich_article()).split())
    assert "Mayor [Ana Petrova|PERSON] of [Riverton|GPE] said on [Monday|DATE]:" in text


@pytest.mark.parametrize("switch", [{"no_color": True}, {"color_system": None}])
def test_without_colours_they_are_too(switch: dict[str, Any]) -> None:
    out = terminal(rich_article(), **switch)
    assert "[Ana Petrova|PERSON]" in out
    assert "\x1b[38" not in out
    assert "\x1b[9" not in out


def test_the_environment_can_say_no_to_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert "[Riverton|GPE]" in terminal(rich_article())


def test_on_a_terminal_they_are_coloured_in_place_with_a_legend() -> None:
    out = terminal(rich_article())
    assert "\x1b[1;93mAna Petrova\x1b[0m of \x1b[1;92mRiverton\x1b[0m" in out
    assert "|PERSON]" not in out
    legend = next(line for line in out.split("\n") if "PERSON" in line and "MONEY" in line)
    assert "\x1b[1;93mPERSON" in legend
    assert "ORG" not in legend


def test_every_type_has_a_style_and_no_two_the_same() -> None:
    assert len(set(STYLES.values())) == len(STYLES) == 13


def test_of_entities_that_overlap_the_longest_is_marked() -> None:
    inner = entity("Petrova", "ORG")
    assert [(p.start, p.end, p.type) for p in places([inner, entity("Ana Petrova", "PERSON")])] == [
        (6, 17, "PERSON")
    ]


def test_a_mention_outside_the_text_marks_nothing() -> None:
    lost = Mention(start=10_000, end=10_010, text="x")
    assert "|ORG]" not in shown(
        rich_article(entities=(entity("Riverton", "ORG", mentions=(lost,)),))
    )


def test_a_very_long_text_is_cut_and_says_so() -> None:
    article = rich_article(text="word " * 10_000, entities=(), quotes=(), summary=None)
    out = shown(article)
    assert f"{50_000 - MAX_SHOWN:,} more characters" in out
    assert len(out) < 2 * MAX_SHOWN


# --- what was found -----------------------------------------------------------------------------


def test_what_it_is_stands_at_the_top() -> None:
    lines = [" ".join(line.split()) for line in shown(rich_article()).split("\n")]
    assert lines[0] == "Harbour of Riverton closes for repairs"
    assert "language en (0.99, declared as en)" in lines
    assert "published 2026-03-02 10:00 UTC" in lines
    assert "source Example Wire" in lines
    assert "reading time 1:05 min (18 words)" in lines


def test_entities_come_by_salience_with_links_and_how_sure_they_are() -> None:
    assert rows(rich_article(), "Entities") == [
        "entity type × salience sure link (how sure)",
        "Ana Petrova PERSON 1 0.90 0.95 person:ana petrova",
        "Riverton GPE 1 0.40 – Q77 · gn:625 (0.93)",
        "Norlandic NORP 1 0.10 – norp:norlandic",
    ]


def test_relations_name_the_other_entity() -> None:
    assert rows(rich_article(), "Relations")[1:] == ["Norlandic demonym of Norland (wd:Q9)"]


def test_dates_and_money_have_their_values() -> None:
    assert rows(rich_article(), "Dates and money")[1:] == [
        "Monday DATE 2026-03-02 2026-03-02 12:00",
        "$3 million MONEY 3,000,000 USD",
    ]


def test_a_date_that_could_not_be_resolved_says_so() -> None:
    article = rich_article(entities=(entity("Monday", "DATE"),))
    assert rows(article, "Dates and money")[1:] == ["Monday DATE not resolved"]


def test_topics_say_who_assigned_them_and_why() -> None:
    assert rows(rich_article(), "Topics")[1:] == [
        "economy medtop:04000000 0.81 model quay 0.40, cost 0.20"
    ]


def test_quotes_say_who_speaks() -> None:
    assert rows(rich_article(), "Quotes")[1:] == [
        "Ana Petrova said The quay will cost us $3 million."
    ]


def test_the_summary_is_marked_as_taken_from_the_text() -> None:
    assert rows(rich_article(), "Summary (extractive: a sentence of the text)") == [
        "Norlandic engineers agreed."
    ]


def test_kin_and_story_are_shown_where_they_are_known() -> None:
    other = NearDuplicate(article_id=article_id(2), share=0.93, direction="shortened")
    article = rich_article(
        near_duplicate_of=other,
        near_duplicates=(other,),
        story=StoryRef(id=UUID(int=5), articles=3),
    )
    assert rows(article, "Other articles") == [
        f"near-duplicate of {article_id(2)} (shortened, 93% in common)",
        f"story {UUID(int=5)} (article 3 of it)",
    ]


def test_kin_that_nobody_looked_for_is_not_none_found() -> None:
    blocks = rich_article().provenance
    looked = make_provenance("story")
    assert rows(rich_article(provenance=(*blocks, looked)), "Other articles") == [
        "near-duplicate of no index to look into",
        "story none found",
    ]
    assert rows(rich_article(provenance=()), "Other articles")[1] == "story not looked up"


def test_each_block_says_who_made_it_how_long_it_took_and_why_it_is_missing() -> None:
    assert rows(rich_article(), "Made by")[1:] == [
        "entities 12.2 test-entities 1; en 3",
        "topics 1.5 test-topics 1",
        "failed: ValueError: no file",
        "duplicates 1.5 test-duplicates 1",
        "skipped: no index to look into",
        "all 15.2",
    ]


def test_long_lists_are_cut_and_say_so() -> None:
    many = tuple(entity("Riverton", "ORG", key=f"org:{n}", name=f"R{n}") for n in range(50))
    assert rows(rich_article(entities=many), "Entities")[-1] == f"… and {50 - MOST_ROWS} more"


def test_what_is_not_there_is_left_out() -> None:
    bare = rich_article(
        headline=None, entities=(), topics=(), quotes=(), summary=None, reading_time=None
    )
    out = shown(bare)
    assert out.startswith("(no headline)")
    for title in ("Entities", "Relations", "Topics", "Quotes", "Summary", "Dates"):
        assert title not in out


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, shown(rich_article(), width).split("\n"))) <= width


# --- hostile content ------------------------------------------------------------------------------


def hostile_article(text: str) -> EnrichedArticle:
    mention = Mention(start=0, end=len(text), text=text)
    return rich_article(
        headline=text,
        provider=text,
        text=text,
        entities=(
            entity("x", "ORG", name=text, key=text, mentions=(mention,), relations=(
                Relation(kind="part_of", key=text, name=text),
            )),
            entity("x", "DATE", name=text, mentions=(mention,)),
        ),
        topics=(
            Topic(
                code=text,
                name=text,
                score=0.5,
                assigned_by="user",
                evidence=(Evidence(words=text, weight=1),),
            ),
        ),
        quotes=(Quote(start=0, end=1, text=text, speaker_name=text, verb=text),),
        summary=Summary(text=text, start=0, end=1),
        provenance=(make_provenance("entities", status="failed", reason=text, annotator=text),),
    )  # fmt: skip


def check_harmless(out: str) -> None:
    """Nothing but letters and line breaks; markup stands there as it was written."""
    unsafe = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert not [char for char in out if char != "\n" and unicodedata.category(char) in unsafe]


def test_hostile_content_is_shown_and_not_obeyed() -> None:
    out = shown(hostile_article(HOSTILE), width=400)
    check_harmless(out)
    assert "\\x1b[2J" in out
    assert "[red]Forged[/red]" in out
    assert "[link=https://evil.example]here[/link]" in out


def test_on_a_terminal_only_our_own_colours_are_sent() -> None:
    out = terminal(hostile_article(HOSTILE), width=400)
    assert "\x1b[2J" not in out
    assert "\x1b[8m" not in out
    assert "\x9b" not in out
    assert "\x1b]8" not in out  # a link
    assert "\u202e" not in out


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(min_size=1, max_size=60))
def test_any_content_can_be_shown(text: str) -> None:
    check_harmless(shown(hostile_article(text)))


# --- files and ids --------------------------------------------------------------------------


def enrich(articles: Sequence[RawArticle]) -> list[EnrichedArticle]:
    return [make_enriched(headline=a.headline, text=a.text, drop=a.drop) for a in articles]


def run(what: str | Path, desk: Path, **over: Any) -> tuple[bool, str]:
    output = io.StringIO()
    console = Console(file=output, width=100, highlight=False)
    options: dict[str, Any] = {"limit": 5, "as_json": False, "enrich": enrich}
    file = desk / what
    accepted = explain(str(what), file, Settings(inbox=desk / "inbox"), console, **(options | over))
    return accepted, output.getvalue()


STORY = "Harbour of Riverton closes\n\nMayor Ana Petrova closed the harbour on Monday.\n"


def test_a_file_is_read_as_ingest_reads_it(tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text(STORY)
    accepted, out = run("story.txt", tmp_path)
    assert accepted
    assert out.startswith("Harbour of Riverton closes\n")
    assert "[Ana Petrova|PERSON]" in out
    assert sorted(each.name for each in tmp_path.iterdir()) == ["story.txt"]


def records(folder: Path, *texts: str) -> str:
    lines = [json.dumps({"title": f"Story {n}", "text": text}) for n, text in enumerate(texts)]
    (folder / "dump.jsonl").write_text("\n".join(lines) + "\n")
    return "dump.jsonl"


LONG = "Mayor Ana Petrova closed the harbour of Riverton number {} on Monday for nine days."


def test_several_articles_of_a_file_are_shown_up_to_the_limit(tmp_path: Path) -> None:
    name = records(tmp_path, *(LONG.format(n) for n in range(4)))
    _, out = run(name, tmp_path, limit=2)
    assert "the first 2 of 4 articles (--limit)" in out
    assert "Story 0" in out
    assert "Story 1" in out
    assert "Story 2" not in out


def test_json_is_one_list_of_printable_characters(tmp_path: Path) -> None:
    name = records(tmp_path, *(LONG.format(f"“{n}” \x1b[2J") for n in range(3)))
    _, out = run(name, tmp_path, as_json=True)
    assert len(json.loads(out)) == 3
    assert out.strip().isprintable()
    assert out.isascii()


def test_a_file_without_an_article_says_why(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    with pytest.raises(NothingToExplain, match=r"^empty\.txt: .+"):
        run("empty.txt", tmp_path)
    (tmp_path / ".hidden").write_text(STORY)
    with pytest.raises(NothingToExplain, match="ignored: "):
        run(".hidden", tmp_path)


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(NothingToExplain, match=r"^no file 'gone\.txt'$"):
        run("gone.txt", tmp_path)


def test_the_beginning_of_an_id_shows_the_filed_article(tmp_path: Path) -> None:
    state = tmp_path / "inbox" / ".wiredesk"
    state.mkdir(parents=True)
    with SqliteStore(state / "store.sqlite3") as store:
        store.file([make_enriched()])
    accepted, out = run(str(article_id())[:8], tmp_path, enrich=None)
    assert accepted
    assert "[Riverton Port Authority|ORG]" in out
    with pytest.raises(NothingToExplain, match="no file 'ffff', and no article's id begins"):
        run("ffff", tmp_path)


def test_an_id_without_a_store_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(StopWorking, match="no store at"):
        run("ffff", tmp_path)


def test_a_missing_model_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "story.txt").write_text(STORY)
    monkeypatch.setenv("WIREDESK_SPACY_MODEL", "no_such_model")
    with pytest.raises(StopWorking, match="no_such_model"):
        run("story.txt", tmp_path, enrich=None)
