"""``wiredesk explain``: an article as enrichment sees it, from a file or from the store.

A file goes the real way: ingest's rules and readers, then the annotators of the settings.
Nothing is published, and Redis isn't asked: what would be compared with other articles
says so.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from rich.rule import Rule

from schemas.article import EnrichedArticle
from services.console.explain_show import show_explained
from services.console.options import open_store
from services.console.read import NotFound, find_article, print_json, text_of
from services.ingest.check import check_files
from services.ingest.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rich.console import Console

    from schemas.article import RawArticle
    from services.bus.errors import Reject
    from services.ingest.check import CheckReport
    from services.settings import Settings

    Enrich = Callable[[Sequence[RawArticle]], Sequence[EnrichedArticle | Reject]]


class NothingToExplain(LookupError):  # noqa: N818  (named for the state, like NotFound)
    """The file gives no article, or the id is no article's; the message says why."""


def explain(
    what: str,
    file: Path,
    settings: Settings,
    console: Console,
    *,
    limit: int,
    as_json: bool,
    enrich: Enrich | None = None,
) -> bool:
    """Print the articles of ``file`` or, if there is no such file, the one whose id begins so.

    ``enrich`` replaces the annotators of the settings, whose models take seconds to load.
    False when a record of the file would be rejected; raises ``NothingToExplain`` when
    there is no article, and ``StopWorking`` when a model or the store is missing.
    """
    if not file.exists():
        articles, rejected = [_filed(what, settings)], False
    else:
        report = _read(file, settings)
        raw = [each.article for each in report.articles if each.article is not None]
        if not raw:
            raise NothingToExplain(f"{what}: {_why_none(report)}")
        articles = _enriched(raw[:limit], enrich or _enricher(settings))
        rejected = not report.accepted
        if not as_json:
            _say_left_out(report, len(raw), limit, console)
    if as_json:
        print_json(console, [article.model_dump(mode="json") for article in articles])
        return not rejected
    for number, article in enumerate(articles):
        if number:
            console.print(Rule())
        show_explained(article, console)
    return not rejected


def _filed(prefix: str, settings: Settings) -> EnrichedArticle:
    if "/" in prefix or "." in prefix or not prefix.strip():
        raise NothingToExplain(f"no file '{prefix}'")
    with open_store(settings) as store:
        try:
            article = store.get(find_article(store, prefix))
        except NotFound as error:
            raise NothingToExplain(f"no file '{prefix}', and {error}") from error
    if article is None:
        raise NothingToExplain(f"article {prefix} was withdrawn: the store holds no text of it")
    return article


def _read(file: Path, settings: Settings) -> CheckReport:
    with closing(Sandbox.of(settings)) as sandbox:
        (report,) = check_files([file], settings, sandbox.read)
    return report


def _why_none(report: CheckReport) -> str:
    """Why a file gives no article: it isn't taken, or each record is refused."""
    if report.would_be != "taken":
        return f"{report.would_be}: {report.reason}"
    reasons = [each.reason for each in report.articles if each.reason]
    return reasons[0] if reasons else "no article in it"


def _enricher(settings: Settings) -> Enrich:
    from services.enrichment.pipeline import Enricher  # noqa: PLC0415  (an id needs no models)

    return Enricher(settings).enrich


def _enriched(articles: Sequence[RawArticle], enrich: Enrich) -> list[EnrichedArticle]:
    """One by one, as a person reads them: the times are each article's own.

    The first is enriched twice, and its first time thrown away: models and tables warm
    up on the first text that they see, which would count as that article's time.
    """
    enrich(articles[:1])
    made = [enrich([article])[0] for article in articles]
    refused = [each for each in made if not isinstance(each, EnrichedArticle)]
    if refused:
        raise NothingToExplain(refused[0].reason)
    return [each for each in made if isinstance(each, EnrichedArticle)]


def _say_left_out(report: CheckReport, found: int, limit: int, console: Console) -> None:
    for record in report.articles:
        if record.article is None and record.reason:
            console.print(text_of(f"record {record.position}: {record.would_be}: {record.reason}"))
    more = found - limit + report.left_off
    if found > limit:
        console.print(text_of(f"the first {limit} of {limit + more} articles (--limit)", "dim"))
