"""What readers may use, from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.bus.errors import StopWorking
from services.ingest.field_maps import FieldMapError, load_field_maps
from services.ingest.readers.base import Limits

if TYPE_CHECKING:
    from services.settings import Settings


def limits_of(settings: Settings) -> Limits:
    """The limits that ``settings`` give; raises :class:`StopWorking` for a bad field map file."""
    try:
        field_maps = load_field_maps(settings.field_map_file)
    except FieldMapError as error:
        raise StopWorking(f"the setting field_map_file: {error}") from error
    return Limits(
        article_bytes=settings.max_article_bytes,
        expanded_bytes=settings.max_expanded_bytes,
        field_maps=field_maps,
    )
