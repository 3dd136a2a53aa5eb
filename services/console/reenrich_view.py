"""What ``wiredesk reenrich`` prints: a run, all runs, a look at what one would take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.console.read import print_json, table_of, text_of, time_of
from services.console.reenrich_runs import short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from services.console.reenrich import Preview
    from services.console.reenrich_choice import Choice
    from services.console.reenrich_runs import Run, Runs
    from services.indexer.store.base import ArticleStore


def document(run: Run, runs: Runs, outcomes: Mapping[str, int]) -> dict[str, Any]:
    """A run as JSON; ``outcomes``: of its articles, as the store has counted them."""
    ended = sum(outcomes.values()) + run.buried + run.withdrawn
    sent = len(run.flying) if run.state == "running" else max(0, run.chosen - ended)
    return {
        "run_id": str(run.run_id),
        "state": "interrupted" if runs.silent(run) else run.state,
        "conditions": run.choice.model_dump(mode="json", exclude_defaults=True),
        "started_at": run.started_at,
        "written_at": run.written_at,
        "looked_at": run.looked_at,
        "taken": run.chosen,
        "outcomes": dict(outcomes),
        "dead": run.buried,
        "gone": run.withdrawn,
        "on_its_way": 0 if run.state == "cancelled" else sent,
    }


def documents(store: ArticleStore, runs: Runs) -> list[dict[str, Any]]:
    """Every run that is remembered, the newest first."""
    totals = store.totals()
    return [document(run, runs, totals.get(str(run.run_id), {})) for run in runs.all()]


def show_run(
    store: ArticleStore, runs: Runs, run: Run, console: Console, *, as_json: bool
) -> dict[str, Any]:
    """Print how a run stands; gives it back as JSON has it."""
    made = document(run, runs, store.totals().get(str(run.run_id), {}))
    if as_json:
        print_json(console, made)
        return made
    console.print(
        text_of(f"run {short(run)}: {made['state']}; {run.choice.said()}"), soft_wrap=True
    )
    console.print(
        f"{run.looked_at:,} looked at, {run.chosen:,} taken{_outcomes(made)}", soft_wrap=True
    )
    return made


def _outcomes(made: Mapping[str, Any]) -> str:
    parts = [f"{number:,} {kind}" for kind, number in sorted(made["outcomes"].items())]
    for name, words in (
        ("dead", "dead letters (`wiredesk dead list`)"),
        ("gone", "withdrawn meanwhile"),
        ("on_its_way", "on their way"),
    ):
        if made[name]:
            parts.append(f"{made[name]:,} {words}")
    return f": {', '.join(parts)}" if parts else ""


def show_all(store: ArticleStore, runs: Runs, console: Console, *, as_json: bool) -> None:
    """Print every run that is remembered."""
    found = documents(store, runs)
    if as_json:
        print_json(console, found)
        return
    if not found:
        console.print("nothing was enriched again")
        return
    table = table_of("run", "started (UTC)", "state", "articles", "what")
    for made, run in zip(found, runs.all(), strict=True):
        table.add_row(
            short(run),
            time_of(run.started_at),
            made["state"],
            f"{run.chosen:,} of {run.looked_at:,}{_outcomes(made)}",
            text_of(run.choice.said()),
        )
    console.print(table)


def show_preview(seen: Preview, choice: Choice, console: Console, *, as_json: bool) -> None:
    """Print what a run would take."""
    makers: Sequence[tuple[tuple[str, str], int]] = sorted(seen.made.items())
    if as_json:
        print_json(
            console,
            {
                "looked_at": seen.looked_at,
                "taken": seen.chosen,
                "made": [
                    {"block": block, "by": maker, "articles": number}
                    for (block, maker), number in makers
                ],
            },
        )
        return
    console.print(
        text_of(f"{seen.chosen:,} of {seen.looked_at:,} articles: {choice.said()}"), soft_wrap=True
    )
    if makers:
        table = table_of("block", "made by", "articles")
        for (block, maker), number in makers:
            table.add_row(text_of(block), text_of(maker), f"{number:,}")
        console.print(table)
