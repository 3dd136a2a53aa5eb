"""What each seed and each sample must be read as, field by field, kept in ``tests/golden``.

To make the files anew after a deliberate change, from the top of the repository::

    python -m tests.golden.make_golden

then read the difference line by line before it is committed.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from schemas.article import Drop
from services.ingest.identity import assemble
from services.ingest.readers.base import BadRecord, Limits, ReadArticle, Source, Unreadable
from services.ingest.readers.registry import read_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.article import RawArticle

GOLDEN = Path(__file__).parent
SEEDS = GOLDEN.parents[1] / "seeds"
SAMPLES = GOLDEN.parent / "readers" / "samples"
SCHEMAS = SAMPLES / "ninjs_schemas"
RECEIVED = datetime(2027, 1, 1, tzinfo=UTC)
"""After all times in the samples: an update that is said to be in the future doesn't count."""

LARGEST = 128 * 1024
"""Bytes of a sample whose golden file is worth reading; larger ones are for the tests of limits."""


def seeds() -> list[Path]:
    """The seeds' files."""
    return sorted(SEEDS.glob("*.txt"))


def samples() -> list[Path]:
    """The samples of all formats, of our own writing."""
    return sorted(
        path
        for path in SAMPLES.rglob("*")
        if path.is_file() and path.suffix != ".py" and not path.is_relative_to(SCHEMAS)
        if path.stat().st_size <= LARGEST
    )


def golden_path(path: Path) -> Path:
    """Where the golden file of a seed or a sample is."""
    if path.parent == SEEDS:
        return GOLDEN / f"{path.stem}.json"
    return GOLDEN / "samples" / f"{path.relative_to(SAMPLES)}.json"


def records(path: Path) -> Iterator[ReadArticle | BadRecord | Unreadable]:
    """What ``path`` holds; a refusal comes last, as a value."""
    data = path.read_bytes()
    source = Source(path.name, len(data), lambda: io.BytesIO(data))
    try:
        yield from read_file(source, Limits())
    except Unreadable as refusal:
        yield refusal


def extract(seed: Path) -> dict[str, Any]:
    """Every field of the raw article that ``seed`` becomes, with fixed drop facts."""
    return extract_path(seed).model_dump(mode="json")


def extract_path(path: Path) -> RawArticle:
    """The one article in ``path``, with fixed drop facts."""
    (article,) = records(path)
    if not isinstance(article, ReadArticle):
        raise TypeError(f"{path.name} is no article: {article.reason}")
    return assemble(article, _drop(path, article), RECEIVED)


def extract_all(path: Path) -> list[dict[str, Any]]:
    """Every record of ``path``: what is set of a raw article, or of a rejection."""
    return [_shown(path, record) for record in records(path)]


def _shown(path: Path, record: ReadArticle | BadRecord | Unreadable) -> dict[str, Any]:
    if isinstance(record, Unreadable):
        return {"refused": record.reason, "advice": record.advice}
    if isinstance(record, BadRecord):
        return {name: value for name, value in asdict(record).items() if value}
    article = assemble(record, _drop(path, record), RECEIVED)
    shown = article.model_dump(mode="json", exclude_defaults=True, exclude={"ingested_at"})
    shown["drop"] = {name: shown["drop"][name] for name in ("position",)} | {
        name: value for name in ("locator",) if (value := getattr(article.drop, name))
    }
    return shown | ({"checkpoint": record.checkpoint} if record.checkpoint else {})


def _drop(path: Path, record: ReadArticle) -> Drop:
    data = path.read_bytes()
    return Drop(
        drop_id=UUID(int=1),
        inbox_id=UUID(int=2),
        file=path.name,
        content_sha256=sha256(data).hexdigest(),
        size=len(data),
        position=record.position,
        locator=record.locator or None,
        received_at=RECEIVED,
    )


def written(document: object) -> str:
    """A golden file's text."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def main() -> None:
    """Write the golden file of every seed and every sample."""
    for seed in seeds():
        golden_path(seed).write_text(written(extract(seed)), encoding="utf-8")
    for sample in samples():
        target = golden_path(sample)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(written(extract_all(sample)), encoding="utf-8")


if __name__ == "__main__":
    main()
