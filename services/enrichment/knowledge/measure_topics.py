"""Measure the topic model on rows that it never learnt from, and against simpler ones.

    python -m services.enrichment.knowledge.measure_topics --data DIR [--cep FILE] [--baselines]

prints the figures of the model card for the shipped model: for each set top-1 within the labels,
micro-F1, macro-F1; for Current Events also each class, the confusions and the reliability of
the scores.  ``--baselines`` trains, in the same run and measured alike, models of the IPTC
definitions alone, of HuffPost alone and of Current Events alone (some minutes).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from services.enrichment.knowledge.choice import chosen
from services.enrichment.knowledge.topic_rows import Part, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from services.enrichment.knowledge.topic_model import TopicModel
    from services.enrichment.knowledge.train_topics import Sources

CEP_CODES = {
    "Business_Finance": "04",
    "Disaster_Accident": "03",
    "Entertainment_Culture": "01",
    "Health_Medical_Pharma": "07",
    "International_Relation": "11",
    "Law_Crime": "02",
    "Politics": "11",
    "Sports": "15",
    "Technology_Internet": "13",
    "War_Conflict": "16",
}
"""CEP-2015's categories as Media Topics; it has none for the other classes (the pope's journeys
are under culture, walk-outs under business)."""

FEWEST = 10
"""Rows of a class below which its F1 says nothing and is left out of the average."""

PSEUDO = 1500
"""Articles of each kind made of held-out rows."""

MOST_CONFUSIONS = 15
_BINS = np.linspace(0.0, 1.0, 11)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Scores, choices and labels (rows by classes) of one set."""

    codes: tuple[str, ...]
    scores: NDArray[np.float32]
    picked: NDArray[np.bool_]
    gold: NDArray[np.bool_]

    @classmethod
    def of(cls, model: TopicModel, rows: Sequence[Row]) -> Judged:
        """What ``model`` makes of ``rows``."""
        codes = tuple(code.removeprefix("medtop:")[:2] for code in model.facts["names"])
        scores = np.array([model.scores(row.text) for row in rows], dtype=np.float32)
        gold = np.array([[code in row.labels for code in codes] for row in rows], dtype=np.bool_)
        picked = np.zeros_like(gold)
        for index, row in enumerate(scores):
            picked[index, chosen(row)] = True
        return cls(codes, scores, picked, gold)

    @property
    def top_1(self) -> float:
        """Share of rows whose best class is among their labels."""
        return float(self.gold[np.arange(len(self.gold)), self.scores.argmax(axis=1)].mean())

    @property
    def micro(self) -> float:
        """F1 over all labels of all rows."""
        both = float((self.gold & self.picked).sum())
        return _f1(both, float(self.picked.sum()), float(self.gold.sum()))

    @property
    def macro(self) -> float:
        """Mean F1 of the classes with at least ``FEWEST`` rows."""
        wanted = self.gold.sum(axis=0)
        f1s = [self.of_class(index)[2] for index in np.flatnonzero(wanted >= FEWEST).tolist()]
        return float(np.mean(f1s)) if f1s else 0.0

    def of_class(self, index: int) -> tuple[float, float, float]:
        """Precision, recall and F1."""
        hits = float((self.gold[:, index] & self.picked[:, index]).sum())
        predicted, wanted = float(self.picked[:, index].sum()), float(self.gold[:, index].sum())
        return hits / max(predicted, 1), hits / max(wanted, 1), _f1(hits, predicted, wanted)

    def confusions(self) -> list[tuple[tuple[str, str], int]]:
        """Gold class and the one that came first instead, most frequent first."""
        pairs: Counter[tuple[str, str]] = Counter()
        for labels, best in zip(self.gold, self.scores.argmax(axis=1), strict=True):
            if labels.any() and not labels[best]:
                pairs[self.codes[int(labels.argmax())], self.codes[int(best)]] += 1
        return sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_CONFUSIONS]

    def reliability(self) -> list[tuple[float, float, int]]:
        """For each tenth of the scale: mean score, share of right ones, how many."""
        flat, right = self.scores.reshape(-1), self.gold.reshape(-1)
        places = np.minimum(np.digitize(flat, _BINS) - 1, len(_BINS) - 2)
        return [
            (float(flat[places == at].mean()), float(right[places == at].mean()), int(count))
            for at, count in enumerate(np.bincount(places, minlength=len(_BINS) - 1))
            if count
        ]


def _f1(hits: float, predicted: float, wanted: float) -> float:
    return 2 * hits / (predicted + wanted) if predicted + wanted else 0.0


def summary_line(name: str, judged: Judged) -> str:
    """A line of the table of sets."""
    return (
        f"| {name} | {len(judged.gold)} | {judged.gold.sum(axis=1).mean():.2f} | "
        f"{judged.top_1:.3f} | {judged.micro:.3f} | {judged.macro:.3f} | "
        f"{judged.picked.any(axis=1).mean():.3f} |"
    )


SUMMARY_HEAD = (
    "| set | rows | labels a row | top-1 within the labels | micro-F1 | macro-F1 | with a topic |\n"
    "|---|---|---|---|---|---|---|"
)


