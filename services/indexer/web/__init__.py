"""The page: its files, as they are shipped and served; nothing is built.

``load`` reads them all at once (about 100 kB), so that a path can only ever name one of them.
A digest over all files is part of the addresses that the page itself uses
(``/static/DIGEST/app.js``): a browser keeps them for as long as it likes, and never mixes the
modules of two releases.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent
INDEX = "index.html"

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""By suffix: browsers run a module under no other type, and systems' tables differ."""


@dataclass(frozen=True, slots=True)
class WebFile:
    """One file of the page as it is sent."""

    content: bytes
    media_type: str
    etag: str


@dataclass(frozen=True, slots=True)
class Page:
    """All files by their path (``css/base.css``), the digest over them, and the page itself."""

    files: Mapping[str, WebFile]
    digest: str
    index: WebFile

    def find(self, path: str) -> tuple[WebFile, bool] | None:
        """The file of a path below ``/static/``, and whether the path has the digest in it."""
        release, _, name = path.partition("/")
        if release == self.digest:
            found, lasting = self.files.get(name), True
        else:
            found, lasting = self.files.get(path), False
        return None if found is None else (found, lasting)


def _read(folder: Path) -> dict[str, bytes]:
    """Every file of a known type below ``folder``; the page itself left out."""
    paths = (path for path in sorted(folder.rglob("*")) if path.suffix in MEDIA_TYPES)
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return {name: content for name, content in contents.items() if name != INDEX}


def _web_file(content: bytes, name: str) -> WebFile:
    tag = hashlib.sha256(content).hexdigest()[:24]
    return WebFile(content, MEDIA_TYPES[Path(name).suffix], f'"{tag}"')


@cache
def load(folder: Path = FOLDER) -> Page:
    """The page; ``OSError`` where a file can't be read."""
    contents = _read(folder)
    whole = hashlib.sha256()
    for name, content in contents.items():
        whole.update(f"{name}\0{len(content)}\0".encode() + content)
    digest = whole.hexdigest()[:16]
    index = (folder / INDEX).read_bytes().replace(b'"/static/', f'"/static/{digest}/'.encode())
    files = {name: _web_file(content, name) for name, content in contents.items()}
    return Page(files, digest, _web_file(index, INDEX))
