"""The measures behind the quality report, and the readers of the sets they are taken on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.enrichment.annotators.gazetteer import Gazetteer
from services.enrichment.annotators.recogniser import Found
from services.enrichment.quality import __main__ as command
from services.enrichment.quality import evalsets, people, report, spans
from services.enrichment.quality.detokenise import join
from services.enrichment.quality.evalsets import Marked
from services.enrichment.quality.metrics import (
    Counts,
    add,
    b_cubed,
    compare,
    expected_calibration_error,
    micro,
    reliability,
)
from tests.enrichment.kit import gazetteer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

# --- Spans ----------------------------------------------------------------------------------


def test_a_span_is_right_only_with_its_borders_and_its_type() -> None:
    gold = [(0, 3, "PER"), (5, 9, "ORG"), (12, 15, "LOC")]
    said = [(0, 3, "PER"), (5, 8, "ORG"), (12, 15, "PER")]
    counts = compare(gold, said)
    assert counts == {
        "LOC": Counts(missed=1),
        "ORG": Counts(wrong=1, missed=1),
        "PER": Counts(right=1, wrong=1),
    }
    assert micro(counts) == Counts(right=1, wrong=2, missed=2)


def test_precision_recall_and_f1() -> None:
    counts = Counts(right=6, wrong=2, missed=6)
    assert (counts.precision, counts.recall) == (0.75, 0.5)
    assert counts.f1 == pytest.approx(0.6)


def test_nothing_said_and_nothing_there_are_zero_and_no_error() -> None:
    assert (Counts().precision, Counts().recall, Counts().f1) == (0.0, 0.0, 0.0)


def test_counts_of_documents_add_up() -> None:
    assert add([{"A": Counts(1, 2, 3)}, {"A": Counts(1, 0, 0), "B": Counts(0, 1, 0)}]) == {
        "A": Counts(2, 2, 3),
        "B": Counts(0, 1, 0),
    }


SPAN = st.tuples(st.integers(0, 5), st.integers(6, 9), st.sampled_from("AB"))


@given(st.sets(SPAN), st.sets(SPAN))
def test_what_is_gold_on_one_side_is_said_on_the_other(
    one: set[tuple[int, int, str]], other: set[tuple[int, int, str]]
) -> None:
    there, back = micro(compare(one, other)), micro(compare(other, one))
    assert (there.right, there.wrong, there.missed) == (back.right, back.missed, back.wrong)
    assert micro(compare(one, one)).f1 == (1.0 if one else 0.0)


# --- Clusters -------------------------------------------------------------------------------


def test_b_cubed_of_the_textbook() -> None:
    """Bagga and Baldwin's example: two of three clusters put together."""
    gold = [1, 1, 1, 1, 1, 2, 2, 3, 3, 3, 3, 3]
    said = ["a"] * 5 + ["b"] * 7
    found = b_cubed(list(zip(gold, said, strict=True)))
    assert found.precision == pytest.approx(0.76, abs=0.005)
    assert found.recall == 1.0
    assert found.mentions == 12


def test_everybody_alone_is_precise_and_everybody_together_is_complete() -> None:
    people_of = ["a", "a", "b", "b"]
    alone = b_cubed([(who, number) for number, who in enumerate(people_of)])
    together = b_cubed([(who, 0) for who in people_of])
    assert (alone.precision, alone.recall) == (1.0, 0.5)
    assert (together.precision, together.recall) == (0.5, 1.0)
    assert b_cubed([]).f1 == 0.0


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
def test_b_cubed_is_the_mean_over_mentions(pairs: list[tuple[int, int]]) -> None:
    def precision(index: int) -> float:
        mine = [gold for gold, said in pairs if said == pairs[index][1]]
        return mine.count(pairs[index][0]) / len(mine)

    expected = sum(map(precision, range(len(pairs)))) / len(pairs)
    assert b_cubed(pairs).precision == pytest.approx(expected)


# --- Calibration ----------------------------------------------------------------------------


def test_scores_are_compared_with_the_share_that_is_right() -> None:
    low, high = reliability([(0.12, False), (0.18, True), (1.0, True)])
    assert (low.low, low.high, low.count, low.right) == (0.1, 0.2, 2, 1)
    assert low.mean == pytest.approx(0.15)
    assert low.share_right == 0.5
    assert (high.count, high.share_right) == (1, 1.0)
    assert expected_calibration_error([low, high]) == pytest.approx(2 / 3 * 0.35)
    assert expected_calibration_error([]) == 0.0


