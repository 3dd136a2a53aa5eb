"""``wiredesk check``: what would become of files, from the real reading path."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import orjson
from rich.markup import escape

from services.ingest.check import CheckedArticle, CheckReport, check_files
from services.ingest.sandbox import Sandbox
from services.observability import printable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from services.settings import Settings

MOST_SHOWN = 20
"""Records of one file shown in full; of what comes after, only what would be rejected."""

COLOURS = {"taken": "green", "published": "green", "ignored": "yellow"}


def show_checks(
    files: Sequence[Path], settings: Settings, console: Console, *, as_json: bool
) -> bool:
    """Check ``files`` and print what was found; whether every one would be accepted."""
    with closing(Sandbox.of(settings)) as sandbox:
        reports = []
        for report in check_files(files, settings, sandbox.read):
            reports.append(report)
            if not as_json:
                _show(report, console)
    if as_json:
        documents = [report.model_dump(mode="json") for report in reports]
        console.out(orjson.dumps(documents).decode(), highlight=False)
    return all(report.accepted for report in reports)


def _show(report: CheckReport, console: Console) -> None:
    console.print(f"[bold]{_clean(report.file)}[/]: {_coloured(report.would_be)}", soft_wrap=True)
    if report.reason:
        _line(console, "reason", report.reason)
    if report.reader is not None:
        reader = f"{report.reader.name} ({report.reader.format}, {report.reader.encoding})"
        _line(console, "read by", reader)
        for warning in report.reader.warnings:
            _line(console, "warning", warning)
    if len(report.articles) > 1:
        counts = ", ".join(f"{number} {kind}" for kind, number in report.summary.items())
        _line(console, "records", f"{sum(report.summary.values())} ({counts})")
    for checked in report.articles[:MOST_SHOWN]:
        _show_article(checked, console)
    for checked in report.articles[MOST_SHOWN:]:
        if checked.would_be == "rejected":
            _show_article(checked, console)
    if len(report.articles) > MOST_SHOWN or report.left_off:
        _line(console, "", "not all records are shown; --json lists a thousand of each kind")


def _show_article(checked: CheckedArticle, console: Console) -> None:
    where = f" ({checked.locator})" if checked.locator else ""
    _line(console, f"record {checked.position}", f"{checked.would_be}{where}")
    if checked.reader is not None:
        _line(console, "read by", f"{checked.reader.name} ({checked.reader.format})")
        for warning in checked.reader.warnings:
            _line(console, "warning", warning)
    for name, value in (("reason", checked.reason), ("advice", checked.advice)):
        if value:
            _line(console, name, value)
    article = checked.article
    if article is None:
        return
    _line(console, "id", f"{article.article_id} (from its {article.identity_basis})")
    _line(console, "headline", article.headline or "none found")
    if article.standfirst:
        _line(console, "standfirst", article.standfirst)
    published = article.published_at.isoformat() if article.published_at else "not stated"
    _line(console, "published", published)
    _line(console, "text", f"{len(article.text)} characters")
    for line in article.set_apart:
        _line(console, "set apart", f"line {line.line}, {line.kind}: {line.text}")


def _line(console: Console, name: str, value: str) -> None:
    console.print(f"{name:>12}  {_clean(value)}", soft_wrap=True)


def _coloured(word: str) -> str:
    return f"[{COLOURS.get(word, 'red')}]{_clean(word)}[/]"


def _clean(text: str) -> str:
    return escape(printable(text))
