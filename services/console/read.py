"""``wiredesk search`` and ``wiredesk show``: what the store holds, as a person reads it.

Every value may come from a hostile file.  On a terminal it is shown through
:func:`printable` and as plain text, never as markup; in JSON everything that
isn't printable ASCII is escaped, so that a terminal is as safe as a parser.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC
from typing import TYPE_CHECKING, Any

from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from services.observability import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from rich.console import Console

    from schemas.annotations import NearDuplicate, ReadingTime, StoryRef
    from schemas.article import (
        EnrichedArticle,
        Entity,
        Picture,
        Place,
        Provenance,
        Rights,
        Subject,
    )
    from services.indexer.store.base import ArticleStore, Hit, Query, Record, Version

SHORT_ID = 8
"""Characters of an id that a list shows: of 100 stores with 10,000 articles each, one
holds two that share them."""

AMBIGUOUS_SHOWN = 10
"""Ids named when several begin alike: enough to choose from, few enough to read."""


class NotFound(LookupError):  # noqa: N818  (named for the state, like LookupError itself)
    """No article, or more than one, is meant; the message says which."""


def search(store: ArticleStore, query: Query, console: Console, *, as_json: bool = False) -> int:
    """Print the articles that match; gives back how many."""
    hits = store.search(query)
    if as_json:
        print_json(console, [asdict(hit) | {"snippet": hit.snippet} for hit in hits])
    elif hits:
        console.print(hit_table(hits))
    else:
        console.print("nothing found", style="dim")
    return len(hits)


def show(
    store: ArticleStore, article: UUID | str, console: Console, *, as_json: bool = False
) -> bool:
    """Print one article whole; False where the store doesn't know it.

    ``article`` is its id, or as text the first characters of it; raises
    ``NotFound`` when those mean no article or several.
    """
    article_id = find_article(store, article) if isinstance(article, str) else article
    record = store.record(article_id)
    if record is None:
        return False
    held = store.get(article_id)
    if as_json:
        document = None if held is None else held.model_dump(mode="json")
        print_json(console, asdict(record) | {"article": document})
    else:
        _print_record(console, record, held)
    return True


def find_article(store: ArticleStore, prefix: str) -> UUID:
    """The one article whose id begins with ``prefix``; raises ``NotFound``."""
    found = store.resolve(prefix, limit=AMBIGUOUS_SHOWN + 1) if prefix.strip() else []
    if len(found) == 1:
        return found[0]
    said = printable(prefix)
    if not found:
        raise NotFound(f"no article's id begins with '{said}'")
    names = ", ".join(str(article_id) for article_id in found[:AMBIGUOUS_SHOWN])
    more = ", …" if len(found) > AMBIGUOUS_SHOWN else ""
    raise NotFound(f"more than one article's id begins with '{said}': {names}{more}")


def print_json(console: Console, document: Any) -> None:
    """``document`` on one line of printable ASCII, which no terminal obeys."""
    console.out(json.dumps(document, default=_plain, ensure_ascii=True), highlight=False)


def _plain(value: object) -> str:
    """Times as the events write them, ids as text."""
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else str(value)


def text_of(value: object, style: str = "") -> Text:
    """``value`` as plain text that no terminal obeys."""
    return Text(printable(str(value)), style=style)


def time_of(time: datetime | None) -> str:
    """To the minute, in UTC."""
    return "–" if time is None else time.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def table_of(*columns: str) -> Table:
    """An empty table that folds what is too wide."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def hit_table(hits: Sequence[Hit]) -> Table:
    """What a list shows of articles that were found."""
    table = table_of("time (UTC)", "id", "headline", "text")
    for column in table.columns[:2]:
        column.no_wrap = True
    for hit in hits:
        table.add_row(
            time_of(hit.published_at or hit.filed_at),
            str(hit.article_id)[:SHORT_ID],
            text_of(hit.headline or "(no headline)", "bold"),
            text_of(hit.snippet),
        )
    return table


def _print_record(console: Console, record: Record, article: EnrichedArticle | None) -> None:
    headline = record.versions[-1].headline if article is None else article.headline
    console.print(text_of(headline or "(no headline)", "bold"))
    console.print(facts_table(_standing(record) + ([] if article is None else _metadata(article))))
    if article is not None:
        _print_text(console, article)
        _print_findings(console, article)
    print_table(console, "Versions", _version_table(record.versions))


