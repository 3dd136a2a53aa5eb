"""Enriches texts in a process of its own: ``python -m tests.enrichment.enrich_texts BATCH``.

Prints a line for each text: the digest of everything that enrichment said, times left
out (they are the only thing that may differ).
"""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

from tests.golden.gold import enricher, every_text, raw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.article import EnrichedArticle, RawArticle


def texts() -> list[RawArticle]:
    """Both seeds, the golden articles, and some that are hard."""
    plain = [raw(path) for path in every_text()]
    odd = ("", "Bonjour", "MINSK " * 300, "Xi Jinping met Putin. " * 200, "価格は上がった。")
    return plain + [plain[0].model_copy(update={"text": text, "sections": ()}) for text in odd]


def digests(batch: int) -> Iterator[str]:
    """The digest of each text's enrichment, worked on ``batch`` at a time."""
    articles = texts()
    for start in range(0, len(articles), batch):
        for made in enricher().enrich(articles[start : start + batch]):
            yield digest(made)  # type: ignore[arg-type]  # nothing is rejected


def digest(article: EnrichedArticle) -> str:
    """SHA-256 of the event's JSON."""
    return hashlib.sha256(article.model_dump_json().encode()).hexdigest()


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in digests(int(sys.argv[1])))
