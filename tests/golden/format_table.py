"""Writes the table of formats and fields in ``docs/formats.md``: what the golden files show.

A cell has a dot where at least one of our samples of the format has the field.  From the
top of the repository::

    python -m tests.golden.format_table            # or with --check
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any

from services.settings_doc import between, keep_current
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
    return between(text, BEGIN, END, table())


def main(argv: list[str] | None = None, document: Path = DOCUMENT) -> int:
    """Write the table, or with ``--check`` compare it; the exit code."""
    return keep_current(argv, document, with_table, ArgumentParser(description=__doc__))


if __name__ == "__main__":
    sys.exit(main())
