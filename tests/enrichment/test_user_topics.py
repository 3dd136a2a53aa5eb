"""A desk's own topics: found by words, phrases and examples; read again when the file changes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from schemas.article import Language
from services.bus.errors import StopWorking
from services.enrichment.annotators.base import Block, Draft
from services.enrichment.annotators.topics import TopicTagger
from services.enrichment.annotators.user_topics import MOST_EVIDENCE, UserTopics, tokens
from services.enrichment.annotators.user_topics_file import (
    MOST_CUES,
    MOST_TOPICS,
    UserTopicsError,
    parse,
)
from services.enrichment.registry import build_annotators
from services.settings import Settings
from tests.factories import make_raw

if TYPE_CHECKING:
    from pathlib import Path

PORTS = """
ports:
  name: Ports and harbours
  words: {harbour: 2, quay: 1}
  phrases: [container terminal]
  broader: medtop:04000000
"""
HARBOUR = "A new quay for the old harbour. The harbour will get a container terminal next spring."
OTHER = "The choir sang in the old hall, and everybody stayed for the last song of the evening."
EXAMPLES = """
dredging:
  examples:
    - The dredger deepened the fairway so that larger container ships reach the port.
    - A deeper shipping channel lets bigger vessels call at the harbour, the pilots said.
    - Sand was dredged from the river mouth to keep the fairway open for freighters.
