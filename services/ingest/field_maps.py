"""Field maps: the file that says how the dumps of one's own are read.

A YAML file with one entry for each kind of dump, its name first::

    harbour-archive:
      headline: meta.title
      body: story.paragraphs
      published_at: meta.times.0
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import yaml

from services.ingest.readers.base import FieldMap
from services.ingest.readers.dumps.fields import FIELDS

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES: Final = 1024 * 1024
"""Of a file that people write: some hundred bytes for each map."""


class FieldMapError(ValueError):
    """The file of field maps is wrong; the message says where, for whoever wrote it."""


def load_field_maps(path: Path | None) -> tuple[FieldMap, ...]:
    """The maps in the file at ``path``, in its order; none without a file.

    Raises :class:`FieldMapError` where the file can't be read or is not as it should be.
    """
    if path is None:
        return ()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FieldMapError(f"{path}: can't be read: {error.strerror or error}") from error
    if len(data) > MAX_BYTES:
        raise FieldMapError(f"{path}: {len(data)} bytes are no field map; at most {MAX_BYTES}")
    try:
        # BaseLoader makes strings, lists and dicts only: "no" and 12:30 stay what is written.
        loaded = yaml.load(data, Loader=yaml.BaseLoader)  # noqa: S506  (stricter than the safe one)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise FieldMapError(f"{path}: not valid YAML: {error}") from error
    if not isinstance(loaded, dict) or not loaded:
        raise FieldMapError(f"{path}: must have an entry for each kind of dump, its name first")
    return tuple(_field_map(path, str(name), fields) for name, fields in loaded.items())


def _field_map(path: Path, name: str, fields: object) -> FieldMap:
    if not isinstance(fields, dict):
        raise FieldMapError(f"{path}: {name}: must say which field is at which key")
    for field, key in fields.items():
        if field not in FIELDS:
            known = ", ".join(sorted(FIELDS))
            raise FieldMapError(f"{path}: {name}: there is no field {field!r}; there are: {known}")
        if not isinstance(key, str) or not key:
            raise FieldMapError(f"{path}: {name}: {field}: must be a key, e.g. 'meta.title'")
    if "body" not in fields and "headline" not in fields:
        raise FieldMapError(f"{path}: {name}: needs 'body' or 'headline': what an article has")
    return FieldMap(name, tuple((str(field), str(key)) for field, key in fields.items()))