def _standing(record: Record) -> list[tuple[str, object]]:
    states: dict[str, str] = {
        "live": "found by searches",
        "duplicate": f"duplicate of {record.duplicate_of}",
        "withdrawn": "withdrawn by its provider",
    }
    return [("id", record.article_id), ("state", states[record.state])]


def _metadata(article: EnrichedArticle) -> list[tuple[str, object]]:
    language, drop = article.detected_language, article.drop
    return [
        ("revision", f"{article.revision} ({article.revision_basis})"),
        ("identity", f"by {article.identity_basis}"),
        ("published", time_of(article.published_at)),
        ("updated", time_of(article.updated_at)),
        ("embargo", _embargo(article)),
        ("received", time_of(drop.received_at)),
        ("language", f"{language.code} ({language.confidence:.2f})"),
        ("declared", article.language),
        ("authors", ", ".join(article.authors)),
        ("byline", article.byline),
        ("dateline", article.dateline),
        ("urgency", article.urgency),
        ("extent", None if article.extent == "full" else f"{article.extent}, not the full text"),
        ("section", article.section),
        ("keywords", ", ".join(article.keywords)),
        ("subjects", "; ".join(_coded(each) for each in article.subjects)),
        ("places", "; ".join(_coded(each) for each in article.places)),
        ("provider", article.provider),
        ("provider id", article.provider_id),
        ("url", article.url),
        ("credits", "; ".join(article.credits)),
        *_rights(article.rights),
        ("file", f"{drop.file}, record {drop.position}"),
        ("found at", drop.locator),
        ("drop", drop.drop_id),
        ("reader", f"{article.reader.name} {article.reader.version}, {article.reader.format}"),
        ("warnings", "; ".join(article.reader.warnings)),
        ("reading time", reading_of(article.reading_time)),
        ("summary", None if article.summary is None else article.summary.text),
        ("story", story_of(article.story)),
        ("copy of", None if article.near_duplicate_of is None else kin(article.near_duplicate_of)),
        ("alike", "; ".join(kin(each) for each in article.near_duplicates)),
    ]


def reading_of(reading: ReadingTime | None) -> str | None:
    """Minutes and seconds, and the words that take them."""
    if reading is None:
        return None
    return f"{reading.seconds // 60}:{reading.seconds % 60:02} min ({reading.words:,} words)"


def story_of(story: StoryRef | None) -> str | None:
    """The story's id, and which article of it this is."""
    if story is None:
        return None
    merged = f", took in {', '.join(str(gone) for gone in story.merged)}" if story.merged else ""
    return f"{story.id} (article {story.articles:,} of it{merged})"


def kin(other: NearDuplicate) -> str:
    """Another article with much of this one's wording: ``ID (shortened, 93 % in common, NAME)``."""
    said = [other.direction, f"{other.share:.0%} in common", other.provider]
    return f"{other.article_id} ({', '.join(part for part in said if part)})"


def _embargo(article: EnrichedArticle) -> str | None:
    """The provider's wish; nothing here holds an article back for it."""
    until = article.embargoed_until
    return None if until is None else f"not to be published before {time_of(until)} UTC"


def _coded(given: Subject | Place) -> str:
    """Name, code and vocabulary, as far as the provider gave them: ``economy (04000000, subj)``."""
    code = ", ".join(part for part in (given.code, given.scheme) if part)
    return f"{given.name} ({code})" if given.name and code else given.name or code


def _rights(rights: Rights | None) -> list[tuple[str, object]]:
    if rights is None:
        return []
    return [
        ("copyright", rights.holder),
        ("notice", rights.notice),
        ("usage", rights.usage_terms),
    ]


