"""What docs/stores.md shows works as it is written there."""

from __future__ import annotations

import re
import secrets
import shlex
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from services.console.main import app
from services.indexer.store import postgres_derived, postgres_pool, postgres_search, postgres_words
from services.indexer.store.base import FacetName, Query
from services.indexer.store.postgres import PostgresStore
from tests import postgres
from tests.conformance.stores import filed, naming
from tests.factories import NOON, article_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.article import EnrichedArticle

DOC = Path("docs/stores.md").read_text("utf-8")


def block(kind: str, name: str) -> str:
    """The block of code behind its mark."""
    found = re.search(rf"<!-- {kind}: {name} -->\n```{kind}\n(.*?)```", DOC, re.DOTALL)
    assert found is not None
    return found[1]


def run(url: str, statements: str) -> None:
    """Each statement by itself, as psql sends them."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in re.sub(r"--.*", "", statements).split(";"):
            if statement.strip():
                connection.execute(sql.SQL(statement))


@pytest.fixture
def own_database() -> Iterator[str]:
    """The role and the database of the documentation under a name of our own."""
    name = f"wiredesk_doc_{secrets.token_hex(4)}"
    run(postgres.shared_url(), block("sql", "setup").replace("wiredesk", name))
    given = conninfo_to_dict(postgres.renamed(postgres.shared_url(), name))
    yield psycopg.conninfo.make_conninfo(
        **given | {"user": name, "password": "change-me"}  # type: ignore[arg-type]  # all are texts
    )
    with postgres.admin() as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def test_the_role_and_database_shown_are_all_that_a_store_needs(own_database: str) -> None:
    with PostgresStore(own_database) as store:
        assert filed(store, naming(1, "person:ana")) == ["indexed"]


def spread(number: int) -> EnrichedArticle:
    """An article of this month or of two months ago."""
    days = 45 if number % 3 == 0 else 0
    keys = (f"person:p{number % 4}", f"org:o{number}")
    published = NOON - timedelta(days=days, minutes=number)
    return naming(number, *keys, published_at=published, provider=f"Wire {number % 2}")


def test_an_archived_month_is_as_if_it_had_never_been_filed() -> None:
    urls = [postgres.copied_database() for _ in range(2)]
    numbers = range(1, 40)
    try:
        with PostgresStore(urls[0]) as all_of_it, PostgresStore(urls[1]) as rest:
            filed(all_of_it, *map(spread, numbers))
            filed(rest, *[spread(number) for number in numbers if number % 3])
            run(urls[0], block("sql", "detach"))

            assert all_of_it.get(article_id(3)) is None
            names = get_args(FacetName)
            assert all_of_it.facets(Query(), names, 99) == rest.facets(Query(), names, 99)
            for asked in ("person:p1", "org:o2", "org:o3"):
                assert all_of_it.entity(asked) == rest.entity(asked)
            found = [[e.key for e in s.find_entities("o", 99)] for s in (all_of_it, rest)]
            assert found[0] == found[1]
            # And it can come again.
            again = spread(3).model_copy(update={"revision": 2, "drop": naming(77).drop})
            assert filed(all_of_it, again) == ["indexed"]
            assert all_of_it.get(article_id(3)) == again
    finally:
        for url in urls:
            postgres.drop_database(url)


def test_the_command_is_there() -> None:
    assert app.registered_commands
    (line,) = block("sh", "migrate").splitlines()
    _, name, *_ = shlex.split(line)
    assert name in {command.name for command in app.registered_commands}


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (postgres_words.MAX_POSITION, "more than {:,} words"),
        (postgres_words.MAX_OCCURRENCES, "one word over {} times"),
        (postgres_words.OVERLAP, "up to {} words"),
        (postgres_words.MAX_WORD, "first {} characters"),
        (postgres_derived.LONGEST_KEY - 65, "first {} and a digest"),
        (postgres_derived.LONGEST_NAME, "names after {} characters"),
        (postgres_search.RANKED, "newest {:,} that match"),
        (postgres_pool.CONNECTIONS, "up to {} connections"),
        (postgres_pool.OLDEST // 10_000, "PostgreSQL {} or newer"),
    ],
)
def test_its_numbers_are_the_real_ones(number: int, said: str) -> None:
    assert said.format(number) in re.sub(r"\s+", " ", DOC)
