"""Enrichment of the seeds and of ten articles of our own: as marked by hand, and as it was."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.golden.gold import articles, enriched, every_text, faults, gold_of, raw, span
from tests.golden.make_enriched import ENRICHED, golden_path, shown

if TYPE_CHECKING:
    from pathlib import Path

each_text = pytest.mark.parametrize("path", every_text(), ids=lambda path: path.stem)
each_article = pytest.mark.parametrize("path", articles(), ids=lambda path: path.stem)

DIGITS = 2e-3
"""Scores may differ by this between processors."""


def test_every_text_has_its_golden_file_and_there_is_no_other() -> None:
    assert len(articles()) == 10
    assert sorted(ENRICHED.glob("*.json")) == sorted(map(golden_path, every_text()))


@each_article
def test_the_articles_are_marked_as_a_reader_would_mark_them(path: Path) -> None:
    assert list(faults(enriched(path), gold_of(path))) == []


@each_article
def test_what_was_marked_by_hand_is_there(path: Path) -> None:
    """Else the gold file itself is wrong."""
    text = raw(path).text
    gold = gold_of(path)
    for entity in gold["entities"]:
        for surface, times in entity["mentions"].items():
            assert text.count(surface) >= times, surface
    for phrase in gold.get("not_names", ()):
        start, end = span(text, phrase)
        assert 0 <= start < end
    words = [value["words"] for kind in ("dates", "money") for value in gold.get(kind, ())]
    assert [word for word in words if word not in text] == []


@each_text
def test_enrichment_is_as_written_down(path: Path) -> None:
    """After a deliberate change: ``python -m tests.golden.make_enriched``, and read the diff."""
    wanted = json.loads(golden_path(path).read_text(encoding="utf-8"))
    made = json.loads(json.dumps(shown(enriched(path))))
    assert _without_scores(made) == _without_scores(wanted)
    assert _scores(made) == pytest.approx(_scores(wanted), abs=DIGITS)


def _without_scores(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_scores(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_scores(item) for item in value]
    return None if isinstance(value, float) else value


def _scores(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [score for item in value.values() for score in _scores(item)]
    if isinstance(value, list):
        return [score for item in value for score in _scores(item)]
    return [value] if isinstance(value, float) else []


@each_text
@pytest.mark.parametrize("values", [False, True], ids=["names", "values"])
def test_no_two_names_or_values_share_a_place_and_offsets_are_exact(
    path: Path, *, values: bool
) -> None:
    """A name may stand in an amount: "212.50 Norwegian crowns"."""
    article = enriched(path)
    mentions = sorted(
        (m.start, m.end, m.text)
        for entity in article.entities
        for m in entity.mentions
        if (entity.type in {"DATE", "MONEY"}) == values
    )
    assert all(article.text[start:end] == text for start, end, text in mentions)
    assert all(a[1] <= b[0] for a, b in pairwise(mentions))