# --- Reading --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        ("He said , ( softly ) : no .", "He said, (softly): no."),
        ("It did n't , Ann 's dog .", "It didn't, Ann's dog."),
        ('She said " go " now', 'She said "go" now'),
        ("`` Go '' he said", '"Go" he said'),
        ("for $ 5 , or 3 %", "for $5, or 3%"),
        ("", ""),
    ],
)
def test_tokens_become_running_text(tokens: str, text: str) -> None:
    joined, places = join(tokens.split())
    assert joined == text
    assert len(places) == len(tokens.split())


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=5), max_size=30))
def test_each_token_stands_where_it_is_said_to(tokens: list[str]) -> None:
    text, places = join(tokens)
    marks = {"``": '"', "''": '"', "-LRB-": "(", "-RRB-": ")"}
    assert [text[start:end] for start, end in places] == [marks.get(t, t) for t in tokens]


WIKIGOLD = """0\tAna\tB-PER
1\tPetrova\tI-PER
2\tleft\tO
3\tRiverton\tB-LOC
4\tRovers\tB-ORG
5\t.\tO

0\t-DOCSTART-\tO

0\tShe\tO
1\tsang\tO
2\tHome\tB-MISC
"""


def test_wikigold_is_read_by_document_with_names_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "wikigold.conllu"
    path.write_text(WIKIGOLD)
    first, second = evalsets.wikigold(path)
    assert first.text == "Ana Petrova left Riverton Rovers."
    assert [(first.text[a:b], label) for a, b, label in first.spans] == [
        ("Ana Petrova", "PER"),
        ("Riverton", "LOC"),
        ("Rovers", "ORG"),
    ]
    assert second == Marked("She sang Home", ((9, 13, "MISC"),))


def test_an_inside_label_without_a_beginning_starts_a_name(tmp_path: Path) -> None:
    path = tmp_path / "wnut.conll"
    path.write_text("Ana\tI-person\nPetrova\tI-person\nRiverton\tI-location\n")
    (post,) = evalsets.wnut17(path)
    assert post.spans == ((0, 11, "person"), (12, 20, "location"))


LINKED = {
    "text": "Ana met Bo and Cy in Riverton",
    "labels": [
        {"span": [0, 3], "entity_id": "Q1", "type": "Q215627"},
        {"span": [8, 10], "entity_id": "<NIL>", "type": "Q215627"},
        {"span": [21, 29], "entity_id": "Q9", "type": "Q515"},
    ],
}


def test_of_a_linking_set_people_with_an_id_are_read(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps(LINKED) + "\n")
    (document,) = evalsets.linked_people(path)
    assert document.spans == ((0, 3, "PERSON"),)
    assert document.entities == ("Q1",)


def test_a_documents_part_stays_when_others_are_added() -> None:
    documents = [Marked(f"text {n}", ()) for n in range(40)]
    dev, test = evalsets.part(documents, "dev"), evalsets.part(documents, "test")
    assert len(dev) + len(test) == 40
    assert min(len(dev), len(test)) > 8
    assert evalsets.part(documents[:20], "dev") == dev[: len(evalsets.part(documents[:20], "dev"))]


# --- Measuring ------------------------------------------------------------------------------


class Scripted:
    """Sees what it was told to see."""

    def __init__(self, *found: Found) -> None:
        self._found = list(found)

    def find(self, texts: Sequence[str]) -> list[list[Found]]:
        return [list(self._found) for _ in texts]


def test_each_step_of_the_rules_is_measured() -> None:
    document = Marked(
        "The Ana Petrova left Belarus. Petrova sang.",
        ((4, 15, "PER"), (21, 28, "LOC"), (30, 37, "PER")),
    )
    seen = Scripted(Found(4, 15, "PERSON"), Found(21, 28, "ORG"))
    measured = spans.measure([document], seen, gazetteer(), spans.WIKIGOLD)
    f1 = {one.step: micro(one.counts).f1 for one in measured}
    assert list(f1) == list(spans.STEPS)
    assert f1["model alone"] == pytest.approx(0.4)
    assert f1["+ votes in the document"] == pytest.approx(0.4)
    assert f1["+ knowledge table"] == pytest.approx(0.8)
    assert f1["+ joining and linking (all)"] == 1.0


