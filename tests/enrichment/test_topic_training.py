"""Training, on a small world of its own: deterministic, nothing held out is learnt."""

from __future__ import annotations

import gzip
import json
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from services.enrichment.knowledge import measure_topics, topic_model, topic_rows, train_topics
from services.enrichment.knowledge.pseudo_articles import FEWEST_ITEMS, MOST_ITEMS
from services.enrichment.knowledge.topic_rows import EventWords, Part, Row
from services.enrichment.knowledge.weak_labels import weak_labels

if TYPE_CHECKING:
    from pathlib import Path

NAMES = {"medtop:04000000": "money", "medtop:15000000": "games"}
TEXTS = {
    "04": ["bank raises rates", "shares fall on bank news", "trade grows", "rates fall again"],
    "15": ["team wins match", "coach praises team", "late goal wins match", "coach leaves team"],
}
YEARS = {"2017": "one two three", "2018": "ten eleven twelve", "2019": "four five six seven"}


def concept(code: str, name: str, **more: Any) -> dict[str, Any]:
    base = {"uri": f"http://x/{code[7:]}", "qcode": code, "prefLabel": {"en-US": name}}
    return {**base, "definition": {"en-US": f"All about {name}"}, **more}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two classes; 2017 to learn, 2018 to calibrate, 2019 held out; a retired concept."""
    rows = [
        {"ds": "wcep", "t": f"{text} {word}", "y": [code], "x": year}
        for year, spice in YEARS.items()
        for word in spice.split()
        for code, texts in TEXTS.items()
        for text in texts
    ]
    rows.append({"ds": "wcep_unl", "t": "nobody says what this is", "y": [], "x": "2021"})
    rows.append({"ds": "huff3", "t": "team meets bank", "y": ["15"], "x": "SPORTS"})
    with gzip.open(tmp_path / "topics_train.jsonl.gz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    concepts = [concept(code, name) for code, name in NAMES.items()]
    concepts.append(concept("medtop:20000001", "hockey", broader=["http://x/15000000"]))
    concepts.append(concept("medtop:20000002", "barter", broader=["http://x/09"], retired="2020"))
    scheme = {"conceptSet": concepts, "dateReleased": "2020-01-02T00:00:00"}
    (tmp_path / "cptall-en-US.json").write_text(json.dumps(scheme))
    return tmp_path


def run(data: Path, out: Path, *more: str) -> topic_model.TopicModel:
    train_topics.main(["--data", str(data), "--out", str(out), "--date", "2026-01-02", *more])
    return topic_model.load(out)[0]


def rows_of(data: Path) -> list[Row]:
    return train_topics.Sources(data).rows()


# --- Training ---------------------------------------------------------------------------------


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
    assert model.facts["training_rows"] > len(YEARS["2017"].split()) * 8


def test_the_day_is_asked_for_and_not_taken_from_the_clock(data: Path) -> None:
    model = train_topics.train(train_topics.Sources(data), date(2001, 2, 3))
    assert model.facts["trained"] == "2001-02-03"


def test_a_class_without_rows_is_never_named(data: Path) -> None:
    money = [row for row in rows_of(data) if row.labels == {"04"} and row.part is Part.LEARN]
    learnt = train_topics.learn_once(money * 2, ["04", "15"])
    assert not learnt.weights[:, 1].any()
    assert learnt.intercepts[1] == train_topics.NEVER


# --- Rows -------------------------------------------------------------------------------------


def test_definitions_teach_the_class_at_the_top_of_their_branch(data: Path) -> None:
    rows, _, _ = topic_rows.read_definitions(data / "cptall-en-US.json")
    assert {row.text: set(row.labels) for row in rows} == {
        "money. All about money": {"04"},
        "games. All about games": {"15"},
        "hockey. All about hockey": {"15"},
    }


def test_each_year_has_its_part_and_no_text_is_in_two(data: Path) -> None:
    parts: dict[Part, set[str]] = {part: set() for part in Part}
    for row in rows_of(data):
        parts[row.part].add(row.text)
    assert len(parts[Part.TEST]) == 4 * 8 + 1
    assert len(parts[Part.CALIBRATE]) == 3 * 8
    assert len(parts[Part.LEARN]) == 3 * 8 + 1
    assert not parts[Part.TEST] & (parts[Part.LEARN] | parts[Part.CALIBRATE])


def test_key_words_stand_beside_an_editor_s_label_and_count_less(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    with gzip.open(path, "wt") as file:
        for year in ("2017", "2019"):
            row = {"ds": "wcep", "t": "The pope visits a mosque", "y": ["11"], "x": year}
            file.write(json.dumps(row) + "\n")
    learn, test = topic_rows.read_rows(path)
    assert learn.labels == test.labels == frozenset({"11"})
    assert (learn.weak, learn.part) == (frozenset({"12"}), Part.LEARN)
    assert (test.weak, test.part) == (frozenset(), Part.TEST)
    labels, weights = train_topics.first_round([learn], ["11", "12"])
    assert labels.tolist() == [[True, True]]
    assert weights[0, 1] < weights[0, 0]


def test_events_of_cep_are_kept_out_whatever_their_wording(tmp_path: Path) -> None:
    cep = tmp_path / "cep.json"
    event = "A bridge in Riverton collapses during a storm, killing nine people"
    cep.write_text(json.dumps([{"description": event}, {"description": " "}]))
    events = EventWords.load(cep)
    assert events.tell("Bridge in Riverton collapses in storm, killing nine. (News)", "2015")
    assert not events.tell(event, "2016")
    assert not events.tell("A bridge in Eastport opens with nine bands playing", "2015")


def test_an_articles_csv_is_read_where_there_is_one(data: Path, tmp_path: Path) -> None:
    mnds = tmp_path / "mnds.csv"
    lines = [
        f'{n},"A team, title {n}","Two ""long""\nlines of the match",Games,football'
        for n in range(30)
    ]
    head = "id,title,content,category_level_1,category_level_2"
    mnds.write_text("\n".join([head, *lines]))
    rows = list(topic_rows.read_mnds(mnds, NAMES))
    assert {row.labels for row in rows} == {frozenset({"15"})}
    assert rows[0].text == 'A team, title 0\n\nTwo "long"\nlines of the match'
    assert {row.part for row in rows} == set(Part)
    model = run(data, tmp_path / "m.npz", "--mnds", str(mnds))
    assert any("MN-DS" in notice for notice in model.facts["notices"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title,content\na,b", "no column category_level_1"),
        ("title,content,category_level_1\na,b,chess", r"mnds.csv:2: .*'chess'"),
    ],
)
def test_another_csv_is_refused_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mnds.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        list(topic_rows.read_mnds(path, NAMES))


def test_british_names_of_mnds_are_known() -> None:
    names: dict[str, str] = topic_model.load()[0].facts["names"]
    known = {name.lower() for name in names.values()} | {"labour", "religion and belief"}
    assert len(known) == 19


# --- Pseudo-articles --------------------------------------------------------------------------


def pseudo(count: int = 40) -> list[Row]:
    rows = [
        Row(f"{text} {n}x{code}", frozenset({code}), 1.0, Part.LEARN, "wcep", "2017")
        for n in range(8)
        for code, texts in TEXTS.items()
        for text in texts
    ]
    return train_topics.pseudo(rows, count)


def test_pseudo_articles_have_paragraphs_and_labels_of_their_items() -> None:
    made = pseudo()
    assert len(made) > 40
    for article in made:
        items = article.text.split("\n\n")
        assert FEWEST_ITEMS <= len(items) <= MOST_ITEMS
        of_items = {next(iter(code for code in TEXTS if item.endswith(code))) for item in items}
        assert article.labels <= of_items
        assert items[0].endswith(tuple(article.labels))


def test_some_have_one_label_and_some_two() -> None:
    assert {len(article.labels) for article in pseudo()} == {1, 2}


def test_the_same_rows_make_the_same_articles() -> None:
    assert [row.text for row in pseudo()] == [row.text for row in pseudo()]


def test_without_rows_there_are_none() -> None:
    assert train_topics.pseudo([], 10) == []


# --- Two rounds -------------------------------------------------------------------------------


def test_a_doubted_lack_of_a_label_hardly_counts() -> None:
    labels, weights = np.array([[True, False]]), np.array([[1.0, 1.0]])
    judged = np.array([[0.9, 0.6]], dtype=np.float32)
    more, weighed = train_topics.second_round(labels, weights, judged)
    assert more.tolist() == [[True, False]]
    assert weighed.tolist() == [[1.0, train_topics.DOUBTED_WEIGHT]]


def test_an_unlabelled_row_is_learnt_from_where_the_judges_are_sure() -> None:
    labels, weights = np.zeros((2, 2), dtype=np.bool_), np.ones((2, 2))
    judged = np.array([[0.95, 0.1], [0.5, 0.1]], dtype=np.float32)
    more, weighed = train_topics.second_round(labels, weights, judged)
    assert more.tolist() == [[True, False], [False, False]]
    assert weighed[0].tolist() == [train_topics.SELF_WEIGHT] * 2
    assert not weighed[1].any()


# --- Measuring --------------------------------------------------------------------------------


def one(text: str, code: str) -> list[Row]:
    return [Row(text, frozenset({code}), 1.0, Part.TEST, "wcep")]


def test_the_report_counts_right_and_wrong(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m.npz"
    model = run(data, out)
    right = measure_topics.Judged.of(model, one("bank rates bank", "04"))
    wrong = measure_topics.Judged.of(model, one("bank rates bank", "15"))
    assert (right.top_1, right.micro) == (1.0, 1.0)
    assert (wrong.top_1, wrong.micro) == (0.0, 0.0)
    assert right.confusions() == []
    assert wrong.confusions() == [(("15", "04"), 1)]
    measure_topics.main(["--data", str(data), "--model", str(out), "--baselines"])
    printed = capsys.readouterr().out
    assert "| medtop:15000000 games |" in printed
    assert "### IPTC definitions alone" in printed
    assert "### Current Events, 2019 alone" in printed


def test_precision_recall_and_reliability_are_of_the_counts() -> None:
    scores = np.array([[0.95, 0.05], [0.95, 0.05], [0.15, 0.85]], dtype=np.float32)
    picked = np.array([[True, False], [True, False], [False, True]])
    gold = np.array([[True, False], [False, True], [False, True]])
    judged = measure_topics.Judged(("04", "15"), scores, picked, gold)
    assert judged.of_class(0) == pytest.approx((0.5, 1.0, 2 / 3))
    assert judged.of_class(1) == pytest.approx((1.0, 0.5, 2 / 3))
    assert judged.micro == judged.top_1 == pytest.approx(2 / 3)
    top = judged.reliability()[-1]
    assert top == pytest.approx((0.95, 0.5, 2))


def test_each_category_of_cep_is_a_media_topic() -> None:
    names: dict[str, str] = topic_model.load()[0].facts["names"]
    assert set(measure_topics.CEP_CODES.values()) <= {code[7:9] for code in names}


# --- Key words --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Rail workers are on strike over a minimum wage", {"09"}),
        ("An air strike on strike camps of the general strike kills ten", set()),
        ("The pope visits a mosque", {"12"}),
        ("A tropical storm reaches the coast", {"17"}),
        ("Pupils return to their classrooms for exam results", {"05"}),
        ("A school shooting shocks teachers", set()),
        ("The oldest living person celebrates a birthday", {"08"}),
        ("A census shows poverty among the homeless", {"14"}),
        ("Coronavirus: new cases rise", {"07"}),
        ("Conservationists fear for endangered species", {"06"}),
        ("Fighters of the Islamic State entered a church", set()),
        ("Protesters storming the parliament in heavy rain", set()),
        ("Parliament meets", set()),
    ],
)
def test_key_words_label_the_thin_classes(text: str, codes: set[str]) -> None:
    assert weak_labels(text) == codes
