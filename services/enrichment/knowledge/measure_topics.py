"""Measure the topic model on rows with gold labels.

    python -m services.enrichment.knowledge.measure_topics --data DIR

prints the figures of the model card for the shipped model: it reads the same
held-out half as training does (see ``train_topics``).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from services.enrichment.knowledge.choice import chosen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.enrichment.knowledge.topic_model import TopicModel

    Gold = Sequence[tuple[str, frozenset[str]]]


def _f1(hits: float, predicted: float, wanted: float) -> float:
    return 2 * hits / (predicted + wanted) if predicted + wanted else 0.0


def report(model: TopicModel, rows: Gold) -> str:
    """A Markdown table: per class rows, precision, recall, F1; then the averages."""
    names: dict[str, str] = model.facts["names"]
    codes = [code.removeprefix("medtop:")[:2] for code in names]
    scores = np.array([model.scores(text) for text, _ in rows])
    gold = np.array([[code in labels for code in codes] for _, labels in rows])
    picked = np.zeros_like(gold)
    for index, row in enumerate(scores):
        picked[index, chosen(row)] = True
    lines = ["| class | rows | precision | recall | F1 |", "|---|---|---|---|---|"]
    f1s = []
    for index, (code, name) in enumerate(names.items()):
        hits = int((gold[:, index] & picked[:, index]).sum())
        predicted, wanted = int(picked[:, index].sum()), int(gold[:, index].sum())
        f1 = _f1(hits, predicted, wanted)
        f1s += [f1] if wanted else []
        precision, recall = hits / max(predicted, 1), hits / max(wanted, 1)
        lines.append(f"| {code} {name} | {wanted} | {precision:.2f} | {recall:.2f} | {f1:.2f} |")
    micro = _f1(float((gold & picked).sum()), float(picked.sum()), float(gold.sum()))
    top = gold[np.arange(len(gold)), scores.argmax(axis=1)].mean()
    tagged = picked.any(axis=1).mean()
    lines.append(
        f"\n{len(rows)} rows: top-1 within the labels {top:.3f}, micro-F1 {micro:.3f}, macro-F1 "
        f"{np.mean(f1s):.3f} ({len(f1s)} classes with rows), rows with a topic {tagged:.3f}\n"
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report on the shipped model."""
    from services.enrichment.knowledge import topic_model, train_topics  # noqa: PLC0415 (dev only)

    parser = argparse.ArgumentParser(description="Figures of the topic model.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=topic_model.MODEL_FILE)
    options = parser.parse_args(arguments)
    model, _ = topic_model.load(options.model)
    rows = train_topics.measured_rows(options.data / "topics_train.jsonl.gz")
    sys.stdout.write(report(model, [(row.text, row.labels) for row in rows]))


if __name__ == "__main__":
    main()