def facts_table(facts: Iterable[tuple[str, object]]) -> Table:
    """Names and values side by side; what isn't there is left out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        if value not in {None, "", "–"}:
            table.add_row(name, text_of(value))
    return table


def _print_text(console: Console, article: EnrichedArticle) -> None:
    """The text by its sections; the headline stands at the top already."""
    for section in article.sections:
        if section.role != "headline":
            style = "italic" if section.role == "standfirst" else ""
            for line in article.text[section.start : section.end].split("\n"):
                console.print(Padding(text_of(line, style), (0, 2)))


def _print_findings(console: Console, article: EnrichedArticle) -> None:
    entities = table_of("entity", "type", "mentions", "salience", "key", "value")
    for entity in by_weight(article.entities):
        entities.add_row(*_entity_row(entity))
    topics = table_of("topic", "code", "score", "by")
    # The provider's are as it ordered them; a model's guess may round to the same score.
    for topic in sorted(article.topics, key=lambda t: (t.assigned_by != "provider", -t.score)):
        topics.add_row(
            text_of(topic.name), text_of(topic.code), f"{topic.score:.2f}", topic.assigned_by
        )
    quotes = table_of("said by", "verb", "words")
    for quote in article.quotes:
        speaker = quote.speaker_name or quote.speaker or "–"
        quotes.add_row(text_of(speaker), text_of(quote.verb or "–"), text_of(quote.text))
    pictures = table_of("picture", "credit", "url")
    for picture in article.pictures:
        pictures.add_row(*(text_of(part or "") for part in _parts(picture)))
    apart = table_of("line", "kind", "text")
    for line in article.set_apart:
        apart.add_row(str(line.line), line.kind, text_of(line.text))
    made = table_of("block", "status", "by", "model", "ms")
    for block in article.provenance:
        made.add_row(*_provenance_row(block))
    for title, table in (
        ("Entities", entities),
        ("Topics", topics),
        ("Quotes", quotes),
        ("Pictures", pictures),
        ("Set apart from the text", apart),
        ("Provenance", made),
    ):
        print_table(console, title, table)


def by_weight(entities: Iterable[Entity]) -> list[Entity]:
    """Those that the article is most about first, then those that it names most."""
    return sorted(entities, key=lambda e: (-(e.salience or 0.0), -times_named(e), e.name))


def times_named(entity: Entity) -> int:
    """How often the article names it, as far as is known."""
    return entity.count or len(entity.mentions)


def _entity_row(entity: Entity) -> tuple[Text, str, str, str, Text, Text]:
    salience = "" if entity.salience is None else f"{entity.salience:.2f}"
    return (
        text_of(entity.name),
        entity.type,
        str(times_named(entity)),
        salience,
        text_of(entity.key),
        text_of(value_of(entity)),
    )


def value_of(entity: Entity) -> str:
    """The days or the money that it means: ``2026-03-02``, ``about 3,560,000,000 USD``."""
    if entity.date is not None:
        first, last = entity.date.earliest.isoformat(), entity.date.latest.isoformat()
        return first if first == last else f"{first} to {last}"
    if entity.money is None:
        return ""
    money = entity.money
    upto = "" if money.upto is None else f" to {_amount(money.upto)}"
    return f"{'about ' if money.about else ''}{_amount(money.amount)}{upto} {money.currency}"


def _amount(amount: float) -> str:
    return f"{amount:,.2f}".removesuffix(".00")


def _parts(picture: Picture) -> tuple[str | None, str | None, str | None]:
    return (picture.caption, picture.credit, picture.url)


def _provenance_row(block: Provenance) -> tuple[Text, Text, Text, Text, Text]:
    status = block.status if block.reason is None else f"{block.status}: {block.reason}"
    model = " ".join(part for part in (block.model, block.model_version) if part)
    return (
        text_of(block.block),
        text_of(status),
        text_of(f"{block.annotator} {block.version}"),
        text_of(model),
        text_of(f"{block.duration_ms:.1f}"),
    )


def _version_table(versions: Sequence[Version]) -> Table:
    table = table_of("revision", "received (UTC)", "filed (UTC)", "headline")
    for version in versions:
        headline = text_of(version.headline or "(no headline)")
        if version.withdrawn:
            headline.append(" – withdrawn", style="red")
        table.add_row(
            str(version.revision), time_of(version.received_at), time_of(version.filed_at), headline
        )
    return table


def print_table(console: Console, title: str, table: Table) -> None:
    """A table under its title; one without rows is left out."""
    if table.row_count:
        console.print()
        console.print(Text(title, style="bold"))
        console.print(table)
