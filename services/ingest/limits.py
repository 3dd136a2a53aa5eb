"""What readers may use, from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.ingest.readers.base import Limits

if TYPE_CHECKING:
    from services.settings import Settings


def limits_of(settings: Settings) -> Limits:
    """The limits that ``settings`` give."""
    return Limits(
        article_bytes=settings.max_article_bytes,
        expanded_bytes=settings.max_expanded_bytes,
    )
