"""What enrichment makes of both seeds and of the golden articles, kept in ``enriched``.

To make the files anew after a deliberate change, from the top of the repository::

    python -m tests.golden.make_enriched

then read the difference line by line before it is committed.  Versions, times and
digests are left out: they change without anything being found that wasn't.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.golden.gold import enriched, every_text
from tests.golden.make_golden import GOLDEN, written

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.article import EnrichedArticle, Entity

ENRICHED = GOLDEN / "enriched"


def golden_path(path: Path) -> Path:
    """Where the enrichment of the text in ``path`` is kept."""
    return ENRICHED / f"{path.stem}.json"


def shown(article: EnrichedArticle) -> dict[str, Any]:
    """What enrichment added, short enough to be read as a difference."""
    return {
        "headline": article.headline,
        "published_at": article.model_dump(mode="json", include={"published_at"})["published_at"],
        "language": article.detected_language.code,
        "summary": article.summary.text if article.summary else None,
        "words": article.reading_time.words if article.reading_time else None,
        "entities": [_entity(entity) for entity in article.entities],
        "topics": [_set_fields(topic) for topic in article.topics],
        "quotes": [_set_fields(quote) for quote in article.quotes],
        "blocks": {p.block: [p.annotator, p.status, p.reason] for p in article.provenance},
    }


def _set_fields(model: Any) -> dict[str, Any]:
    fields: dict[str, Any] = model.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    return fields


def _entity(entity: Entity) -> dict[str, Any]:
    fields = _set_fields(entity)
    fields["mentions"] = [f"{m.start}-{m.end} {m.text}" for m in entity.mentions]
    return fields


def main() -> None:
    """Write the golden file of every text."""
    ENRICHED.mkdir(exist_ok=True)
    for path in every_text():
        golden_path(path).write_text(written(shown(enriched(path))), encoding="utf-8")


if __name__ == "__main__":
    main()
