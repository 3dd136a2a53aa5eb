"""Articles out of a store, as JSON lines or Parquet, in bounded memory.

What is exported is what a search finds, the newest first, each article as the store gives it
now.  It is read page by page: a writer may file meanwhile, and no article is missed or
repeated for it.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import ModuleType
    from typing import BinaryIO

    from schemas.article import EnrichedArticle
    from services.indexer.store.base import ArticleStore, Query

PAGE = 500
"""Articles of one page: their ids and excerpts, about 1 MB."""

GROUP_ROWS, GROUP_CHARACTERS = 2000, 16 * 1024 * 1024
"""A row group of Parquet is written when it has so many rows, or so much text with its documents:
about 1,200 articles. Measured with 100,000 articles, the process takes 250 MiB at most (60 MiB for
JSON lines); smaller groups make files larger and slower to read."""

Row = dict[str, Any]


class MissingPyarrow(ImportError):  # noqa: N818  (named for what is missing)
    """Parquet was asked for where pyarrow isn't installed."""


class Writer(Protocol):
    """Takes the articles of an export one by one."""

    def write(self, article: EnrichedArticle) -> None:
        """Take one article."""

    def close(self) -> None:
        """Write what was held back; the stream stays open."""


def articles(store: ArticleStore, query: Query) -> Iterator[EnrichedArticle]:
    """Every article that ``query`` finds, the newest first; its limit and order don't count.

    Those that are withdrawn between being found and being read are left out.
    """
    query = replace(query, order="newest", limit=PAGE)
    page = store.page(query)
    while True:
        for hit in page.hits:
            article = store.get(hit.article_id)
            if article is not None:
                yield article
        if page.next is None:
            return
        page = store.page(query, page.next)


def export(found: Iterable[EnrichedArticle], writer: Writer, tell: Callable[[int], None]) -> int:
    """Write all articles, and ``tell`` after each how many there are by now; how many they were.

    The writer is closed whatever happens: it would complain when it is thrown away.
    """
    count = 0
    with closing(writer):
        for count, article in enumerate(found, 1):
            writer.write(article)
            tell(count)
    return count


class JsonLines:
    """One article a line, as JSON in UTF-8: what :class:`EnrichedArticle` reads back equal."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, article: EnrichedArticle) -> None:
        """Write its line."""
        self._stream.write(article.model_dump_json().encode() + b"\n")

    def close(self) -> None:
        """Nothing is held back."""


class Parquet:
    """A table of the fields that are asked for most, and each document whole as JSON text."""

    def __init__(self, stream: BinaryIO) -> None:
        self._arrow, parquet = _pyarrow()
        self._schema = schema(self._arrow)
        self._writer = parquet.ParquetWriter(stream, self._schema, compression="zstd")
        self._rows: list[Row] = []
        self._characters = 0

    def write(self, article: EnrichedArticle) -> None:
        """Take its row; a full group of rows is written."""
        row = row_of(article)
        self._rows.append(row)
        self._characters += len(row["text"]) + len(row["document"])
        if len(self._rows) >= GROUP_ROWS or self._characters >= GROUP_CHARACTERS:
            self._flush()

    def close(self) -> None:
        """Write the last group, and what a Parquet file ends with."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(self._arrow.Table.from_pylist(self._rows, self._schema))
        self._rows, self._characters = [], 0


def _pyarrow() -> tuple[ModuleType, ModuleType]:
    """The package and its module of Parquet; :class:`MissingPyarrow` with what to do about it."""
    try:
        import pyarrow as pa  # noqa: PLC0415  (optional, and half a second)
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise MissingPyarrow(
            "Parquet needs pyarrow: pip install 'wiredesk[parquet]'; "
            "JSON lines need nothing: name the file articles.jsonl.gz"
        ) from error
    return pa, parquet


def row_of(article: EnrichedArticle) -> Row:
    """The columns of one article."""
    row: Row = {name: getattr(article, name) for name in PLAIN + TIMES}
    return row | {
        "article_id": str(article.article_id),
        "authors": list(article.authors),
        "keywords": list(article.keywords),
        "received_at": article.drop.received_at,
        "file": article.drop.file,
        "language": article.detected_language.code,
        "entities": [{name: getattr(each, name) for name in ENTITY} for each in article.entities],
        "topics": [{name: getattr(each, name) for name in TOPIC} for each in article.topics],
        "quotes": [{name: getattr(each, name) for name in QUOTE} for each in article.quotes],
        "summary": article.summary and article.summary.text,
        "words": article.reading_time and article.reading_time.words,
        "story_id": article.story and str(article.story.id),
        "near_duplicate_of": article.near_duplicate_of
        and str(article.near_duplicate_of.article_id),
        "document": article.model_dump_json(),
    }


PLAIN = (
    "revision",
    "headline",
    "standfirst",
    "byline",
    "dateline",
    "text",
    "url",
    "provider",
    "provider_id",
    "section",
    "urgency",
    "extent",
    "content_hash",
)
TIMES = ("published_at", "updated_at", "embargoed_until", "ingested_at", "enriched_at")
"""Columns that are the article's fields of that name."""

ENTITY = ("key", "name", "type", "count", "salience", "confidence", "wikidata", "geonames")
TOPIC = ("code", "name", "score", "assigned_by", "level")
QUOTE = ("text", "speaker", "speaker_name")
"""What the nested columns hold of each; the document has the rest."""


def schema(arrow: Any) -> Any:
    """The columns and their types: times in UTC to the microsecond, ids as text."""
    text, time = arrow.string(), arrow.timestamp("us", tz="UTC")
    number, share = arrow.int32(), arrow.float64()

    def listed(names: tuple[str, ...], **others: Any) -> Any:
        return arrow.list_(arrow.struct([(name, others.get(name, text)) for name in names]))

    return arrow.schema(
        [
            arrow.field("article_id", text, nullable=False),
            ("revision", arrow.int64()),
            *((name, text) for name in PLAIN if name not in {"revision", "urgency"}),
            ("urgency", arrow.int8()),
            ("authors", arrow.list_(text)),
            ("keywords", arrow.list_(text)),
            *((name, time) for name in TIMES),
            ("received_at", time),
            ("file", text),
            ("language", text),
            ("entities", listed(ENTITY, count=number, salience=share, confidence=share)),
            ("topics", listed(TOPIC, score=share, level=number)),
            ("quotes", listed(QUOTE)),
            ("summary", text),
            ("words", number),
            ("story_id", text),
            ("near_duplicate_of", text),
            arrow.field("document", text, nullable=False),
        ]
    )
