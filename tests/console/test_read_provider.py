"""``wiredesk show``: what the provider said of an article, and who assigned a topic."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console

from schemas.article import Picture, Place, Rights, Subject, Topic
from services.console.read import show
from services.indexer.store.sqlite import SqliteStore
from tests.factories import at, make_drop, make_enriched

if TYPE_CHECKING:
    from pathlib import Path

    from schemas.article import EnrichedArticle


def shown(folder: Path, article: EnrichedArticle) -> list[str]:
    """The lines that ``show`` prints of an article in a store of its own."""
    output = io.StringIO()
    with SqliteStore(folder / "store.sqlite3") as store:
        store.file([article])
        assert show(store, article.article_id, Console(file=output, width=200, color_system=None))
    return output.getvalue().splitlines()


def test_what_the_provider_says_of_an_article_is_shown(tmp_path: Path) -> None:
    article = make_enriched(
        byline="By IVO MARIN and DANA REYES",
        urgency=2,
        extent="summary",
        embargoed_until=at(3600),
        section="Region",
        keywords=("harbour", "ferries"),
        subjects=(
            Subject(code="medtop:20000337", name="sea transport"),
            Subject(code="04000000", scheme="subj"),
            Subject(name="ports"),
        ),
        places=(Place(name="Riverton", code="geo:77", scheme="geonames"),),
        pictures=(
            Picture(caption="The quay", credit="D. Reyes/Wire", url="https://news.example/q.jpg"),
            Picture(caption="The ferry"),
        ),
        rights=Rights(holder="Example Wire", notice="© 2026 Wire", usage_terms="Not for resale"),
        drop=make_drop(locator="stories.zip!a/b.eml"),
    )
    lines = {" ".join(line.split()) for line in shown(tmp_path, article)}
    assert lines >= {
        "byline By IVO MARIN and DANA REYES",
        "urgency 2",
        "extent summary, not the full text",
        "embargo not to be published before 2026-03-02 13:00 UTC",
        "section Region",
        "keywords harbour, ferries",
        "subjects sea transport (medtop:20000337); 04000000, subj; ports",
        "places Riverton (geo:77, geonames)",
        "The quay D. Reyes/Wire https://news.example/q.jpg",
        "The ferry",
        "copyright Example Wire",
        "notice © 2026 Wire",
        "usage Not for resale",
        "found at stories.zip!a/b.eml",
    }


def test_what_a_provider_does_not_say_has_no_line(tmp_path: Path) -> None:
    article = make_enriched(rights=Rights(holder="Example Wire"))
    names = {line.split()[0] for line in shown(tmp_path, article) if line.strip()}
    assert "copyright" in names
    absent = {"byline", "urgency", "extent", "embargo", "section", "keywords", "subjects"}
    absent |= {"places", "Pictures", "notice", "usage", "found"}
    assert names & absent == set()


def test_each_topic_says_who_assigned_it_the_provider_s_first_and_in_its_order(
    tmp_path: Path,
) -> None:
    def topic(code: str, name: str, by: str, score: float) -> Topic:
        return Topic.model_validate({"code": code, "name": name, "score": score, "assigned_by": by})

    given = (topic("medtop:9", "rail", "provider", 1.0), topic("medtop:8", "port", "provider", 1.0))
    article = make_enriched(topics=(*given, topic("medtop:1", "weather", "model", 1.0)))
    rows = [line.split() for line in shown(tmp_path, article) if " medtop:" in line]
    assert [(row[0], row[-1]) for row in rows] == [
        ("rail", "provider"),
        ("port", "provider"),
        ("weather", "model"),
    ]