def test_what_a_set_does_not_mark_counts_for_nothing() -> None:
    document = Marked("Frub by Chinese", ((0, 4, "MISC"),))
    seen = Scripted(Found(0, 4, "WORK_OF_ART"), Found(8, 15, "NORP"))
    measured = spans.measure([document], seen, gazetteer(), spans.WIKIGOLD)
    assert all(not one.counts for one in measured)


def test_groups_and_corporations_are_one_type() -> None:
    document = Marked("Wobbly and Nobbly", ((0, 6, "corporation"), (11, 17, "group")))
    seen = Scripted(Found(0, 6, "ORG"), Found(11, 17, "ORG"))
    measured = spans.measure([document], seen, gazetteer(), spans.WNUT17)
    assert micro(measured[-1].counts).f1 == 1.0


def test_confidence_is_set_beside_what_is_right() -> None:
    document = Marked("Ana Petrova left.", ((0, 11, "PER"),))
    seen = Scripted(Found(0, 11, "PERSON"))
    ((score, right),) = spans.scored([document], seen, gazetteer(), spans.WIKIGOLD)
    assert right
    assert 0 < score < 1


def test_people_are_joined_within_and_across_documents() -> None:
    one = Marked(
        "Ana Petrova spoke. Petrova left.",
        ((0, 11, "PERSON"), (19, 26, "PERSON")),
        ("ana", "ana"),
    )
    two = Marked("Dr. Ana Petrova sang.", ((4, 15, "PERSON"),), ("ana",))
    three = Marked("Petrova ran.", ((0, 7, "PERSON"),), ("another",))
    measured = people.measure([one, two, three], gazetteer())
    assert measured.ours.f1 == 1.0
    assert measured.strings.precision < 1.0
    assert measured.strings.recall < 1.0


GOLD = """entities:
  - {type: PERSON, name: Ana Petrova, mentions: {Ana Petrova: 1, Petrova: 1}}
  - {type: PERSON, name: Bo, mentions: {Bo: 3}}
  - {type: GPE, name: Riverton, mentions: {Riverton: 1}}
"""


def test_golden_articles_give_people_where_their_names_stand(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Petrova, Ana Petrova and Bo of Riverton, Boston")
    (tmp_path / "a.gold.yaml").write_text(GOLD)
    (document,) = people.golden(tmp_path)
    # Bo is said to stand there three times and doesn't: none of them is sure.
    assert [document.text[a:b] for a, b, _ in document.spans] == ["Petrova", "Ana Petrova"]
    assert document.entities == ("Ana Petrova", "Ana Petrova")


# --- Printing -------------------------------------------------------------------------------


def test_tables_are_markdown_with_one_digit() -> None:
    measured = spans.Measured("all", {"PER": Counts(right=2, wrong=1)})
    assert report.steps({"dev": [measured]}).splitlines() == [
        "| rules | F1 dev |",
        "| --- | --- |",
        "| all | 80.0 |",
    ]
    assert "| dev | PER | 66.7 | 100.0 | 80.0 | 2 |" in report.types({"dev": [measured]})


def test_the_command_says_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(_setting: str | None) -> object:
        return type("Model", (), {"nlp": None, "name": "m", "version": "1"})()

    monkeypatch.setattr(command, "load_model", load)
    monkeypatch.setattr(command, "SpacyRecogniser", lambda _nlp: Scripted())
    command.main(["--data", str(tmp_path), "--golden", str(tmp_path / "none")])
    said = capsys.readouterr().out
    assert "Left out: no wikigold_en.conllu." in said
    assert "Left out: no set with people." in said
    assert "Left out: no folder topics." in said


def test_the_command_measures_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "eval").mkdir()
    (tmp_path / "eval" / "wikigold_en.conllu").write_text(WIKIGOLD)
    (tmp_path / "eval" / "rss-500.jsonl").write_text(json.dumps(LINKED) + "\n")
    monkeypatch.setattr(
        command,
        "load_model",
        lambda _s: type("M", (), {"nlp": None, "name": "m", "version": "1"})(),
    )
    monkeypatch.setattr(command, "SpacyRecogniser", lambda _nlp: Scripted(Found(0, 3, "PERSON")))
    command.main(["--data", str(tmp_path), "--golden", str(tmp_path), "--entities"])
    said = capsys.readouterr().out
    assert "### WikiGold, m 1" in said
    assert "| model alone |" in said
    assert "| rss-500 " in said
    assert "## Topics" not in said


def test_a_table_without_rows_knows_nothing() -> None:
    assert spans.WITHOUT_TABLE.get("Belarus") is None
    assert isinstance(spans.WITHOUT_TABLE, Gazetteer)