"""


def known(code: str) -> bool:
    return code == "medtop:04000000"


def found(yaml: str, text: str) -> dict[str, float]:
    topics = UserTopics.of(parse(yaml.encode(), "own.yaml", known), "0" * 64, lambda _: {})
    return {one.topic.code: one.score for one in topics.find(text, {})}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "own.yaml"
    file.write_text(PORTS)
    return file


def tagged(tagger: TopicTagger, text: str, language: str = "en") -> Block:
    one = Draft(make_raw(text=text), language=Language(code=language, confidence=1))
    return tagger.annotate([one])[0]


def own(block: Block) -> list[str]:
    return [topic.code for topic in block.topics if topic.assigned_by == "user"]


# --- Words and phrases ------------------------------------------------------------------------


def test_words_and_phrases_make_a_topic() -> None:
    assert set(found(PORTS, HARBOUR)) == {"user:ports"}
    assert found(PORTS, OTHER) == {}


def test_heavier_words_and_more_of_them_score_higher() -> None:
    scores = [
        found(PORTS + "  threshold: 0.01\n", f"{'word ' * 20}{text}")["user:ports"]
        for text in ("a quay", "the harbour", "the harbour and its quay", "harbour, quay, harbour")
    ]
    assert scores == sorted(scores)
    assert len(set(scores)) == len(scores)


def test_a_word_in_the_headline_counts_more() -> None:
    loose = PORTS + "  threshold: 0.01\n"
    first = found(loose, "A quay " + "word " * 20)["user:ports"]
    last = found(loose, "word " * 20 + "a quay")["user:ports"]
    assert first > last


def test_the_threshold_is_the_least_score() -> None:
    text = f"{'word ' * 20} a quay"
    assert found(PORTS, text) == {}
    assert found(PORTS + "  threshold: 0.2\n", text) != {}


def test_plurals_capitals_and_accents_are_the_same_word() -> None:
    assert found("a: {words: {café: 9}}", "Two CAFES") != {}
    assert found("a: {words: {quays: 9}}", "One quay") != {}


def test_words_of_any_script_and_numbers_are_words() -> None:
    assert found("a: {words: {порт: 9}}", "Новый ПОРТ открыт") != {}
    assert found("a: {phrases: {world cup 2030: 9}}", "The World Cup 2030 begins") != {}


def test_a_phrase_is_its_words_in_a_row() -> None:
    assert found("a: {phrases: {container terminal: 9}}", "a terminal for each container") == {}
    assert found("a: {phrases: {container terminal: 9}}", "two container-terminals") != {}


def test_a_part_of_a_word_is_no_word() -> None:
    assert found("a: {words: {port: 9}}", "The airport and the report") == {}


def test_topics_come_surest_first_and_then_as_in_the_file() -> None:
    yaml = "b: {words: {one: 5}}\na: {words: {one: 5}}\nc: {words: {one: 9}}"
    assert list(found(yaml, "one")) == ["user:c", "user:b", "user:a"]


@given(st.text(max_size=200))
def test_tokens_are_slices_of_the_text(text: str) -> None:
    for token in tokens(text):
        assert token.word
        assert text[token.start : token.end].isalnum()


def test_evidence_is_what_the_text_has_and_sums_to_one() -> None:
    topics = UserTopics.of(parse(PORTS.encode(), "own.yaml", known), "0" * 64, lambda _: {})
    (one,) = topics.find("The Harbours get a Container\nTerminal", {})
    assert [part.words for part in one.evidence] == ["Harbours", "Container Terminal"]
    assert sum(part.weight for part in one.evidence) == pytest.approx(1, abs=0.01)


def test_evidence_is_bounded() -> None:
    words = ", ".join(f"w{n}" for n in range(50))
    topics = UserTopics.of(parse(f"a: {{words: [{words}]}}".encode(), "", known), "", lambda _: {})
    (one,) = topics.find(words, {})
    assert len(one.evidence) == MOST_EVIDENCE


# --- Examples ---------------------------------------------------------------------------------


def test_a_few_examples_find_articles_like_them(path: Path) -> None:
    path.write_text(EXAMPLES)
    tagger = TopicTagger(path)
    like = "Dredgers clear the fairway. A dredger took sand from the channel; ships reach the port."
    block = tagged(tagger, like)
    assert own(block) == ["user:dredging"]
    (topic,) = (topic for topic in block.topics if topic.assigned_by == "user")
    assert topic.evidence[0].words == "like the examples"
    assert own(tagged(tagger, OTHER)) == []
    assert own(tagged(tagger, "Shares of banks fell as the central bank raised rates.")) == []


# --- In the block -----------------------------------------------------------------------------


def test_own_topics_stand_beside_the_model_s_and_imply_a_broader_one(path: Path) -> None:
    block = tagged(TopicTagger(path), HARBOUR)
    (topic,) = (topic for topic in block.topics if topic.code == "user:ports")
    assert (topic.name, topic.level) == ("Ports and harbours", None)
    assert "medtop:04000000" in {topic.code for topic in block.topics}
    assert len({topic.code for topic in block.topics}) == len(block.topics)
    assert block.maker is not None
    assert block.maker.annotator == "topics.linear+user"
    assert "; own " in (block.maker.knowledge_version or "")


def test_another_language_has_own_topics_and_says_why_no_more(path: Path) -> None:
    path.write_text("hafen: {words: {hafen: 5}}")
    block = tagged(TopicTagger(path), "Der Hafen wird tiefer.", "de")
    assert own(block) == ["user:hafen"]
    assert block.maker is not None
    assert (block.maker.annotator, block.maker.model) == ("topics.user", None)
    assert "no model for language 'de'" in (block.reason or "")


def test_the_registry_reads_the_file_of_the_settings(path: Path) -> None:
    settings = Settings(annotators=("topics",), user_topics_file=path)
    (tagger,) = build_annotators(settings)
    assert isinstance(tagger, TopicTagger)
    assert own(tagged(tagger, HARBOUR))[0] == "user:ports"


# --- Changes ----------------------------------------------------------------------------------


def change(path: Path, text: str, when: int) -> None:
    path.write_text(text)
    os.utime(path, ns=(when, when))


def test_a_changed_file_is_read_again(path: Path) -> None:
    tagger = TopicTagger(path)
    before = tagger.maker.knowledge_version
    change(path, "choirs: {words: {choir: 5}}", 1)
    assert own(tagged(tagger, OTHER)) == ["user:choirs"]
    assert own(tagged(tagger, HARBOUR)) == []
    assert tagger.maker.knowledge_version != before


def test_a_bad_change_keeps_the_old_topics_warns_once_and_is_said_in_the_block(path: Path) -> None:
    tagger = TopicTagger(path)
    change(path, "ports:\n  words: {harbour: heavy}", 1)
    with structlog.testing.capture_logs() as logs:
        blocks = [tagged(tagger, HARBOUR) for _ in range(3)]
    assert [log["event"] for log in logs] == ["topics.user_file_bad"]
    for block in blocks:
        assert "user:ports" in own(block)
        assert "those before the last change" in (block.reason or "")
        assert f"{path}:2:" in (block.reason or "")
    change(path, PORTS, 2)
    assert tagged(tagger, HARBOUR).reason is None


def test_a_file_that_is_gone_keeps_the_old_topics(path: Path) -> None:
    tagger = TopicTagger(path)
    path.unlink()
    block = tagged(tagger, HARBOUR)
    assert "user:ports" in own(block)
    assert "can't be read" in (block.reason or "")


# --- Faults -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("yaml", "line", "message"),
    [
        ("a: [", 1, "not valid YAML"),
        ("\n\na: {words: [b}", 3, "not valid YAML"),
        ("- a", 1, "an entry for each topic"),
        ("a: 1", 1, "must say its words or examples"),
        ("a: {}", 1, "must say its words or examples"),
        ("A b: {words: [c]}", 1, "name in codes"),
        ("a:\n  wrds: [c]", 2, "no field 'wrds'"),
        ("a:\n  name: b", 1, "needs words, phrases or examples"),
        ("a:\n  words: c", 2, "must be a list"),
        ("a:\n  words:\n    - ok\n    - '...'", 4, "a letter or a digit"),
        ("a:\n  words:\n    b: 1\n    c: much", 4, "a weight must be a number"),
        ("a:\n  words: {b: -1}", 2, "a weight must be a number"),
        ("a:\n  words: {b: .nan}", 2, "a weight must be a number"),
        ("a:\n  words: {b: 1, b: 2}", 2, "comes twice"),
        ("a: {words: [b]}\na: {words: [c]}", 2, "'a' comes twice"),
        ("a:\n  words: [b]\n  threshold: 2", 3, "threshold must be a number"),
        ("a:\n  words: [b]\n  broader: medtop:99", 3, "no Media Topic 'medtop:99'"),
        ("a:\n  examples: b", 2, "examples must be a list"),
        ("a:\n  examples: [[b]]", 2, "an example must be a text"),
        ("a:\n  name: [b]\n  words: [c]", 2, "name must be a text"),
        ("? [a]\n: {words: [b]}", 1, "must be a text"),
        ("a: {words: [\x07]}", 1, "not valid YAML"),
    ],
)
def test_each_fault_is_told_with_its_line(yaml: str, line: int, message: str) -> None:
    with pytest.raises(UserTopicsError, match=rf"^own.yaml:{line}: .*{message}"):
        parse(yaml.encode(), "own.yaml", known)


def test_too_many_of_anything_is_a_fault() -> None:
    topics = "\n".join(f"t{n}: {{words: [a]}}" for n in range(MOST_TOPICS + 1))
    words = ", ".join(f"w{n}" for n in range(MOST_CUES + 1))
    for yaml in (topics, f"a: {{words: [{words}]}}"):
        with pytest.raises(UserTopicsError, match="more than"):
            parse(yaml.encode(), "own.yaml", known)


def test_an_empty_file_has_no_topics() -> None:
    assert parse(b"# none yet\n", "own.yaml", known) == ()


@given(st.text(max_size=200))
def test_any_text_is_topics_or_a_fault_with_a_line(text: str) -> None:
    try:
        parse(text.encode("utf-8", "surrogatepass"), "own.yaml", known)
    except UserTopicsError as error:
        assert str(error).startswith("own.yaml:")  # noqa: PT017  (either way is right)


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\x00", b"a: 1"])
def test_a_bad_file_at_start_stops_the_process(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StopWorking, match=r"WIREDESK_USER_TOPICS_FILE: .*own.yaml:1: "):
        TopicTagger(path)


def test_a_missing_file_at_start_stops_the_process(tmp_path: Path) -> None:
    with pytest.raises(StopWorking, match=r"none.yaml: can't be read: No such file"):
        TopicTagger(tmp_path / "none.yaml")
