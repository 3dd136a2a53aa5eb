"""The two real articles of the beginning, compared field by field with golden files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from services.ingest.readers.lines import split
from tests.golden.make_golden import GOLDEN, extract, golden_path, seeds
from tests.readers.support import lost_lines, read

if TYPE_CHECKING:
    from pathlib import Path

every_seed = pytest.mark.parametrize("seed", seeds(), ids=lambda path: path.stem)


def test_both_seeds_and_no_others_have_golden_files() -> None:
    assert len(seeds()) == 2
    assert sorted(GOLDEN.glob("*.json")) == [golden_path(seed) for seed in seeds()]


@every_seed
def test_every_field_is_as_written_down(seed: Path) -> None:
    """After a deliberate change: ``python -m tests.golden.make_golden``, and read the diff."""
    assert extract(seed) == json.loads(golden_path(seed).read_text(encoding="utf-8"))


@every_seed
def test_no_line_is_lost(seed: Path) -> None:
    text = seed.read_text(encoding="utf-8")
    assert lost_lines(split(text), read(text)) == []


@every_seed
def test_sections_slice_the_text_exactly(seed: Path) -> None:
    raw = extract(seed)
    parts = {s["role"]: raw["text"][s["start"] : s["end"]] for s in raw["sections"]}
    assert parts["headline"] == raw["headline"]
    assert parts.get("standfirst") == raw["standfirst"]
    assert raw["text"].endswith(parts["body"])


def test_what_the_issue_asks_of_the_first() -> None:
    raw = extract(seeds()[0])
    assert raw["headline"] == (
        "Lukashenko visits Beijing again as Belarus tightens relations with China"
    )
    assert raw["published_at"] == "2023-12-03T17:24:00Z"
    assert raw["credits"] == ["© Wikimedia | CC 3.0 Wikimedia"]
    assert raw["standfirst"].startswith("Łukaszenka is in Beijing again.")
    assert raw["standfirst"].count("Łukaszenka") == 1
    assert [(line["kind"], line["line"]) for line in raw["set_apart"]] == [
        ("breadcrumb", 1),
        ("duplicate_headline", 3),
        ("duplicate_standfirst", 6),
        ("photo_credit", 7),
        ("published_line", 9),
        ("related", 27),
    ]
    assert raw["text"].endswith("Russia's aggression towards Kyiv.")


def test_what_the_issue_asks_of_the_second() -> None:
    raw = extract(seeds()[1])
    assert raw["headline"] == (
        "Lukashenko arrives in Beijing as concerns rise around China-Russia relations"
    )
    assert raw["published_at"] is None
    assert [(line["kind"], line["line"]) for line in raw["set_apart"]] == [("promo", 29)]
    assert "The Hill" not in raw["text"]
