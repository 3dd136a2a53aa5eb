"""Build ``media_topics.json``: the IPTC Media Topics' codes, English names and hierarchy.

    python -m services.enrichment.knowledge.build_media_topics --data DIR

``DIR`` holds ``cptall-en-US.json`` (the vocabulary in SKOS) and ``iptc_mapping_2023-10-24.json``
(a later release as a table, for the codes that the first lacks).  Only codes, names and the day of
retirement are written, no definitions.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from services.media_topics import MEDIA_TOPICS_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence

NOTICES = (
    "IPTC Media Topics, (c) International Press Telecommunications Council, CC BY 4.0",
    "Codes, names, hierarchy and days of retirement; definitions, notes and mappings left out",
)

_LEVELS = tuple(f"Level{level}/NewsCode" for level in range(1, 7))
_DAY = 10
"""Characters of an ISO 8601 date."""


def _row(code: str, name: str, broader: str | None, retired: str | None) -> dict[str, Any]:
    return {"code": code, "name": name, "broader": broader, "retired": retired}


def _concept(item: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """A concept of the SKOS file; the few without an American name get the British one."""
    code: str = item["qcode"]
    broader = item.get("broader")
    name = item["prefLabel"].get("en-US") or names[code]
    day = item["retired"][:_DAY] if "retired" in item else None
    return _row(code, name, broader and f"medtop:{broader[0].rsplit('/', 1)[-1]}", day)


def _later(item: dict[str, Any]) -> dict[str, Any]:
    """A row of the table: its levels end with its own code."""
    path = [item[level] for level in _LEVELS if isinstance(item[level], str)]
    retired = item["RetiredDate"]
    day = retired[:_DAY] if isinstance(retired, str) else None
    code: str = item["NewsCode-QCode (flat)"]
    return _row(code, item["Name (en-GB)"], path[-2] if path[1:] else None, day)


def build(data: Path) -> dict[str, Any]:
    """The whole table; the same data gives the same bytes."""
    scheme: dict[str, Any] = json.loads((data / "cptall-en-US.json").read_text("utf-8"))
    mapping_file = data / "iptc_mapping_2023-10-24.json"
    mapping: dict[str, dict[str, Any]] = json.loads(mapping_file.read_text("utf-8"))
    names = {code: item["Name (en-GB)"] for code, item in mapping.items()}
    rows = {item["qcode"]: _concept(item, names) for item in scheme["conceptSet"]}
    rows |= {code: _later(item) for code, item in mapping.items() if code not in rows}
    return {
        "version": f"{scheme['dateReleased'][:_DAY]}, {mapping_file.stem.rsplit('_', 1)[-1]}",
        "notices": list(NOTICES),
        "topics": [rows[code] for code in sorted(rows)],
    }


def to_text(table: dict[str, Any]) -> str:
    """The table as JSON with a line for each topic, so that a new release is a readable diff."""
    head = json.dumps({k: v for k, v in table.items() if k != "topics"}, indent=1)
    rows = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in table["topics"])
    return head.removesuffix("\n}") + ',\n "topics": [\n  ' + rows + "\n ]\n}\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Build and write the table."""
    parser = argparse.ArgumentParser(description="Build media_topics.json.")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MEDIA_TOPICS_FILE)
    options = parser.parse_args(arguments)
    options.out.write_text(to_text(build(options.data)), "utf-8")


if __name__ == "__main__":
    main()
