"""``wiredesk demo``: the whole pipeline on the seeds, once, and what came out of it."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.markup import escape

from services.bus.errors import StopWorking
from services.console.read import by_weight, kin, times_named, value_of
from services.console.supervisor import Desk
from services.indexer.store.opening import open_store
from services.ingest.receipts import Receipt, ReceiptArticle
from services.observability import printable
from services.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from schemas.article import EnrichedArticle
    from schemas.events import Timings

TIMEOUT = 60.0
"""Seconds until the receipts must be there; a laptop needs about five."""

MARKER = ".wiredesk-demo"
"""Says that a folder was made by the demo, and may be removed by the next one."""

ACCEPTED = frozenset({"indexed", "updated", "unchanged"})


class DemoFailed(Exception):  # noqa: N818  (the name says it)
    """Something that the demo must show is missing; the message says what."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One article as the demo shows it: what the receipt says and what the store holds."""

    file: str
    receipt: ReceiptArticle
    article: EnrichedArticle


def run_demo(seeds: Path, folder: Path, console: Console) -> None:
    """Run the pipeline on copies of ``seeds`` in a fresh inbox below ``folder``.

    Raises :class:`DemoFailed` with a plain reason when anything is missing.
    """
    sources = sorted(seeds.glob("*.txt"))
    if not sources:
        raise DemoFailed(f"no *.txt files in {seeds}; run this from the project's folder")
    inbox = _fresh(folder) / "inbox"
    inbox.mkdir()
    # One worker: two articles are done before a second one has loaded its model.
    settings = Settings(inbox=inbox, workers=1)
    console.print(
        f"Starting the embedded server, ingest, enrichment and indexer on {inbox} …", soft_wrap=True
    )
    started = time.perf_counter()
    receipts = _through_the_desk(settings, sources, folder / "services.log")
    shown = _look_up(settings, receipts)
    for entry in shown:
        _print(entry, console)
    check(sources, shown)
    console.print(
        f"[bold green]All {len(sources)} files have receipts[/] after "
        f"{time.perf_counter() - started:.1f} s. Files and receipts: {inbox / 'done'}; "
        f"logs: {folder / 'services.log'}",
        soft_wrap=True,
    )


def _fresh(folder: Path) -> Path:
    """``folder``, empty. Only what an earlier demo made is removed, never somebody's files."""
    marker = folder / MARKER
    if folder.exists() and any(folder.iterdir()):
        if not marker.exists():
            raise DemoFailed(f"{folder} holds files that no demo made; name another --folder")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    marker.touch()
    return folder


def _through_the_desk(settings: Settings, sources: list[Path], logfile: Path) -> list[Receipt]:
    """Start everything, drop the files, wait for their receipts, stop everything."""
    with logfile.open("wb") as output:
        # It shows everything itself and ends: nothing is to be asked of it.
        desk = Desk(settings, output, {"*": {"WIREDESK_API": "false"}})
        try:
            desk.start()
            deadline = time.monotonic() + TIMEOUT
            desk.run(lambda: desk.ready() or time.monotonic() > deadline)
            for source in sources:
                _drop(source, settings.inbox)
            desk.run(
                lambda: len(_receipts(settings)) >= len(sources) or time.monotonic() > deadline
            )
        except StopWorking as error:
            raise DemoFailed(f"{error}. See {logfile}") from error
        finally:
            desk.stop(drain=False)
    found = _receipts(settings)
    if len(found) < len(sources):
        have = {receipt.file for receipt in found}
        missing = ", ".join(source.name for source in sources if source.name not in have)
        raise DemoFailed(f"no receipt after {TIMEOUT:g} s for {missing}. See {logfile}")
    return found


def _drop(source: Path, inbox: Path) -> None:
    """Copy under a temporary name and rename into place: taken at once, never half."""
    part = inbox / f"{source.name}.part"
    shutil.copyfile(source, part)
    part.rename(inbox / source.name)


def _receipts(settings: Settings) -> list[Receipt]:
    folders = (settings.done, settings.rejected)
    paths = [path for folder in folders for path in folder.glob("*.receipt.json")]
    return [Receipt.model_validate_json(path.read_bytes()) for path in sorted(paths)]


def _look_up(settings: Settings, receipts: list[Receipt]) -> list[Shown]:
    shown: list[Shown] = []
    with open_store(settings, read_only=True) as store:
        for receipt in receipts:
            for line in receipt.articles:
                if line.outcome not in ACCEPTED:
                    raise DemoFailed(f"{receipt.file}: {line.outcome}: {line.reason}")
                article = store.get(line.article_id)
                if article is None:
                    raise DemoFailed(f"{receipt.file}: the store has no article {line.article_id}")
                shown.append(Shown(receipt.file, line, article))
    return shown


