"""``wiredesk explain`` on a screen: what enrichment found in an article, and from what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.text import Text

from services.console.explain_text import STYLES, has_colours, legend, marked_paragraphs
from services.console.read import (
    by_weight,
    facts_table,
    kin,
    print_table,
    reading_of,
    story_of,
    table_of,
    text_of,
    time_of,
    times_named,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.table import Table

    from schemas.article import EnrichedArticle, Entity, Provenance, Topic

VALUES = frozenset({"DATE", "MONEY"})

MOST_ROWS = 40
"""Entities, values and quotes listed of each kind: two screens. ``--json`` has all."""

HASH_CHARS = 12
"""Characters of a model's hash: enough to tell two releases apart."""


def show_explained(article: EnrichedArticle, console: Console) -> None:
    """Print the article and everything that was found in it."""
    console.print(text_of(article.headline or "(no headline)", "bold"))
    console.print(facts_table(_facts(article)))
    _print_text(article, console)
    named = [entity for entity in article.entities if entity.type not in VALUES]
    values = [entity for entity in article.entities if entity.type in VALUES]
    for title, table in (
        ("Entities", _entities(named)),
        ("Relations", _relations(named)),
        ("Dates and money", _values(values)),
        ("Topics", _topics(article.topics)),
        ("Quotes", _quotes(article)),
    ):
        print_table(console, title, table)
    _print_summary(article, console)
    _print_kin(article, console)
    print_table(console, "Made by", _provenance(article.provenance))


def _facts(article: EnrichedArticle) -> list[tuple[str, object]]:
    language = article.detected_language
    declared = f", declared as {article.language}" if article.language else ""
    return [
        ("id", article.article_id),
        ("source", article.provider or article.url),
        ("file", f"{article.drop.file}, record {article.drop.position}"),
        ("language", f"{language.code} ({language.confidence:.2f}{declared})"),
        ("published", f"{time_of(article.published_at)} UTC" if article.published_at else None),
        ("reading time", reading_of(article.reading_time)),
    ]


def _print_text(article: EnrichedArticle, console: Console) -> None:
    colours = has_colours(console)
    console.print()
    if colours and article.entities:
        console.print(legend(article.entities))
    for line in marked_paragraphs(article, colours=colours):
        console.print(Padding(line, (0, 0, 1, 2)))


def _score(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _entities(entities: Iterable[Entity]) -> Table:
    table = table_of("entity", "type", "×", "salience", "sure", "link (how sure)")
    ordered = by_weight(entities)
    for entity in ordered[:MOST_ROWS]:
        table.add_row(
            text_of(entity.name, STYLES[entity.type]),
            entity.type,
            str(times_named(entity)),
            _score(entity.salience),
            _score(entity.confidence),
            text_of(_link(entity)),
        )
    _say_more(table, len(ordered))
    return table


def _link(entity: Entity) -> str:
    """Its ids at Wikidata, GeoNames (gn) and ISO; our own key where nobody known is meant."""
    ids = [
        entity.wikidata,
        f"gn:{entity.geonames}" if entity.geonames else None,
        entity.iso_country,
    ]
    known = " · ".join(part for part in ids if part) or entity.key
    return known if entity.link_confidence is None else f"{known} ({entity.link_confidence:.2f})"


def _relations(entities: Iterable[Entity]) -> Table:
    table = table_of("entity", "is", "of")
    for entity in entities:
        for relation in entity.relations:
            table.add_row(
                text_of(entity.name),
                relation.kind.replace("_", " "),
                text_of(f"{relation.name} ({relation.key})"),
            )
    return table


def _values(entities: list[Entity]) -> Table:
    table = table_of("words", "type", "value", "resolved against (UTC)")
    for entity in entities[:MOST_ROWS]:
        against = entity.date.relative_to if entity.date else None
        table.add_row(
            text_of(entity.mentions[0].text),
            entity.type,
            text_of(value_of(entity) or "not resolved"),
            "" if against is None else time_of(against),
        )
    _say_more(table, len(entities))
    return table


def _topics(topics: Iterable[Topic]) -> Table:
    table = table_of("topic", "code", "score", "by", "because of")
    for topic in topics:
        because = ", ".join(f"{item.words} {item.weight:.2f}" for item in topic.evidence)
        table.add_row(
            text_of(topic.name),
            text_of(topic.code),
            _score(topic.score),
            topic.assigned_by,
            text_of(because),
        )
    return table


def _quotes(article: EnrichedArticle) -> Table:
    table = table_of("who", "verb", "words")
    for quote in article.quotes[:MOST_ROWS]:
        who = text_of(quote.speaker_name or "(not told)", "" if quote.speaker else "dim")
        table.add_row(who, text_of(quote.verb or ""), text_of(" ".join(quote.text.split())))
    _say_more(table, len(article.quotes))
    return table


def _say_more(table: Table, count: int) -> None:
    if count > MOST_ROWS:
        table.add_row(Text(f"… and {count - MOST_ROWS} more", style="dim"))


def _print_summary(article: EnrichedArticle, console: Console) -> None:
    if article.summary is None:
        return
    console.print()
    console.print(Text(f"Summary ({article.summary.method}: a sentence of the text)", "bold"))
    console.print(Padding(text_of(article.summary.text), (0, 2)))


def _print_kin(article: EnrichedArticle, console: Console) -> None:
    first = article.near_duplicate_of
    alike = [kin(other) for other in article.near_duplicates]
    table = facts_table(
        [
            ("near-duplicate of", kin(first) if first else _nothing(article, "duplicates")),
            ("all alike", "; ".join(alike) if len(alike) > 1 else None),
            ("story", story_of(article.story) or _nothing(article, "story")),
        ]
    )
    print_table(console, "Other articles", table)


def _nothing(article: EnrichedArticle, block: str) -> str:
    """Why there is nothing: none was found, or nobody looked."""
    made = next((made for made in article.provenance if made.block == block), None)
    if made is None:
        return "not looked up"
    return "none found" if made.status == "done" else made.reason or "not looked up"


def _provenance(blocks: tuple[Provenance, ...]) -> Table:
    table = table_of("block", "ms", "made by, with")
    table.columns[1].justify = "right"
    for block in blocks:
        table.add_row(text_of(block.block), f"{block.duration_ms:.1f}", _maker(block))
    if len(blocks) > 1:
        total = sum(block.duration_ms for block in blocks)
        table.add_row(Text("all", style="bold"), f"{total:.1f}", "")
    return table


def _maker(block: Provenance) -> Text:
    digest = f"sha256 {block.model_sha256[:HASH_CHARS]}…" if block.model_sha256 else None
    model = [block.model, block.model_version, digest]
    with_ = " ".join(part for part in model if part)
    said = [f"{block.annotator} {block.version}", with_, block.knowledge_version]
    made = text_of("; ".join(part for part in said if part))
    if block.status != "done" or block.reason:
        style = "red" if block.status == "failed" else "yellow"
        reason = ": ".join(part for part in (block.status, block.reason) if part)
        made.append("\n")
        made.append(text_of(reason, style))
    return made
