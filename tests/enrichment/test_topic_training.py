"""Training, on a small world of its own: deterministic, nothing held out is learnt."""

from __future__ import annotations

import gzip
import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from services.enrichment.knowledge import measure_topics, topic_model, train_topics
from services.enrichment.knowledge.weak_labels import weak_labels

if TYPE_CHECKING:
    from pathlib import Path

NAMES = {"medtop:04000000": "money", "medtop:15000000": "games"}
TEXTS = {
    "04": ["bank raises rates", "shares fall on bank news", "trade grows", "rates fall again"],
    "15": ["team wins match", "coach praises team", "late goal wins match", "coach leaves team"],
}


def concept(code: str, name: str, **more: Any) -> dict[str, Any]:
    base = {"uri": f"http://x/{code[7:]}", "qcode": code, "prefLabel": {"en-US": name}}
    return {**base, "definition": {"en-US": f"All about {name}"}, **more}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two classes; years 2018 (to learn) and 2019 (held out); a retired concept."""
    rows = [
        {"ds": "wcep", "t": f"{text} {word}", "y": [code], "x": year}
        for year, spice in (("2018", "one two three"), ("2019", "four five six seven eight nine"))
        for word in spice.split()
        for code, texts in TEXTS.items()
        for text in texts
    ]
    rows.append({"ds": "wcep_unl", "t": "heldoutword only", "y": [], "x": "2018"})
    with gzip.open(tmp_path / "topics_train.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    concepts = [concept(code, name) for code, name in NAMES.items()]
    concepts.append(concept("medtop:20000001", "hockey", broader=["http://x/15000000"]))
    concepts.append(concept("medtop:20000002", "barter", broader=["http://x/09"], retired="2020"))
    scheme = {"conceptSet": concepts, "dateReleased": "2020-01-02T00:00:00"}
    (tmp_path / "cptall-en-US.json").write_text(json.dumps(scheme))
    return tmp_path


def run(data: Path, out: Path) -> topic_model.TopicModel:
    train_topics.main(["--data", str(data), "--out", str(out), "--date", "2026-01-02"])
    return topic_model.load(out)[0]


def test_training_twice_gives_the_same_bytes(data: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.npz", tmp_path / "other.npz"
    run(data, one)
    run(data, other)
    assert one.read_bytes() == other.read_bytes()


def test_the_trained_model_tells_the_classes_apart(data: Path, tmp_path: Path) -> None:
    model = run(data, tmp_path / "m.npz")
    money, games = model.scores("the bank and the rates"), model.scores("the coach and the team")
    assert money[0] > money[1]
    assert games[1] > games[0]
    assert model.facts["names"] == NAMES
    assert model.facts["vocabulary_release"] == "2020-01-02"
    assert model.facts["trained"] == "2026-01-02"


def test_definitions_teach_the_class_at_the_top_of_their_branch(data: Path) -> None:
    rows, _, _ = train_topics.read_definitions(data / "cptall-en-US.json")
    assert {row.text: set(row.labels) for row in rows} == {
        "money. All about money": {"04"},
        "games. All about games": {"15"},
        "hockey. All about hockey": {"15"},
    }


def test_held_out_rows_are_not_among_those_it_learns_from(data: Path) -> None:
    rows = list(train_topics.read_rows(data / "topics_train.jsonl.gz"))
    assert len(rows) == (3 + 6) * 8  # the row without a label is gone
    held_out = {row.text for row in rows if row.held_out}
    assert len(held_out) == 6 * 8
    assert not held_out & {row.text for row in rows if not row.held_out}
    measured = train_topics.measured_rows(data / "topics_train.jsonl.gz")
    assert {row.text for row in measured} < held_out


def test_the_report_counts_right_and_wrong(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m.npz"
    model = run(data, out)
    right = measure_topics.report(model, [("bank rates bank", frozenset({"04"}))])
    wrong = measure_topics.report(model, [("bank rates bank", frozenset({"15"}))])
    assert "top-1 within the labels 1.000, micro-F1 1.000, macro-F1 1.000" in right
    assert "top-1 within the labels 0.000, micro-F1 0.000, macro-F1 0.000" in wrong
    measure_topics.main(["--data", str(data), "--model", str(out)])
    assert "| medtop:15000000 games |" in capsys.readouterr().out


def test_the_day_is_asked_for_and_not_taken_from_the_clock(data: Path) -> None:
    model = train_topics.train(data, date(2001, 2, 3))
    assert model.facts["trained"] == "2001-02-03"


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Rail workers are on strike over a minimum wage", {"09"}),
        ("An air strike on strike camps of the general strike kills ten", set()),
        ("The pope visits a mosque", {"12"}),
        ("A tropical storm reaches the coast", {"17"}),
        ("Parliament meets", set()),
    ],
)
def test_key_words_label_the_thin_classes(text: str, codes: set[str]) -> None:
    assert weak_labels(text) == codes