def class_table(model: TopicModel, judged: Judged) -> str:
    """Per class rows, precision, recall, F1."""
    lines = ["| class | rows | precision | recall | F1 |", "|---|---|---|---|---|"]
    for index, (code, name) in enumerate(model.facts["names"].items()):
        precision, recall, f1 = judged.of_class(index)
        wanted = int(judged.gold[:, index].sum())
        lines.append(f"| {code} {name} | {wanted} | {precision:.2f} | {recall:.2f} | {f1:.2f} |")
    return "\n".join(lines)


def details(judged: Judged) -> str:
    """Confusions and reliability."""
    lines = ["| labelled | came first | rows |", "|---|---|---|"]
    lines += [f"| {one} | {other} | {rows} |" for (one, other), rows in judged.confusions()]
    lines += ["", "| mean score | share right | scores |", "|---|---|---|"]
    lines += [f"| {mean:.2f} | {right:.2f} | {n} |" for mean, right, n in judged.reliability()]
    return "\n".join(lines)


def read_cep(path: Path) -> list[Row]:
    """CEP-2015's events that have a text."""
    events = json.loads(path.read_text("utf-8"))
    return [
        Row(event["description"], frozenset({code}), 1.0, Part.TEST, "cep")
        for event in events
        if event["description"].strip() and (code := CEP_CODES[event["category"]["name"]])
    ]


def test_sets(rows: Sequence[Row], cep: Path | None) -> dict[str, list[Row]]:
    """The sets by name; empty ones are left out."""
    from services.enrichment.knowledge.train_topics import pseudo  # noqa: PLC0415 (dev only)

    held_out = [row for row in rows if row.part is Part.TEST and row.labels]
    events = [row for row in held_out if row.source == "wcep"]
    made = pseudo(events, PSEUDO) if events else []
    stories = made[: max(len(made) - PSEUDO, 0)]
    sets = {
        "Current Events, 2019 and later": events,
        "Current Events, 2019 alone": [row for row in events if row.group == "2019"],
        "HuffPost, held out": [row for row in held_out if row.source.startswith("huff")],
        "MN-DS, held out": [row for row in held_out if row.source == "mnds"],
        "CEP-2015": read_cep(cep) if cep else [],
        "pseudo-articles: one happening": stories,
        "pseudo-articles: one or two subjects": made[len(stories) :],
        "their headlines alone": [
            Row(row.text.split("\n\n", 1)[0], row.labels, 1.0, row.part, row.source)
            for row in stories
        ],
    }
    return {name: own for name, own in sets.items() if own}


def report(model: TopicModel, sets: dict[str, list[Row]]) -> str:
    """All figures of one model, as Markdown."""
    judged = {name: Judged.of(model, rows) for name, rows in sets.items()}
    parts = [SUMMARY_HEAD, *(summary_line(name, one) for name, one in judged.items())]
    for name, one in judged.items():
        parts += ["", f"### {name}", class_table(model, one), "", details(one)]
    return "\n".join(parts) + "\n"


def baselines(sources: Sources, sets: dict[str, list[Row]], day: date) -> str:
    """The same figures of models that learnt from one source alone."""
    from services.enrichment.knowledge import train_topics  # noqa: PLC0415 (dev only)

    definitions, names, release = sources.definitions()
    codes, rows = train_topics.codes_of(names), sources.rows()
    facts = train_topics.facts_of(names, release, day, mnds=False)
    calibrate = train_topics.calibration_rows(rows)
    learn = [row for row in rows if row.part is Part.LEARN and row.labels]
    kinds = {
        "IPTC definitions alone": definitions,
        "HuffPost alone": [row for row in learn if row.source == "huff"],
        "Current Events alone": [row for row in learn if row.source == "wcep"],
    }
    parts = []
    for kind, own in kinds.items():
        if not own:
            continue
        plain = [Row(r.text, r.labels, 1.0, r.part, r.source, r.group) for r in own]
        model = train_topics.finish(train_topics.learn_once(plain, codes), calibrate, facts)
        parts += ["", f"### {kind}", SUMMARY_HEAD]
        parts += [summary_line(name, Judged.of(model, test)) for name, test in sets.items()]
    return "\n".join(parts) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report on the shipped model, and on simpler ones when asked to."""
    from services.enrichment.knowledge import topic_model  # noqa: PLC0415 (dev only)
    from services.enrichment.knowledge.train_topics import Sources  # noqa: PLC0415 (dev only)

    parser = argparse.ArgumentParser(description="Figures of the topic model.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cep", type=Path)
    parser.add_argument("--mnds", type=Path)
    parser.add_argument("--model", type=Path, default=topic_model.MODEL_FILE)
    parser.add_argument("--baselines", action="store_true")
    options = parser.parse_args(arguments)
    model, _ = topic_model.load(options.model)
    sources = Sources(options.data, options.cep, options.mnds)
    sets = test_sets(sources.rows(), options.cep)
    sys.stdout.write(report(model, sets))
    if options.baselines:
        day = date.fromisoformat(model.facts["trained"])
        sys.stdout.write(baselines(sources, sets, day))


if __name__ == "__main__":
    main()