def check(sources: list[Path], shown: list[Shown]) -> None:
    """Raise :class:`DemoFailed` unless every file gave an article with everything on it."""
    by_file = {entry.file: entry.article for entry in shown}
    for source in sources:
        article = by_file.get(source.name)
        if article is None:
            raise DemoFailed(f"{source.name}: no article came of it")
        missing = [name for name, there in _wanted(article).items() if not there]
        if missing:
            raise DemoFailed(f"{source.name}: missing {', '.join(missing)}")


def _wanted(article: EnrichedArticle) -> dict[str, bool]:
    undone = {p.block: p.reason for p in article.provenance if p.status != "done"}
    return {
        "headline": bool(article.headline),
        "body": any(section.role == "body" for section in article.sections),
        "language": article.detected_language.code != "und",
        "entities": bool(article.entities),
        "topics": bool(article.topics),
        **{f"block {block} ({reason})": False for block, reason in undone.items()},
    }


def _print(entry: Shown, console: Console) -> None:
    article = entry.article
    console.rule(escape(printable(entry.file)))
    facts = {
        "id": str(article.article_id),
        "title": article.headline or "–",
        "published": article.published_at.isoformat() if article.published_at else "not stated",
        "language": f"{article.detected_language.code} "
        f"({article.detected_language.confidence:.2f})",
        "outcome": entry.receipt.outcome,
    }
    for name, value in facts.items():
        console.print(f"[bold]{name:>10}[/]  {escape(printable(value))}", soft_wrap=True)
    _print_set_apart(article, console)
    _print_entities(article, console)
    for topic in article.topics:
        line = f"{topic.code}  {topic.name}  {topic.score:.2f}"
        console.print(f"[bold]{'topic':>10}[/]  {escape(printable(line))}", soft_wrap=True)
    print_kin(article, console)
    _print_times(article, entry.receipt.timings, console)


def _print_set_apart(article: EnrichedArticle, console: Console) -> None:
    console.print(f"[bold]{'set apart':>10}[/]  {len(article.set_apart)} lines of the source")
    for line in article.set_apart:
        text = f"line {line.line:>3}  {line.kind:<18}  {line.text}"
        console.print(f"{'':>12}{escape(printable(text))}", soft_wrap=True)


def _print_entities(article: EnrichedArticle, console: Console) -> None:
    console.print(f"[bold]{'entities':>10}[/]  {len(article.entities)}")
    for entity in by_weight(article.entities):
        spellings = ", ".join(sorted({mention.text for mention in entity.mentions}))
        weight = "" if entity.salience is None else f"{entity.salience:.2f}  "
        text = f"{weight}{times_named(entity):>3} × {entity.type:<8} {entity.name}"
        meant = f" = {value_of(entity)}" if value_of(entity) else ""
        as_written = f"  (as {spellings})" if spellings != entity.name else ""
        console.print(f"{'':>12}{escape(printable(text + meant + as_written))}", soft_wrap=True)


def print_kin(article: EnrichedArticle, console: Console) -> None:
    """What the article says in short, who is quoted, and which articles it belongs with."""
    lines: list[tuple[str, str]] = []
    if article.summary is not None:
        lines.append(("summary", article.summary.text))
    for quote in article.quotes:
        speaker = quote.speaker_name or quote.speaker or "somebody"
        lines.append(("quote", f"{speaker}: “{quote.text}”"))
    if article.story is not None:
        lines.append(("story", f"{article.story.id}, article {article.story.articles} of it"))
    if article.near_duplicate_of is not None:
        lines.append(("copy of", kin(article.near_duplicate_of)))
    for name, text in lines:
        console.print(f"[bold]{name:>10}[/]  {escape(printable(text))}", soft_wrap=True)


def _print_times(article: EnrichedArticle, timings: Timings, console: Console) -> None:
    stations = [
        ("read", timings.received_at, timings.ingested_at),
        ("enriched", timings.ingested_at, timings.enriched_at),
        ("filed", timings.enriched_at, timings.filed_at),
    ]
    hops = [
        f"{name} after {(end - begin).total_seconds() * 1000:.0f} ms"
        for name, begin, end in stations
        if begin is not None and end is not None
    ]
    blocks = [f"{p.block} {p.duration_ms:.1f} ms" for p in article.provenance]
    console.print(
        f"[bold]{'time':>10}[/]  {', '.join(hops)}; of that {', '.join(blocks)}", soft_wrap=True
    )
