"""Topics that the provider gave: first, sure, under their names, and told from the model's."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.article import EnrichedArticle, Language, Subject
from services.enrichment.annotators import provider_topics
from services.enrichment.annotators.base import Block, Draft
from services.enrichment.knowledge import build_media_topics
from services.enrichment.pipeline import Enricher
from services.media_topics import MEDIA_TOPICS_FILE, MediaTopic, MediaTopics
from services.settings import Settings
from tests.enrichment.kit import annotator
from tests.factories import make_raw

if TYPE_CHECKING:
    from pathlib import Path

ENGLISH = Language(code="en", confidence=1.0)
MATCH = (
    "Late goal sends Rovers into the final. A header in the last minute gave Rovers a 2-1 win in "
    "the semi-final; the goalkeeper saved a penalty in the first half."
)
SPORT = "medtop:15000000"
"""What the model says of the match."""

SOCCER = "medtop:20001065"
"""What an editor would say: two levels below."""

RELIGION = "medtop:12000000"

VOCABULARY = MediaTopics.load()


def subjects(*codes: str) -> tuple[Subject, ...]:
    return tuple(Subject(code=code) for code in codes)


def tagged(text: str, *given: Subject, language: Language = ENGLISH) -> Block:
    draft = Draft(make_raw(text=text, subjects=given), language=language)
    return annotator("topics").annotate([draft])[0]


def brief(block: Block) -> list[tuple[str, str]]:
    """Codes and who gave them; what the model says narrower is another test's."""
    shown = (topic for topic in block.topics if topic.assigned_by != "model" or topic.level == 1)
    return [(topic.code, topic.assigned_by) for topic in shown]


# --- The block --------------------------------------------------------------------------------


def test_without_codes_the_model_speaks_alone() -> None:
    block = tagged(MATCH)
    assert brief(block) == [(SPORT, "model")]
    assert block.maker == annotator("topics").maker


def test_the_provider_s_codes_come_first_in_its_order_with_full_score() -> None:
    codes = (RELIGION, "medtop:20001135")
    block = tagged(MATCH, *subjects(*codes))
    assert brief(block) == [*((code, "provider") for code in codes), (SPORT, "model")]
    assert [topic.score for topic in block.topics[:2]] == [1.0, 1.0]
    assert block.topics[2].score < 1


def test_names_are_the_vocabulary_s_whatever_the_provider_s_language() -> None:
    (topic, *_) = tagged(MATCH, Subject(code=RELIGION, name="Religión")).topics
    assert topic.name == "religion"


def test_a_code_is_given_once() -> None:
    block = tagged(MATCH, *subjects(SPORT, SPORT, SOCCER, SPORT))
    assert brief(block) == [(SPORT, "provider"), (SOCCER, "provider")]


@pytest.mark.parametrize("code", [SPORT, SOCCER])
def test_what_the_provider_says_more_exactly_the_model_does_not_repeat(code: str) -> None:
    assert SPORT in VOCABULARY.lineage(code)
    assert brief(tagged(MATCH, *subjects(code))) == [(code, "provider")]


def test_a_code_that_the_vocabulary_lacks_is_kept_with_the_provider_s_name_or_none() -> None:
    new = Subject(code="medtop:29999998", name="asteroid mining")
    named, bare, *_ = tagged(MATCH, new, *subjects("medtop:29999999")).topics
    assert (named.name, bare.name) == ("asteroid mining", "medtop:29999999")


def test_a_retired_code_still_has_its_name_and_place() -> None:
    (topic,) = provider_topics.given(VOCABULARY, subjects("medtop:20000030"))
    assert topic.name == "music theater"
    assert list(VOCABULARY.lineage("medtop:20000030"))[-1] == "medtop:01000000"


def test_other_vocabularies_and_bare_names_are_no_topics() -> None:
    others = (*subjects("subj:04000000", "medtop:", "BIZ"), Subject(name="business"))
    assert brief(tagged(MATCH, *others)) == [(SPORT, "model")]


