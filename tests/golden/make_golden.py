"""What each seed must be read as, field by field, kept in ``tests/golden/*.json``.

To make the files anew after a deliberate change, from the top of the repository::

    python -m tests.golden.make_golden

then read the difference line by line before it is committed.
"""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from schemas.article import Drop
from services.ingest.identity import assemble
from services.ingest.readers.base import Limits, ReadArticle, Source
from services.ingest.readers.registry import read_file

GOLDEN = Path(__file__).parent
SEEDS = GOLDEN.parents[1] / "seeds"
RECEIVED = datetime(2024, 1, 1, tzinfo=UTC)


def seeds() -> list[Path]:
    """The seeds' files."""
    return sorted(SEEDS.glob("*.txt"))


def golden_path(seed: Path) -> Path:
    """Where the seed's golden file is."""
    return GOLDEN / f"{seed.stem}.json"


def extract(seed: Path) -> dict[str, Any]:
    """Every field of the raw article that ``seed`` becomes, with fixed drop facts."""
    data = seed.read_bytes()
    source = Source(seed.name, len(data), lambda: io.BytesIO(data))
    (article,) = read_file(source, Limits())
    if not isinstance(article, ReadArticle):
        raise TypeError(f"{seed.name} is no article: {article.reason}")
    drop = Drop(
        drop_id=UUID(int=1),
        inbox_id=UUID(int=2),
        file=seed.name,
        content_sha256=sha256(data).hexdigest(),
        size=len(data),
        position=article.position,
        received_at=RECEIVED,
    )
    return assemble(article, drop, RECEIVED).model_dump(mode="json")


def main() -> None:
    """Write the golden file of every seed."""
    for seed in seeds():
        text = json.dumps(extract(seed), ensure_ascii=False, indent=2)
        golden_path(seed).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
