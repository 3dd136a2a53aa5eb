"""``wiredesk entities``: who is who, as an operator sees and changes it.

Names and keys may come from a hostile file; see :mod:`services.console.read` for
how they are shown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from services.bus.changes import publish_now
from services.bus.errors import StopWorking, Unavailable
from services.console.options import writable_store
from services.console.read import (
    NotFound,
    facts_table,
    hit_table,
    print_json,
    print_table,
    table_of,
    text_of,
    time_of,
)
from services.enrichment.annotators.names import fold
from services.indexer.store.base import Query
from services.observability import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from schemas.events import EntitiesChanged
    from services.indexer.store.base import ArticleStore
    from services.indexer.store.entities import KnownEntity
    from services.settings import Settings

NEWEST_SHOWN = 5
"""Articles that ``show`` lists of an entity; ``wiredesk search --entity`` lists more."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a command changed (None: nothing was to be), and why subscribers don't know yet."""

    change: EntitiesChanged | None
    waiting: str | None = None


def find(
    store: ArticleStore, words: str, limit: int, console: Console, *, as_json: bool = False
) -> int:
    """Print the entities that ``words`` name; gives back how many."""
    found = store.find_entities(words, limit)
    if as_json:
        print_json(console, [asdict(entity) for entity in found])
    elif found:
        _print_entities(console, found)
    else:
        console.print("nothing found", style="dim")
    return len(found)


def _print_entities(console: Console, entities: Sequence[KnownEntity]) -> None:
    table = table_of("key", "name", "type", "articles", "mentions")
    for entity in entities:
        table.add_row(
            text_of(entity.key),
            text_of(entity.name or "–"),
            text_of(entity.type or "–"),
            f"{entity.articles:,}",
            f"{entity.mentions:,}",
        )
    console.print(table)


def show(store: ArticleStore, key: str, console: Console, *, as_json: bool = False) -> None:
    """Print what is known of one entity; raises ``NotFound``, with keys that may be meant."""
    entity = store.entity(key)
    if entity is None:
        alike = " or ".join(f"'{each.key}'" for each in store.find_entities(_name_in(key), 3))
        meant = f"; did you mean {alike}?" if alike else ""
        raise NotFound(f"no article and no alias has the entity key '{key}'{meant}")
    hits = store.search(Query(entity=entity.key, limit=NEWEST_SHOWN))
    if as_json:
        print_json(console, asdict(entity) | {"newest": [asdict(hit) for hit in hits]})
        return
    console.print(text_of(entity.name or entity.key, "bold"))
    facts = [("key", entity.key), ("type", entity.type), ("articles", f"{entity.articles:,}")]
    console.print(facts_table([*facts, ("mentions", f"{entity.mentions:,}")]))
    merged = table_of("merged into it")
    for part in entity.merged:
        merged.add_row(text_of(part))
    names = table_of("called", "articles")
    for name, articles in entity.names:
        names.add_row(text_of(name), f"{articles:,}")
    print_table(console, "Merged", merged)
    print_table(console, "Names", names)
    if hits:
        print_table(console, "Newest articles", hit_table(hits))


def _name_in(key: str) -> str:
    """The name that an unlinked key is made of, or the text itself."""
    return key.rpartition(":")[2] or key


def aliases(store: ArticleStore, console: Console, *, as_json: bool = False) -> int:
    """Print everything that was merged or aliased and holds; gives back how many."""
    found = store.aliases()
    if as_json:
        print_json(console, [asdict(alias) for alias in found])
        return len(found)
    table = table_of("key", "name", "is", "said of", "since (UTC)")
    for alias in found:
        chain = alias.target if alias.root == alias.target else f"{alias.target} → {alias.root}"
        said_of = "the name" if alias.by_name else "the key"
        table.add_row(
            text_of(alias.key),
            text_of(alias.name or "–"),
            text_of(chain),
            said_of,
            time_of(alias.at),
        )
    console.print(table if found else "no entity is merged or aliased")
    return len(found)


def keys_of(name: str, kind: str) -> list[str]:
    """The key that enrichment makes of a name of type ``kind`` that it can't link."""
    return [f"{kind.lower()}:{fold(name)}"]


def kind_of(store: ArticleStore, key: str) -> str | None:
    """The type of the entity that ``key`` means, None where nobody has told."""
    entity = store.entity(key)
    return None if entity is None else entity.type


def change(settings: Settings, make: Callable[[ArticleStore], EntitiesChanged | None]) -> Told:
    """Change the store, and publish what was changed where the server can be reached.

    Raises ``Refused`` and what opening and writing a store raise.
    """
    with writable_store(settings) as store:
        made = make(store)
        if made is None:
            return Told(None)
        try:
            publish_now(store, settings)
        except (Unavailable, StopWorking) as error:
            # The change is made, and stays in the outbox.
            return Told(made, str(error))
        return Told(made)


def report(told: Told, console: Console, *, as_json: bool = False) -> None:
    """Print what a command changed."""
    made = told.change
    if as_json:
        document = None if made is None else made.model_dump(mode="json")
        print_json(
            console,
            {"change": document, "published": told.waiting is None, "reason": told.waiting},
        )
        return
    if made is None:
        console.print("nothing to change: it is so already")
        return
    console.print(text_of(_said(made)), soft_wrap=True)
    if told.waiting is None:
        console.print("subscribers were told")
    else:
        waiting = f"the indexer tells subscribers when it runs ({printable(told.waiting)})"
        console.print(text_of(waiting), soft_wrap=True)


def _said(made: EntitiesChanged) -> str:
    name = f" ({made.name})" if made.name else ""
    articles = f"{made.articles:,} article{'' if made.articles == 1 else 's'} keyed anew"
    if made.change == "split":
        others = f", and with it {', '.join(made.keys[1:])}" if len(made.keys) > 1 else ""
        return f"split off: {made.keys[0]}{name}{others}; {articles}"
    return f"{made.change}: {', '.join(made.keys)} → {made.into}{name}; {articles}"
