"""Writes the table of formats and fields in ``docs/formats.md``: what the golden files show.

A cell has a dot where at least one of our samples of the format has the field.  From the
top of the repository::

    python -m tests.golden.format_table            # or with --check
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from tests.golden.make_golden import GOLDEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DOCUMENT = GOLDEN.parents[1] / "docs" / "formats.md"
BEGIN = "<!-- formats and fields: made by `make generated` -->"
END = "<!-- end of formats and fields -->"

COLUMNS = {
    "plain": "text",
    "markdown": "Markdown",
    "ninjs": "ninjs",
    "newsml_g2": "NewsML-G2",
    "newsml_1": "NewsML 1",
    "nitf": "NITF",
    "html": "HTML",
    "feed": "RSS, Atom",
    "mail": "mail",
    "pdf": "PDF",
    "json": "JSON dump",
}
"""Reader → heading.  Containers (WARC, mbox, archives, compressed) have what is in them."""

FIELDS = (
    *("headline", "standfirst", "body", "byline", "authors", "dateline", "published_at"),
    *("updated_at", "embargoed_until", "language", "url", "provider", "provider_id", "version"),
    *("withdrawn", "extent", "urgency", "rights", "subjects", "keywords", "section", "places"),
    *("pictures", "credits", "set_apart"),
)


def articles() -> Iterator[dict[str, Any]]:
    """The articles of all golden files."""
    for path in [*(GOLDEN / "samples").rglob("*.json"), *GOLDEN.glob("*.json")]:
        found = json.loads(path.read_text(encoding="utf-8"))
        for record in found if isinstance(found, list) else [found]:
            if "reader" in record:
                yield record


def fields_of(article: dict[str, Any]) -> set[str]:
    """Which of :data:`FIELDS` an article has."""
    found = {name for name in FIELDS if article.get(name) not in (None, [], "full")}
    if any(section["role"] == "body" for section in article.get("sections", ())):
        found.add("body")
    if article["revision_basis"] == "version":
        found.add("version")
    if article.get("status") == "withdrawn":
        found.add("withdrawn")
    return found


def table() -> str:
    """The table in Markdown."""
    shown: dict[str, set[str]] = {reader: set() for reader in COLUMNS}
    for article in articles():
        shown.setdefault(article["reader"]["name"], set()).update(fields_of(article))
    rows = [
        f"| {field} | " + " | ".join("•" if field in shown[r] else "" for r in COLUMNS) + " |"
        for field in FIELDS
    ]
    head = f"| field | {' | '.join(COLUMNS.values())} |"
    return "\n".join([head, "|---" + "|:-:" * len(COLUMNS) + "|", *rows])


def with_table(text: str) -> str:
    """``text`` with the current table between its markers; ``ValueError`` without them."""
    before, found, rest = text.partition(BEGIN)
    _, found_end, after = rest.partition(END)
    if not (found and found_end):
        raise ValueError("the markers of the table are not there")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(argv: list[str] | None = None, document: Path = DOCUMENT) -> int:
    """Write the table, or with ``--check`` compare it; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only")
    check: bool = parser.parse_args(argv).check
    text = document.read_text(encoding="utf-8")
    current = with_table(text)
    if not check:
        document.write_text(current, encoding="utf-8")
    elif current != text:
        sys.stderr.write(f"the table in {document.name} is not current: run make generated\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