@pytest.mark.parametrize(
    ("text", "language", "why"),
    [
        ("Ein Tor in letzter Minute.", "de", "no model for language 'de'"),
        ("Rovers win", "en", "too little text to tell a subject"),
        ("", "en", "no text"),
        ("12 34", "und", "the language can't be told"),
    ],
)
def test_where_the_model_skips_the_provider_s_topics_are_there_and_the_reason_too(
    text: str, language: str, why: str
) -> None:
    code = Language(code=language, confidence=1.0)
    block = tagged(text, *subjects(SOCCER), language=code)
    assert block.status == "done"
    assert brief(block) == [(SOCCER, "provider")]
    assert block.reason is not None
    assert block.reason.endswith(why)
    assert tagged(text, language=code) == Block(status="skipped", reason=why)


# --- Provenance -------------------------------------------------------------------------------


def enriched(text: str, *codes: str) -> EnrichedArticle:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    enricher = Enricher(Settings(), annotators=[annotator("topics")], now=lambda: now)
    (article,) = enricher.enrich([make_raw(text=text, subjects=subjects(*codes))])
    assert isinstance(article, EnrichedArticle)
    return article


def test_provenance_says_who_was_asked() -> None:
    """So that "all made by an older model" finds no article that only its provider coded."""
    alone, both, provider = (
        enriched(MATCH).provenance[0],
        enriched(MATCH, SOCCER).provenance[0],
        enriched("Rovers win", SOCCER).provenance[0],
    )
    names = [block.annotator for block in (alone, both, provider)]
    assert names == ["topics.linear", "topics.provider+linear", "topics.provider"]
    assert alone.model_sha256 == both.model_sha256 is not None
    assert (provider.model, provider.model_sha256, provider.status) == (None, None, "done")
    assert both.knowledge_version == provider.knowledge_version == f"medtop {VOCABULARY.version}"
    assert provider.reason is not None


def test_an_enriched_article_says_of_each_topic_whose_it_is() -> None:
    article = enriched(MATCH, RELIGION)
    document = json.loads(article.model_dump_json())
    said = [(topic["assigned_by"], topic["level"]) for topic in document["topics"]]
    assert said[:2] == [("provider", 1), ("model", 1)]
    assert document["topics"][0]["evidence"] == [{"words": f"code: {RELIGION}", "weight": 1.0}]
    assert document["subjects"][0]["code"] == RELIGION


# --- Joining ----------------------------------------------------------------------------------

CODES = st.sampled_from(["medtop:04000000", SPORT, SOCCER, "medtop:29999999", "x:1"])


@given(st.lists(CODES, max_size=6))
def test_whatever_both_say_each_code_is_there_once_and_none_of_the_provider_s_is_lost(
    codes: list[str],
) -> None:
    topics = tagged(MATCH, *subjects(*codes)).topics
    said = [topic.code for topic in topics]
    assert len(set(said)) == len(said)
    given_codes = list(dict.fromkeys(code for code in codes if code.startswith("medtop:")))
    assert said[: len(given_codes)] == given_codes
    for topic in topics[len(given_codes) :]:
        assert not any(topic.code in VOCABULARY.lineage(code) for code in given_codes)


def test_levels_are_counted_from_the_top() -> None:
    assert [VOCABULARY.level(code) for code in (SPORT, "medtop:20000822", SOCCER)] == [1, 2, 3]
    assert VOCABULARY.level("medtop:29999999") is None
    assert not VOCABULARY.knows("medtop:29999999")


def test_a_vocabulary_that_goes_in_a_circle_ends() -> None:
    circle = MediaTopics({"a": MediaTopic("a", "b"), "b": MediaTopic("b", "a")}, "1")
    assert list(circle.lineage("a")) == ["a", "b"]


# --- The table and its script -----------------------------------------------------------------


