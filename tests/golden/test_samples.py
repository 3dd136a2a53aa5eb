"""Every sample of every format, compared record by record and field by field with golden files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.golden import format_table
from tests.golden.make_golden import GOLDEN, SAMPLES, extract_all, golden_path, samples

if TYPE_CHECKING:
    from pathlib import Path

every_sample = pytest.mark.parametrize(
    "sample", samples(), ids=lambda path: path.relative_to(SAMPLES).as_posix()
)


def test_each_sample_has_a_golden_file_and_no_other_is_there() -> None:
    assert sorted((GOLDEN / "samples").rglob("*.json")) == sorted(map(golden_path, samples()))


@every_sample
def test_every_field_is_as_written_down(sample: Path) -> None:
    """After a deliberate change: ``python -m tests.golden.make_golden``, and read the diff."""
    golden = json.loads(golden_path(sample).read_text(encoding="utf-8"))
    assert extract_all(sample) == golden


@every_sample
def test_sections_slice_the_text_exactly(sample: Path) -> None:
    for record in extract_all(sample):
        for section in record.get("sections", ()):
            part = record["text"][section["start"] : section["end"]]
            if section["role"] != "body":
                assert part == record[section["role"]]
            else:
                assert part.strip() == part


def test_the_table_of_formats_is_current() -> None:
    assert format_table.main(["--check"]) == 0


def test_a_table_that_is_not_current_is_refused_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "formats.md"
    document.write_text(f"above\n{format_table.BEGIN}\nold\n{format_table.END}\nbelow\n")
    assert format_table.main(["--check"], document) == 1
    assert "run make generated" in capsys.readouterr().err
    assert format_table.main([], document) == 0
    assert format_table.main(["--check"], document) == 0
    text = document.read_text()
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    with pytest.raises(ValueError, match="markers"):
        format_table.with_table("no markers")


def test_every_format_has_a_headline_and_a_body() -> None:
    lines = format_table.table().splitlines()
    for field in ("headline", "body"):
        (row,) = [line for line in lines if line.startswith(f"| {field} |")]
        assert row.count("•") == len(format_table.COLUMNS)


@pytest.mark.parametrize("reader", ["ninjs", "newsml_g2", "newsml_1", "nitf"])
def test_the_standards_samples_cover_every_field_that_the_issue_names(reader: str) -> None:
    wanted = {
        *("headline", "byline", "dateline", "body", "language", "published_at", "updated_at"),
        *("urgency", "rights", "provider", "subjects", "places", "pictures"),
    }
    found: set[str] = set()
    for article in format_table.articles():
        if article["reader"]["name"] == reader:
            found |= format_table.fields_of(article)
    assert wanted - found == set()