def table() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(MEDIA_TOPICS_FILE.read_text("utf-8"))
    return loaded


def test_the_table_holds_the_whole_vocabulary_with_its_notice_and_no_definitions() -> None:
    rows = table()["topics"]
    assert len(rows) == len(VOCABULARY) == 1372
    assert all(set(row) == {"code", "name", "broader", "retired"} for row in rows)
    assert all(row["name"] for row in rows)
    assert sum(row["retired"] is not None for row in rows) == 270
    assert any("IPTC" in notice and "CC BY 4.0" in notice for notice in table()["notices"])


def test_every_code_leads_up_to_one_of_the_seventeen_subjects() -> None:
    tops = {list(VOCABULARY.lineage(row["code"]))[-1] for row in table()["topics"]}
    assert tops == {row["code"] for row in table()["topics"] if row["broader"] is None}
    assert len(tops) == 17


def test_the_model_s_names_are_the_vocabulary_s() -> None:
    topic, *_ = tagged(MATCH).topics
    assert VOCABULARY.name(topic.code) == topic.name


def concept(number: str, name: str | None, **more: Any) -> dict[str, Any]:
    label = {} if name is None else {"en-US": name}
    return {"qcode": f"medtop:{number}", "prefLabel": label, "definition": {"en-US": "…"}, **more}


def mapped(number: str, name: str, *levels: str, retired: str | None = None) -> dict[str, Any]:
    missing = float("nan")
    path = [f"medtop:{level}" for level in levels] + [missing] * (6 - len(levels))
    return {
        "Name (en-GB)": name,
        "NewsCode-QCode (flat)": f"medtop:{number}",
        "RetiredDate": retired or missing,
        **{f"Level{index}/NewsCode": code for index, code in enumerate(path, start=1)},
    }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A small vocabulary in both of the sources' shapes."""
    uri = "http://cv.example/mediatopic/"
    concepts = [
        concept("20000001", "colour", broader=[f"{uri}01000000"], retired="2020-02-03T12:00:00Z"),
        concept("01000000", None),
    ]
    scheme = {"dateReleased": "2023-03-31T12:00:00+00:00", "conceptSet": concepts}
    (tmp_path / "cptall-en-US.json").write_text(json.dumps(scheme))
    rows = [
        mapped("01000000", "arts", "01000000"),
        mapped("20000001", "colour (en-GB)", "01000000", "20000001"),
        mapped("20000002", "glass", "01000000", "20000001", "20000002"),
        mapped("02000000", "law", "02000000", retired="2023-10-24"),
    ]
    mapping = {row["NewsCode-QCode (flat)"]: row for row in rows}
    (tmp_path / "iptc_mapping_2023-10-24.json").write_text(json.dumps(mapping))
    return tmp_path


def test_the_script_joins_both_releases(data: Path) -> None:
    out = data / "topics.json"
    build_media_topics.main(["--data", str(data), "--out", str(out)])
    built = json.loads(out.read_text("utf-8"))
    assert [tuple(row.values()) for row in built["topics"]] == [
        ("medtop:01000000", "arts", None, None),
        ("medtop:02000000", "law", None, "2023-10-24"),
        ("medtop:20000001", "colour", "medtop:01000000", "2020-02-03"),
        ("medtop:20000002", "glass", "medtop:20000001", None),
    ]
    loaded = MediaTopics.load(out)
    assert (loaded.version, len(loaded)) == ("2023-03-31, 2023-10-24", 4)


def test_the_same_data_gives_the_same_bytes_a_line_for_each_topic(data: Path) -> None:
    one, two = (build_media_topics.to_text(build_media_topics.build(data)) for _ in range(2))
    assert one == two
    assert sum("medtop:" in line for line in one.splitlines()) == 4


def test_the_shipped_table_is_as_the_script_writes_it() -> None:
    assert build_media_topics.to_text(table()) == MEDIA_TOPICS_FILE.read_text("utf-8")
